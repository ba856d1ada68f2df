"""A template changes: its devices follow, each event is sent once, and a bad edit spoils nothing."""

import pytest

from device_registry.domain.model import (
    Compatibility,
    Declared,
    DeletionPolicy,
    DeviceSpec,
    TemplateSpec,
    Tenant,
)
from device_registry.domain.outcome import Usage
from device_registry.domain.reasons import Reason
from tests.support.builders import a_device, a_static, a_template, an_attribute, an_entry
from tests.support.story import Story

TEMPLATE = a_template("t", an_attribute())
EDITED = a_template("t", an_attribute(), a_static(), generation=2)


def devices(count: int) -> list[Declared[DeviceSpec]]:
    return [a_device(f"d{n}", templates=["t"], id=f"d{n}") for n in range(count)]


def test_an_edit_gives_each_device_one_update_and_then_tells_of_the_template(story: Story) -> None:
    story.apply(TEMPLATE, *devices(5))
    story.heard()
    story.apply(EDITED)
    assert story.heard() == []
    chunks = story.propagate(limit=2)
    assert [chunk.usage.current for chunk in chunks] == [2, 4, 5]
    assert story.heard() == [f"update d{n}#2" for n in range(5)] + ["template.update template/1#1"]
    told = story.payloads()[-1]["data"]
    assert told["affected"] == ["d0", "d1", "d2", "d3", "d4"]
    assert [one["label"] for one in told["template"]["attrs"]] == ["temperature", "serial"]


def test_propagating_again_is_silent(story: Story) -> None:
    story.apply(TEMPLATE, *devices(2), EDITED)
    story.apply(EDITED)
    story.propagate()
    story.heard()
    (chunk,) = story.propagate()
    assert chunk.done
    assert story.heard() == []
    assert story.registry.unpropagated() == []


def test_a_new_template_has_nothing_to_propagate(story: Story) -> None:
    story.apply(TEMPLATE)
    assert story.registry.unpropagated() == []
    story.propagate()
    assert story.heard() == []


def test_an_edit_without_devices_is_told_as_well(story: Story) -> None:
    story.apply(TEMPLATE)
    story.apply(EDITED)
    assert story.registry.unpropagated() == [("acme", 1)]
    story.propagate()
    assert story.heard() == ["template.update template/1#1"]


def test_an_edit_that_changes_no_document_is_not_told(story: Story) -> None:
    story.apply(TEMPLATE, *devices(1))
    story.heard()
    kept = a_template("t", an_attribute(), generation=2, deletion_policy=DeletionPolicy.RETAIN)
    assert story.apply(kept)[0].revision == 1
    assert story.registry.unpropagated() == []


def test_a_new_label_of_a_template_changes_no_device(story: Story) -> None:
    story.apply(TEMPLATE, *devices(1))
    story.heard()
    story.apply(a_template("t", an_attribute(), label="new", generation=2))
    story.propagate()
    assert story.heard() == ["template.update template/1#1"]
    assert story.registry.unpropagated() == []


def test_propagation_does_not_move_the_time_of_a_device(story: Story) -> None:
    story.apply(TEMPLATE, *devices(1))
    story.apply(EDITED)
    story.propagate()
    assert "updated" not in story.document("d0")


def test_a_device_registered_between_edit_and_propagation_is_told_once(story: Story) -> None:
    story.apply(TEMPLATE)
    story.apply(EDITED)
    story.apply(*devices(1))
    story.propagate()
    assert story.heard() == ["create d0#1", "template.update template/1#1"]


def conflict(story: Story) -> None:
    """`d0` has the templates t and u; t is edited so that both declare `serial`; `d1` has t alone."""
    story.apply(TEMPLATE, a_template("u", a_static()))
    story.apply(a_device("d0", templates=["t", "u"], id="d0"), a_device("d1", templates=["t"], id="d1"))
    story.heard()
    story.apply(EDITED)


def test_an_edit_that_breaks_a_device_keeps_its_last_good_document(story: Story) -> None:
    conflict(story)
    before = story.row("d0")
    (chunk,) = story.propagate()
    key = a_device("d0").key
    assert (chunk.affected, chunk.usage) == ((key,), Usage(total=2, current=1, stale=0))
    assert story.heard() == ["update d1#2", "template.update template/1#1"]
    assert story.row("d0") == before
    assert story.registry.outcomes([key])[key].reason is Reason.ATTRIBUTE_CONFLICT


def test_a_device_that_an_edit_breaks_still_says_whether_its_last_event_was_published(story: Story) -> None:
    conflict(story)
    story.propagate()
    key = a_device("d0").key
    assert story.registry.outcomes([key])[key].sequence == 1


def test_a_device_that_can_be_rendered_again_is_looked_at(story: Story) -> None:
    conflict(story)
    story.propagate()
    story.heard()
    story.apply(a_template("t", an_attribute(), an_attribute("new"), generation=3))
    (chunk,) = story.propagate()
    assert chunk.affected == (a_device("d0").key,)
    (outcome,) = story.apply(a_device("d0", templates=["t", "u"], id="d0"))
    assert outcome.reason is Reason.REGISTERED
    assert story.heard() == ["update d0#2", "update d1#3", "template.update template/1#2"]


def test_propagating_a_template_that_is_gone_is_done(story: Story) -> None:
    (chunk,) = story.propagate(template_id=99)
    assert (chunk.done, chunk.key) == (True, None)


def test_ids_are_given_to_attributes_before_metadata(story: Story) -> None:
    entry = an_entry()
    story.apply(
        a_template("t", an_attribute("a", metadata=(entry,)), an_attribute("b")),
        a_device(templates=["t"], id="d"),
    )
    first, second = story.document("d")["attrs"]["1"]
    assert (first["id"], second["id"], first["metadata"][0]["id"]) == (1, 2, 3)


def test_a_pinned_template_is_registered_under_its_id_and_later_ids_are_larger(story: Story) -> None:
    story.apply(a_template("t", an_attribute(id=7), template_id=40))
    outcomes = story.apply(a_template("t", an_attribute(id=7), template_id=40), a_template("u"))
    assert [one.target for one in outcomes] == ["40", "41"]
    story.apply(a_device(templates=["u"], id="d"))
    assert [one["id"] for one in story.document("d")["attrs"]["41"]] == [8, 9]


@pytest.mark.parametrize(
    ("second", "reason", "part"),
    [
        (a_template("u", template_id=1), Reason.IDENTITY_CONFLICT, "belongs to the Template acme/t"),
        (a_template("u", an_attribute(id=1)), Reason.IDENTITY_CONFLICT, "belongs to the template 1"),
        (a_template("t", an_attribute(), template_id=9), Reason.INVALID_SPEC, "registered as 1"),
        (a_template("t", an_attribute(id=9)), Reason.INVALID_SPEC, "registered as 1"),
        (a_template("u", an_attribute(id=9), an_attribute("b", id=9)), Reason.INVALID_SPEC, "more than one"),
        (a_template("t", an_attribute(), an_attribute("b", id=1)), Reason.INVALID_SPEC, "more than one"),
        (a_template("u", label="\x00"), Reason.INVALID_SPEC, "refuses a value"),
        (a_template("u", namespace="elsewhere"), Reason.TENANT_CONFLICT, 'the namespace "acme"'),
    ],
)
def test_a_template_that_asks_for_what_cannot_be_is_refused(
    story: Story, second: Declared[TemplateSpec], reason: Reason, part: str
) -> None:
    story.apply(TEMPLATE)
    (outcome,) = story.apply(second)
    assert outcome.reason is reason
    assert part in outcome.message


def test_a_backward_compatible_template_loses_nothing_while_it_is_used(story: Story) -> None:
    backward = Compatibility.BACKWARD
    story.apply(EDITED, *devices(1))
    smaller = a_template("t", an_attribute(), generation=3, compatibility=backward)
    assert story.apply(smaller)[0].reason is Reason.INVALID_SPEC
    larger = a_template(
        "t", an_attribute(), a_static(), an_attribute("new"), generation=4, compatibility=backward
    )
    assert story.apply(larger)[0].reason is Reason.REGISTERED


def test_tenants_have_the_same_ids_without_meeting(story: Story) -> None:
    other = Tenant("other")
    story.apply(TEMPLATE, a_template("t", an_attribute("pressure"), namespace="other", tenant=other))
    device = a_device(templates=["t"], id="d", namespace="other", tenant=other)
    story.apply(a_device(templates=["t"], id="d"), device)
    labels = [payload["data"]["attrs"]["1"][0]["label"] for payload in story.payloads()]
    assert labels == ["temperature", "pressure"]
    assert story.heard() == ["create d#1", "create d#1"]


def test_an_older_generation_that_comes_late_changes_no_template(story: Story) -> None:
    story.apply(TEMPLATE)
    story.apply(EDITED)
    assert story.apply(TEMPLATE)[0].revision == 2
    assert story.apply(EDITED)[0].revision == 2


def test_an_announcement_tells_every_device_once_though_nothing_changed(story: Story) -> None:
    story.apply(TEMPLATE, *devices(3))
    before = story.document("d0")
    story.heard()
    story.apply(a_template("t", an_attribute(), generation=2, announce="once more"))
    story.propagate(limit=2)
    assert story.heard() == [f"update d{n}#2" for n in range(3)] + ["template.update template/1#1"]
    assert story.document("d0") == before
    story.apply(a_template("t", an_attribute(), generation=3, announce="once more"))
    story.apply(a_template("t", an_attribute(), generation=4))
    story.propagate()
    assert story.heard() == []


def test_a_device_that_is_edited_before_an_announcement_reaches_it_is_told_once(story: Story) -> None:
    story.apply(TEMPLATE, *devices(2))
    story.heard()
    story.apply(a_template("t", an_attribute(), generation=2, announce="once more"))
    story.apply(a_device("d0", templates=["t"], id="d0", generation=2, deletion_policy=DeletionPolicy.RETAIN))
    story.propagate()
    assert story.heard() == ["update d0#2", "update d1#2", "template.update template/1#1"]


def test_a_device_that_came_after_an_announcement_is_not_told_of_it(story: Story) -> None:
    story.apply(TEMPLATE)
    story.apply(a_template("t", an_attribute(), generation=2, announce="once more"), *devices(1))
    story.propagate()
    assert story.heard() == ["create d0#1", "template.update template/1#1"]
