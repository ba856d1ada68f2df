"""What people do about rows that no resource stands behind."""

import pytest

from device_registry.domain.errors import NotFound, Refused
from device_registry.domain.model import DeletionPolicy, Key, Kind
from device_registry.domain.reasons import Reason
from device_registry.reconcile.unclaimed import Ref, remove, reserve
from tests.support.builders import ACME, NOON, a_device, a_template, again
from tests.support.story import Story

RETAIN = DeletionPolicy.RETAIN
DEVICE = a_device(id="abcd")
DEVICE_REF = Ref(Kind.DEVICE, ACME, "abcd")
TEMPLATE_REF = Ref(Kind.TEMPLATE, ACME, "1")


@pytest.fixture
def left(story: Story) -> Story:
    """A device and its template, both left behind."""
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE, policy=RETAIN)
    story.delete(a_template(), policy=RETAIN)
    story.heard()
    return story


def removed(story: Story, ref: Ref) -> list[Key]:
    with story.registry.transaction() as transaction:
        return remove(transaction, ref, NOON)


def reserved(story: Story, ref: Ref, name: str) -> None:
    with story.registry.transaction() as transaction:
        reserve(transaction, ref, ("acme", name), NOON)


def test_deleting_an_unclaimed_device_is_told_and_its_id_goes_to_who_waits_for_it(left: Story) -> None:
    left.apply(again(a_template()))
    rival = a_device("rival", id="abcd")
    assert left.apply(rival)[0].reason is Reason.ALREADY_EXISTS
    assert removed(left, DEVICE_REF) == [rival.key]
    assert left.row("abcd") is None
    assert left.heard() == ["remove abcd#2"]
    assert left.apply(rival)[0].reason is Reason.REGISTERED


def test_an_unclaimed_template_goes_when_no_device_uses_it(left: Story) -> None:
    with pytest.raises(Refused, match=r"used by the devices abcd"):
        removed(left, TEMPLATE_REF)
    removed(left, DEVICE_REF)
    removed(left, TEMPLATE_REF)
    assert left.registry.unclaimed() == {Kind.DEVICE: 0, Kind.TEMPLATE: 0}


def test_what_a_resource_claims_is_left_to_the_resource(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    for ref in (DEVICE_REF, TEMPLATE_REF):
        with pytest.raises(Refused, match=r"is claimed by the \w+ acme/"):
            removed(story, ref)
        with pytest.raises(Refused, match=r"is claimed by the \w+ acme/"):
            reserved(story, ref, "other")
    assert story.row("abcd")


@pytest.mark.parametrize("ref", [DEVICE_REF, TEMPLATE_REF, Ref(Kind.TEMPLATE, ACME, "twelve")])
def test_a_row_that_is_not_there_is_named(story: Story, ref: Ref) -> None:
    with pytest.raises(NotFound, match=f"acme has no {ref}"):
        removed(story, ref)


def test_a_reserved_row_goes_to_its_resource_in_silence(left: Story) -> None:
    reserved(left, TEMPLATE_REF, "adopted")
    reserved(left, DEVICE_REF, "other")
    template = a_template("adopted", label="thermometer", template_id=1)
    device = a_device("other", id="abcd", label=DEVICE.spec.label, templates=["adopted"])
    outcomes = left.apply(template, device)
    assert [one.reason for one in outcomes] == [Reason.REGISTERED] * 2
    row = left.row("abcd")
    assert row
    assert row.claimed
    assert left.heard() == []


def test_a_place_is_not_reserved_twice(left: Story) -> None:
    left.apply(again(a_template()), a_device("second", id="beef"))
    with pytest.raises(Refused, match=r"Device acme/second has the row device/beef already"):
        reserved(left, DEVICE_REF, "second")
