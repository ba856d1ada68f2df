"""What the outbox promises: an order per subject without holes, and a wake-up for who waits."""

import threading
import time
from collections.abc import Iterable
from dataclasses import replace

import pytest

from device_registry.dispatch import PORTION_BYTES, Depth, Outbox
from device_registry.domain.events import Event, EventType, Recorded, device_event
from device_registry.domain.model import Tenant
from device_registry.domain.reasons import Reason
from device_registry.ports import Registry
from tests.support.builders import ACME, NOON, a_row, at


def an_event(subject: str = "a1", payload: str = "{}", tenant: Tenant = ACME) -> Event:
    event = device_event(EventType.UPDATE, a_row(id=subject), NOON)
    return replace(event, payload=payload, tenant=tenant)


def append(registry: Registry, events: Iterable[Event]) -> list[Recorded]:
    with registry.transaction() as transaction:
        return transaction.append(list(events))


def test_events_are_read_as_they_were_written(registry: Registry, outbox: Outbox) -> None:
    written = append(registry, [an_event("a1"), an_event("b2"), an_event("a1")])
    assert outbox.unsent(10) == written
    assert outbox.unsent(2) == written[:2]


def test_the_events_of_some_tenants_can_be_left_out(registry: Registry, outbox: Outbox) -> None:
    stuck, other = Tenant("stuck"), Tenant("other")
    events = [an_event(tenant=tenant) for tenant in (stuck, other, stuck, ACME)]
    written = append(registry, events)
    assert outbox.unsent(2, {stuck}) == [written[1], written[3]]
    assert outbox.unsent(9, {stuck, other, ACME}) == []


def test_large_events_are_read_in_portions_and_the_first_whatever_its_size(
    registry: Registry, outbox: Outbox
) -> None:
    sizes = [PORTION_BYTES + 1, PORTION_BYTES // 2, PORTION_BYTES // 2, 10]
    written = append(registry, [an_event(payload="x" * size) for size in sizes])
    assert outbox.unsent(10) == written[:1]
    outbox.mark_sent([written[0].id], NOON)
    assert outbox.unsent(10) == written[1:3]


def test_each_subject_counts_from_one_without_a_hole(registry: Registry, outbox: Outbox) -> None:
    append(registry, [an_event("a1"), an_event("b2"), an_event("a1")])
    append(registry, [an_event("b2"), an_event("a1", tenant=Tenant("other"))])
    assert [(one.event.tenant, one.event.subject, one.sequence) for one in outbox.unsent(10)] == [
        ("acme", "a1", 1),
        ("acme", "b2", 1),
        ("acme", "a1", 2),
        ("acme", "b2", 2),
        ("other", "a1", 1),
    ]


def test_counting_goes_on_after_everything_was_pruned(registry: Registry, outbox: Outbox) -> None:
    (first,) = append(registry, [an_event()])
    outbox.mark_sent([first.id], at(1))
    assert outbox.prune(at(2), 10) == 1
    (second,) = append(registry, [an_event()])
    assert (second.sequence, second.id > first.id) == (2, True)


@pytest.mark.parametrize("payload", ['{"a":"\\u0000"}', '"%s %(x)s :y"', '{"q":"\'; DROP TABLE outbox; --"}'])
def test_a_payload_stays_as_it_is(registry: Registry, outbox: Outbox, payload: str) -> None:
    append(registry, [an_event(payload=payload)])
    assert [one.event.payload for one in outbox.unsent(1)] == [payload]


def test_what_is_sent_or_put_aside_is_not_read_again(registry: Registry, outbox: Outbox) -> None:
    sent, poison, waiting = append(registry, [an_event(), an_event(), an_event()])
    outbox.mark_sent([sent.id], NOON)
    outbox.quarantine(poison.id, "too large", NOON)
    assert outbox.unsent(10) == [waiting]
    assert (outbox.depth().waiting, outbox.depth().quarantined) == (1, 1)


def test_an_empty_outbox_has_no_depth_and_no_age(registry: Registry, outbox: Outbox) -> None:
    assert outbox.depth() == Depth()


def test_the_oldest_event_tells_the_age(registry: Registry, outbox: Outbox) -> None:
    append(registry, [an_event()])
    assert outbox.depth().oldest > 0


def test_an_event_is_pending_put_aside_or_acknowledged_even_when_pruned_since(
    registry: Registry, outbox: Outbox
) -> None:
    first, second, _ = append(registry, [an_event(), an_event(), an_event()])
    outbox.mark_sent([first.id], NOON)
    outbox.quarantine(second.id, "too large", NOON)
    found = [registry.publication(ACME, "a1", sequence) for sequence in (1, 2, 3)]
    assert found == [Reason.ACKNOWLEDGED, Reason.QUARANTINED, Reason.PENDING]
    outbox.prune(at(1), 10)
    assert registry.publication(ACME, "a1", 1) is Reason.ACKNOWLEDGED


def test_only_old_sent_events_are_pruned_and_not_too_many_at_once(registry: Registry, outbox: Outbox) -> None:
    old, older, young, waiting = append(registry, [an_event() for _ in range(4)])
    outbox.mark_sent([old.id, older.id], at(1))
    outbox.mark_sent([young.id], at(10))
    assert outbox.prune(at(5), 1) == 1
    assert outbox.prune(at(5), 5) == 1
    assert outbox.prune(at(5), 5) == 0
    assert outbox.unsent(10) == [waiting]


def test_an_append_wakes_who_waits(registry: Registry, outbox: Outbox) -> None:
    outbox.wait(0)
    began = time.monotonic()
    writer = threading.Timer(0.05, append, (registry, [an_event()]))
    writer.start()
    outbox.wait(30)
    writer.join()
    assert time.monotonic() - began < 10
    assert len(outbox.unsent(10)) == 1


def test_an_append_between_two_waits_is_not_missed(registry: Registry, outbox: Outbox) -> None:
    outbox.wait(0)
    append(registry, [an_event()])
    began = time.monotonic()
    outbox.wait(30)
    assert time.monotonic() - began < 10


def test_waiting_ends_without_an_event_as_well(registry: Registry, outbox: Outbox) -> None:
    outbox.wait(0.01)
