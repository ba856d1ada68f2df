"""Rows of another registry are taken over: ids and times stay, and nobody is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from device_registry.crypto import PasswordVault
from device_registry.dispatch import Outbox
from device_registry.domain.errors import Refused
from device_registry.domain.model import Claim, DeviceId, DeviceRow, Kind, RegisteredTemplate
from device_registry.domain.psk import Psk
from device_registry.domain.reasons import Reason
from device_registry.domain.rendering import Identity, device_document
from device_registry.ports import Registry
from device_registry.reconcile import Keeping
from device_registry.reconcile.takeover import Inventory, TakenOver, take_over
from device_registry.reconcile.unclaimed import Ref
from tests.support.builders import (
    ACME,
    NOON,
    a_credential,
    a_device,
    a_psk,
    a_row,
    a_static,
    a_template,
    an_override,
    at,
    registered,
)
from tests.support.story import Story

TEMPLATE = a_template(template_id=7)
DEVICE_REF = Ref(Kind.DEVICE, ACME, "beef")
TEMPLATE_REF = Ref(Kind.TEMPLATE, ACME, "7")


VAULT = PasswordVault("kamehameHA", "shuriken")
ONE, TWO = Psk("00112233"), Psk("aabbccdd")


@pytest.fixture
def story(registry: Registry, outbox: Outbox, clock: Callable[[], datetime]) -> Story:
    return Story(registry, outbox, clock, Keeping(vault=VAULT))


def expected(name: str) -> Claim:
    return Claim(namespace="acme", name=name, uid="", created=NOON)


def old_template(label: str = "thermometer", first: int = 11) -> RegisteredTemplate:
    found = registered(TEMPLATE, 7, first)
    claim = expected("thermometer")
    return replace(found, label=label, created=at(-90), updated=at(-80), claim=claim, unclaimed_since=NOON)


def old_device(device_id: str = "beef", template: RegisteredTemplate | None = None, **spec: Any) -> DeviceRow:
    used = template or old_template()
    declared = a_device(device_id, an_override(), id=device_id, **spec)
    identity = Identity(tenant=ACME, id=DeviceId(device_id), created=at(-70), updated=at(-60))
    return a_row(
        declared,
        device_id,
        document=device_document(identity, declared.spec, [used]),
        templates={used.id: 1},
        created=identity.created,
        updated=identity.updated,
        claim=expected(device_id),
        generation=0,
        unclaimed_since=NOON,
    )


def taken(
    story: Story,
    templates: Sequence[RegisteredTemplate] = (old_template(),),
    devices: Sequence[DeviceRow] = (old_device(),),
    former: Sequence[Ref] = (),
    keys: Mapping[str, Psk] | None = None,
) -> TakenOver:
    with story.registry.transaction() as transaction:
        inventory = Inventory(
            tenant=ACME,
            templates=templates,
            devices=devices,
            keys={DeviceId("beef"): keys} if keys is not None else {},
        )
        return take_over(transaction, inventory, VAULT, NOON, former)


def test_what_is_taken_over_is_there_as_it_was_and_unclaimed(story: Story) -> None:
    assert taken(story).written == (TEMPLATE_REF, DEVICE_REF)
    row = story.row("beef")
    assert row == old_device()
    assert story.registry.unclaimed() == {Kind.DEVICE: 1, Kind.TEMPLATE: 1}
    assert story.registry.unpropagated() == []
    assert story.heard() == []


def test_its_resources_claim_it_without_an_event_and_times_stay(story: Story) -> None:
    taken(story)
    before = story.document("beef")
    outcomes = story.apply(TEMPLATE, a_device("beef", an_override(), id="beef"))
    assert [one.reason for one in outcomes] == [Reason.REGISTERED] * 2
    row = story.row("beef")
    assert row
    assert (row.claimed, row.created, row.updated) == (True, at(-70), at(-60))
    assert story.document("beef") == before
    assert story.heard() == []


def test_a_resource_that_declares_something_else_is_one_update(story: Story) -> None:
    taken(story)
    story.apply(TEMPLATE, a_device("beef", id="beef"))
    assert story.heard() == ["update beef#1"]


def test_taking_over_again_writes_only_what_changed(story: Story) -> None:
    taken(story, devices=[old_device(), old_device("cafe")])
    again = taken(story, devices=[old_device(), old_device("cafe", label="renamed")])
    assert again.written == (Ref(Kind.DEVICE, ACME, "cafe"),)
    assert again.same == (TEMPLATE_REF, DEVICE_REF)
    row = story.row("cafe")
    assert row
    assert (row.revision, row.spec.label) == (2, "renamed")


def test_a_template_that_changed_since_leaves_no_device_behind(story: Story) -> None:
    taken(story)
    changed = replace(old_template("renamed"), attributes=old_template().attributes[:1])
    again = taken(story, [changed], [old_device(template=changed)])
    assert set(again.written) == {TEMPLATE_REF, DEVICE_REF}
    row = story.row("beef")
    assert row
    assert row.templates == {7: 2}
    assert story.registry.unpropagated() == []


def test_what_a_resource_has_claimed_is_left_alone(story: Story) -> None:
    taken(story)
    story.apply(TEMPLATE, a_device("beef", id="beef"))
    before = story.row("beef")
    again = taken(story, devices=[old_device(label="too late")])
    assert again.claimed == (TEMPLATE_REF, DEVICE_REF)
    assert story.row("beef") == before


def test_what_is_gone_there_is_removed_here_unless_it_was_claimed(story: Story) -> None:
    second = replace(old_template(first=31), id=8, claim=expected("second"))
    rows = [old_device(), old_device("cafe"), replace(old_device("f00d"), templates={8: 1})]
    first = taken(story, [old_template(), second], rows)
    story.apply(TEMPLATE, a_device("beef", an_override(), id="beef"))
    again = taken(story, [old_template()], [], first.written)
    gone = {Ref(Kind.DEVICE, ACME, "cafe"), Ref(Kind.DEVICE, ACME, "f00d"), Ref(Kind.TEMPLATE, ACME, "8")}
    assert set(again.removed) == gone
    assert story.row("beef")
    assert story.heard() == []


def test_ids_that_are_given_out_later_are_larger(story: Story) -> None:
    taken(story)
    (outcome,) = story.apply(a_template("other", a_static()))
    assert int(outcome.target) > 7
    with story.registry.transaction() as transaction:
        found = transaction.template(ACME, int(outcome.target))
    assert found
    assert found.attributes[0].id > max(one.id for one in old_template().attributes)


def test_an_attribute_id_that_is_in_use_here_is_refused_and_nothing_is_written(story: Story) -> None:
    story.apply(a_template("mine", a_static(id=11)))
    with pytest.raises(Refused, match=r"attribute id 11 belongs to template/1 "):
        taken(story)
    assert story.row("beef") is None


def test_a_place_that_has_another_row_is_refused(story: Story) -> None:
    story.apply(a_template("other"), a_device("beef", id="other1", templates=["other"]))
    with pytest.raises(Refused, match=r"Device acme/beef has the row device/other1 already"):
        taken(story, [replace(old_template(first=91))])


# --- keys -----------------------------------------------------------------------------------------------


def secure_template() -> RegisteredTemplate:
    found = registered(a_template("thermometer", a_psk(), template_id=7), 7, 11)
    return replace(found, claim=expected("thermometer"), unclaimed_since=NOON)


def secure_device() -> DeviceRow:
    return old_device(template=secure_template(), credentials=(a_credential("key"),))


def opened(story: Story) -> dict[str, Psk]:
    ref = (ACME, DeviceId("beef"))
    with story.registry.transaction() as transaction:
        found = transaction.keys([ref]).get(ref, {})
    return {label: VAULT.open(one, (*ref, label)) for label, one in found.items()}


def test_keys_come_with_the_rows_so_that_claiming_them_is_no_event(story: Story) -> None:
    taken(story, [secure_template()], [secure_device()], keys={"key": ONE})
    assert opened(story) == {"key": ONE}
    device = a_device("beef", an_override(), id="beef", credentials=(a_credential("key"),), keys={"key": ONE})
    outcomes = story.apply(a_template("thermometer", a_psk(), template_id=7), device)
    assert [one.reason for one in outcomes] == [Reason.REGISTERED] * 2
    assert outcomes[1].keys is Reason.STORED
    assert (story.heard(), opened(story)) == ([], {"key": ONE})


def test_keys_follow_what_is_there_until_a_resource_has_them(story: Story) -> None:
    taken(story, [secure_template()], [secure_device()], keys={"key": ONE})
    taken(story, [secure_template()], [secure_device()], keys={"key": TWO})
    assert opened(story) == {"key": TWO}
    taken(story, [secure_template()], [secure_device()], keys={})
    assert opened(story) == {}
    taken(story, [secure_template()], [secure_device()], keys={"key": ONE})
    device = a_device("beef", an_override(), id="beef", credentials=(a_credential("key"),), keys={"key": ONE})
    story.apply(a_template("thermometer", a_psk(), template_id=7), device)
    taken(story, [secure_template()], [secure_device()], keys={"key": TWO})
    assert opened(story) == {"key": ONE}
