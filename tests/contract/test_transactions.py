"""What a transaction of the registry promises: all or nothing, one leader, nothing broken let in."""

import pytest

from device_registry.domain.errors import Fenced, Rejected
from device_registry.domain.events import EventType, device_event
from device_registry.domain.model import DeviceId
from device_registry.ports import Registry
from tests.support.builders import ACME, NOON, a_claim, a_device, a_row, a_template, an_attribute, registered

from .conftest import Operators


def test_leaving_the_block_commits(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_devices([a_row()])
    with registry.transaction() as transaction:
        assert transaction.devices([(ACME, DeviceId("a1b2c3"))], ()) == [a_row()]


def test_an_exception_rolls_everything_back(operators: Operators) -> None:
    operators.registry.lead("the test")
    with pytest.raises(ZeroDivisionError), operators.registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_devices([a_row()])
        transaction.append([device_event(EventType.CREATE, a_row(), NOON)])
        raise ZeroDivisionError
    assert operators.outbox.unsent(10) == []
    with operators.registry.transaction() as transaction:
        assert transaction.devices([(ACME, DeviceId("a1b2c3"))], ()) == []
        assert transaction.tenant_claim(ACME) is None


def test_a_sequence_that_was_rolled_back_leaves_no_hole(operators: Operators) -> None:
    operators.registry.lead("the test")
    event = device_event(EventType.CREATE, a_row(), NOON)
    with pytest.raises(ZeroDivisionError), operators.registry.transaction() as transaction:
        transaction.append([event])
        raise ZeroDivisionError
    with operators.registry.transaction() as transaction:
        assert [one.sequence for one in transaction.append([event])] == [1]


def test_who_never_led_writes_nothing(operators: Operators) -> None:
    with pytest.raises(Fenced), operators.registry.transaction():
        pytest.fail("the block must not be entered")


def test_a_former_leader_writes_nothing(operators: Operators) -> None:
    successor = operators.another()
    assert operators.registry.lead("first") == 1
    assert successor.lead("second") == 2
    with pytest.raises(Fenced), operators.registry.transaction():
        pytest.fail("the block must not be entered")
    with successor.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")


@pytest.mark.parametrize("label", ["a\x00b", "a\ud800b"])
def test_text_that_cannot_be_stored_is_rejected(registry: Registry, label: str) -> None:
    with pytest.raises(Rejected, match="refuses a value"), registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_devices([a_row(a_device(label=label))])


def test_text_of_a_template_that_cannot_be_stored_is_rejected(registry: Registry) -> None:
    template = registered(a_template("t", an_attribute(static_value="\x00")))
    with pytest.raises(Rejected, match="refuses a value"), registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_template(template)


def test_a_row_of_an_unknown_tenant_is_rejected(registry: Registry) -> None:
    with pytest.raises(Rejected), registry.transaction() as transaction:
        transaction.save_devices([a_row()])


def test_a_row_of_an_unknown_template_is_rejected(registry: Registry) -> None:
    with pytest.raises(Rejected), registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_devices([a_row(templates={7: 1})])


def test_a_template_in_use_cannot_be_removed(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_template(registered(a_template()))
        transaction.save_devices([a_row(templates={1: 1})])
    with pytest.raises(Rejected), registry.transaction() as transaction:
        transaction.remove_template(ACME, 1)


def test_one_attribute_id_is_in_one_template_only(registry: Registry) -> None:
    with pytest.raises(Rejected), registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_template(registered(a_template("t1"), 1, first=5))
        transaction.save_template(registered(a_template("t2"), 2, first=6))


def test_a_resource_claims_one_template_only(registry: Registry) -> None:
    with pytest.raises(Rejected), registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_template(registered(a_template("t"), 1, first=1))
        transaction.save_template(registered(a_template("t"), 2, first=9))


def test_a_resource_claims_one_row_only_and_the_last_one_wins(registry: Registry) -> None:
    first, second = a_row(id="aaaa", claim=a_claim("d")), a_row(id="bbbb", claim=a_claim("d"))
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_devices([first])
        transaction.save_devices([second])
        (found,) = transaction.devices((), [("acme", "d")])
        (left,) = transaction.devices([(ACME, first.id)], ())
    assert found == second
    assert left.claim is None


def test_two_rows_swap_their_claims_in_one_batch(registry: Registry) -> None:
    one, two = a_row(id="aaaa", claim=a_claim("one")), a_row(id="bbbb", claim=a_claim("two"))
    swapped = [a_row(id="aaaa", claim=a_claim("two")), a_row(id="bbbb", claim=a_claim("one"))]
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.save_devices([one, two])
        transaction.save_devices(swapped)
        assert list(transaction.devices([(ACME, one.id), (ACME, two.id)], ())) == swapped
