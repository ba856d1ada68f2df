"""Devices come and change: what is stored, what the world hears, who gets which id."""

import json
from dataclasses import replace

import pytest

from device_registry.domain.identity import candidates
from device_registry.domain.model import AdoptionPolicy, Declared, DeletionPolicy, DeviceSpec, Tenant
from device_registry.domain.reasons import Reason
from tests.support.builders import a_device, a_static, a_template, an_attribute, an_override, at
from tests.support.story import Story

OLD, YOUNG = a_device("old", id="abcd", created=at(0)), a_device("young", id="abcd", created=at(1))


def test_a_device_before_its_template_waits_and_comes_after_it(story: Story) -> None:
    device = a_device(id="abcd")
    (waiting,) = story.apply(device)
    assert waiting.reason is Reason.TEMPLATE_NOT_FOUND
    assert '"thermometer"' in waiting.message
    assert story.heard() == []
    story.apply(a_template())
    (outcome,) = story.apply(device)
    assert (outcome.reason, outcome.target, outcome.sequence) == (Reason.REGISTERED, "abcd", 1)
    assert story.heard() == ["create abcd#1"]


def test_applying_the_same_again_is_silent(story: Story) -> None:
    story.apply(a_template(), a_device(id="abcd"))
    before = story.row("abcd")
    story.heard()
    (outcome,) = story.apply(a_device(id="abcd"))
    assert (outcome.reason, outcome.sequence, story.heard()) == (Reason.REGISTERED, 1, [])
    assert story.row("abcd") == before


def test_an_edit_that_changes_the_document_is_told_once(story: Story) -> None:
    story.apply(a_template(), a_device(id="abcd"))
    (outcome,) = story.apply(a_device("freezer-7", an_override(), id="abcd", generation=2))
    assert story.heard() == ["create abcd#1", "update abcd#2"]
    assert (outcome.revision, outcome.sequence) == (2, 2)
    assert "updated" in story.document("abcd")
    assert story.payloads()[-1]["data"] == story.document("abcd")


def test_an_edit_that_changes_no_document_is_stored_and_not_told(story: Story) -> None:
    story.apply(a_template(), a_device(id="abcd"))
    edited = a_device(id="abcd", generation=2, deletion_policy=DeletionPolicy.RETAIN)
    (outcome,) = story.apply(edited)
    row = story.row("abcd")
    assert row
    assert (row.generation, row.revision, row.spec) == (2, 1, edited.spec)
    assert (outcome.generation, outcome.sequence) == (2, 1)
    assert story.heard() == ["create abcd#1"]


def test_an_override_that_nothing_takes_is_registered_and_named(story: Story) -> None:
    (outcome,) = story.apply(a_template(), a_device("d", an_override("typo")))[1:]
    assert (outcome.reason, outcome.unused) == (Reason.REGISTERED, ("typo (static)",))


def test_a_device_without_an_id_gets_the_same_one_after_everything_was_lost(story: Story) -> None:
    story.apply(a_template())
    (outcome,) = story.apply(a_device())
    assert outcome.target == next(candidates("acme", "freezer-7"))


def test_a_device_whose_first_id_is_taken_gets_the_next_and_keeps_it(story: Story) -> None:
    first, second, *_ = candidates("acme", "freezer-7")
    story.apply(a_template(), a_device("squatter", id=first))
    squatter = a_device("squatter", id=first)
    assert story.apply(a_device())[0].target == second
    story.delete(squatter)
    assert story.apply(a_device())[0].target == second


def test_a_batch_that_hands_a_row_over_and_probes_ids_remembers_the_new_holder(story: Story) -> None:
    first, second, *_ = candidates("acme", "freezer-7")
    heir, latecomer = a_device("heir", id=first, created=at(-1)), a_device("late", id=first, created=at(1))
    story.apply(a_template(), a_device())
    outcomes = story.apply(heir, a_device(), latecomer)
    assert [one.target for one in outcomes] == [first, second, ""]
    assert "acme/heir" in outcomes[2].message


@pytest.mark.parametrize("order", [(OLD, YOUNG), (YOUNG, OLD)])
def test_of_two_with_one_id_in_one_batch_the_older_wins(
    story: Story, order: tuple[Declared[DeviceSpec], ...]
) -> None:
    story.apply(a_template())
    outcomes = {one.key.name: one for one in story.apply(*order)}
    assert outcomes["old"].reason is Reason.REGISTERED
    assert outcomes["young"].reason is Reason.IDENTITY_CONFLICT
    assert "acme/old" in outcomes["young"].message
    assert story.heard() == ["create abcd#1"]
    assert story.document("abcd")["label"] == "old"


def test_the_older_that_comes_first_keeps_its_row(story: Story) -> None:
    story.apply(a_template(), OLD)
    (outcome,) = story.apply(YOUNG)
    assert (outcome.reason, outcome.wanted, outcome.target) == (Reason.IDENTITY_CONFLICT, "abcd", "")
    assert story.heard() == ["create abcd#1"]


def test_the_older_that_comes_later_takes_the_row_and_the_younger_is_looked_at(story: Story) -> None:
    story.apply(a_template(), YOUNG)
    (result,) = story.results(OLD)
    assert result.wake == (YOUNG.key,)
    assert story.heard() == ["create abcd#1", "update abcd#2"]
    assert story.apply(YOUNG)[0].reason is Reason.IDENTITY_CONFLICT
    assert story.apply(OLD)[0].reason is Reason.REGISTERED
    assert story.heard() == []


def test_when_the_winner_goes_the_loser_is_woken_and_takes_over(story: Story) -> None:
    story.apply(a_template(), OLD, YOUNG)
    (left,) = story.delete(OLD)
    assert left.wake == (YOUNG.key,)
    (outcome,) = story.apply(YOUNG)
    assert (outcome.reason, outcome.sequence) == (Reason.REGISTERED, 3)
    assert story.heard() == ["create abcd#1", "remove abcd#2", "create abcd#3"]


def test_deleting_the_loser_never_touches_the_row(story: Story) -> None:
    story.apply(a_template(), OLD, YOUNG)
    (left,) = story.delete(YOUNG)
    assert (left.event, left.wake) == (None, ())
    assert story.document("abcd")["label"] == "old"
    assert story.heard() == ["create abcd#1"]


def test_a_row_that_the_registry_rejects_fails_alone(story: Story) -> None:
    bad = a_device("bad", label="a\x00b")
    batch = [a_device(f"d{n}", id=f"d{n}") for n in range(5)]
    outcomes = story.apply(a_template(), *batch[:2], bad, *batch[2:])[1:]
    assert [one.reason for one in outcomes] == [Reason.REGISTERED] * 2 + [Reason.INVALID_SPEC] + [
        Reason.REGISTERED
    ] * 3
    assert sorted(story.heard()) == [f"create d{n}#1" for n in range(5)]
    assert story.registry.outcomes([bad.key])[bad.key].reason is Reason.INVALID_SPEC


def test_answers_come_in_the_order_of_the_questions(story: Story) -> None:
    batch = [a_device(name, created=at(-n)) for n, name in enumerate("cabd")]
    outcomes = story.apply(a_template(), *batch)[1:]
    assert [one.key.name for one in outcomes] == ["c", "a", "b", "d"]


def test_two_templates_with_one_attribute_are_refused_and_the_last_good_document_stays(story: Story) -> None:
    story.apply(a_template("t1", an_attribute()), a_template("t2", an_attribute()))
    story.apply(a_device(templates=["t1"], id="abcd"))
    (outcome,) = story.apply(a_device(templates=["t1", "t2"], id="abcd", generation=2))
    assert (outcome.reason, outcome.target) == (Reason.ATTRIBUTE_CONFLICT, "abcd")
    assert story.document("abcd")["templates"] == [1]
    assert story.heard() == ["create abcd#1"]


def test_templates_stand_in_the_order_of_the_device(story: Story) -> None:
    story.apply(a_template("t1", an_attribute()), a_template("t2", a_static()))
    story.apply(a_device(templates=["t2", "t1"], id="abcd"))
    assert story.document("abcd")["templates"] == [2, 1]
    story.apply(a_device(templates=["t1", "t2"], id="abcd", generation=2))
    assert story.document("abcd")["templates"] == [1, 2]
    assert story.heard() == ["create abcd#1", "update abcd#2"]


def test_a_second_namespace_cannot_take_a_tenant(story: Story) -> None:
    story.apply(a_template(), a_device())
    (outcome,) = story.apply(a_device("other", namespace="elsewhere"))
    assert outcome.reason is Reason.TENANT_CONFLICT


def test_a_namespace_with_rows_keeps_its_tenant(story: Story) -> None:
    story.apply(a_template(), a_device())
    moved = [replace(one, tenant=Tenant("new")) for one in (a_template(), a_device())]
    assert [one.reason for one in story.apply(*moved)] == [Reason.TENANT_CONFLICT] * 2


def test_a_registered_device_keeps_its_id(story: Story) -> None:
    story.apply(a_template(), a_device(id="abcd"))
    (outcome,) = story.apply(a_device(id="ef01", generation=2))
    assert (outcome.reason, outcome.target) == (Reason.INVALID_SPEC, "abcd")


def test_an_unclaimed_row_is_only_taken_over_when_the_device_says_so(story: Story) -> None:
    story.apply(a_template(), a_device("former", id="abcd"))
    story.delete(a_device("former", id="abcd"), policy=DeletionPolicy.RETAIN)
    heir = a_device("heir", id="abcd", label="former")
    assert story.apply(heir)[0].reason is Reason.ALREADY_EXISTS
    same = replace(heir, spec=replace(heir.spec, adoption_policy=AdoptionPolicy.IF_IDENTICAL))
    other = replace(same, spec=replace(same.spec, label="changed"))
    assert story.apply(other)[0].reason is Reason.ALREADY_EXISTS
    assert story.apply(same)[0].reason is Reason.REGISTERED
    assert story.heard() == ["create abcd#1"]


def test_adopting_a_row_that_differs_is_told(story: Story) -> None:
    story.apply(a_template(), a_device("former", id="abcd"))
    story.delete(a_device("former", id="abcd"), policy=DeletionPolicy.RETAIN)
    story.apply(a_device("heir", id="abcd", adoption_policy=AdoptionPolicy.ADOPT))
    assert story.heard() == ["create abcd#1", "update abcd#2"]


def test_the_writer_and_the_generation_travel_with_the_event(story: Story) -> None:
    story.apply(a_template(), a_device(writer="kubectl", generation=5))
    (recorded,) = story.outbox.unsent(1)
    headers = dict(recorded.headers)
    assert (headers["dojot_writer"], headers["dojot_generation"]) == (b"kubectl", b"5")
    assert json.loads(recorded.event.payload)["event"] == "create"


def test_an_older_generation_that_comes_late_changes_nothing(story: Story) -> None:
    late = a_device(id="abcd", templates=["missing"], generation=1)
    story.apply(a_template(), a_device(id="abcd", label="new", generation=2))
    story.apply(late)
    assert story.document("abcd")["label"] == "new"
    assert story.heard() == ["create abcd#1"]
    (kept,) = story.registry.outcomes([late.key]).values()
    assert (kept.generation, kept.reason) == (2, Reason.REGISTERED)


def test_an_announcement_tells_of_a_device_that_stayed_the_same(story: Story) -> None:
    story.apply(a_template("t"), a_device("d", templates=["t"], id="d"))
    story.heard()
    (outcome,) = story.apply(a_device("d", templates=["t"], id="d", generation=2, announce="once more"))
    assert story.heard() == ["update d#2"]
    assert (outcome.sequence, outcome.revision) == (2, 2)
    assert "updated" in story.document("d")
    story.apply(a_device("d", templates=["t"], id="d", generation=3, announce="once more"))
    story.apply(a_device("d", templates=["t"], id="d", generation=4))
    assert story.heard() == []
