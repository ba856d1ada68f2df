"""What the quarantine promises: nothing is lost by itself, and nothing old is sent after something new."""

from collections.abc import Callable, Sequence

import pytest

from device_registry.dispatch import Outbox, Quarantine
from device_registry.domain.errors import Fenced
from device_registry.domain.events import Recorded
from device_registry.domain.model import Tenant
from device_registry.domain.reasons import Reason
from device_registry.ports import Registry
from tests.support.builders import ACME, NOON, at

from .conftest import Operators
from .test_outbox import an_event, append


@pytest.fixture
def quarantine(operators: Operators) -> Quarantine:
    return operators.quarantine


def aside(registry: Registry, outbox: Outbox, *places: int, count: int = 3) -> list[Recorded]:
    """That many events of one device, those at some places put aside."""
    written = append(registry, [an_event() for _ in range(count)])
    for place in places:
        outbox.quarantine(written[place].id, "too large", at(place))
    return written


def ids(found: Sequence[Recorded]) -> list[int]:
    return [one.id for one in found]


def test_what_was_put_aside_is_listed_with_what_kafka_said(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    written = aside(registry, outbox, 0, 2)
    first, second = quarantine.quarantined(10)
    assert (first.recorded, first.error, first.since) == (written[0], "too large", at(0))
    assert second.recorded == written[2]
    assert (first.retrying, first.overtaken) == (False, False)


def test_the_list_is_for_one_tenant_if_that_is_asked_for(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    other = append(registry, [an_event(tenant=Tenant("other"))])
    mine = append(registry, [an_event()])
    for one in (*other, *mine):
        outbox.quarantine(one.id, "too large", NOON)
    assert [one.recorded for one in quarantine.quarantined(10, ACME)] == mine
    assert len(quarantine.quarantined(1)) == 1


def test_what_shall_be_sent_again_is_read_again_in_its_place(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    written = aside(registry, outbox, 0, 1)
    assert quarantine.retry(ids(written)) == ids(written[:2])
    assert [one.retrying for one in quarantine.quarantined(10)] == [True, True]
    assert outbox.unsent(10) == written[2:]
    assert outbox.readmit() == 2
    assert outbox.unsent(10) == written
    assert quarantine.quarantined(10) == []


def test_an_event_that_was_overtaken_is_not_sent_again(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    written = aside(registry, outbox, 0)
    outbox.mark_sent([written[1].id], at(5))
    assert [one.overtaken for one in quarantine.quarantined(10)] == [True]
    assert quarantine.retry([written[0].id]) == []


def test_an_event_that_was_overtaken_by_one_that_is_pruned_already_is_not_sent_again(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    written = aside(registry, outbox, 0, count=2)
    outbox.mark_sent([written[1].id], at(5))
    outbox.prune(at(6), 10)
    assert [one.overtaken for one in quarantine.quarantined(10)] == [True]
    assert quarantine.retry([written[0].id]) == []


def test_an_event_that_is_overtaken_before_the_relay_comes_to_it_stays_aside(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    written = aside(registry, outbox, 0)
    assert quarantine.retry([written[0].id]) == [written[0].id]
    outbox.mark_sent([written[1].id], at(5))
    assert outbox.readmit() == 0
    (left,) = quarantine.quarantined(10)
    assert (left.recorded, left.retrying, left.overtaken) == (written[0], False, True)


def test_events_of_other_devices_overtake_nothing(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    written = aside(registry, outbox, 0, count=1)
    (other,) = append(registry, [an_event("b2")])
    outbox.mark_sent([other.id], at(5))
    assert quarantine.retry(ids(written)) == ids(written)


def test_what_is_given_up_is_neither_listed_nor_sent_and_never_counts_as_sent(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    written = aside(registry, outbox, 0)
    quarantine.retry([written[0].id])
    assert quarantine.drop(ids(written), at(9)) == [written[0].id]
    assert quarantine.drop(ids(written), at(9)) == []
    assert outbox.readmit() == 0
    assert quarantine.quarantined(10) == []
    assert outbox.unsent(10) == written[1:]
    assert outbox.depth().quarantined == 0
    outbox.prune(at(100), 10)
    assert registry.publication(ACME, "a1", 1) is Reason.QUARANTINED


def test_counting_goes_on_after_an_event_was_given_up(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    written = aside(registry, outbox, 0, count=1)
    quarantine.drop(ids(written), NOON)
    assert [one.sequence for one in append(registry, [an_event()])] == [2]


def test_only_what_stands_in_quarantine_can_be_decided_about(
    registry: Registry, outbox: Outbox, quarantine: Quarantine
) -> None:
    written = aside(registry, outbox)
    assert quarantine.retry([*ids(written), 99]) == []
    assert quarantine.drop([*ids(written), 99], NOON) == []
    assert outbox.unsent(10) == written


def test_who_leads_no_more_changes_nothing_in_the_outbox(operators: Operators) -> None:
    operators.registry.lead("first")
    written = append(operators.registry, [an_event()])
    operators.another().lead("second")
    attempts: list[Callable[[], object]] = [
        lambda: operators.outbox.mark_sent([written[0].id], NOON),
        lambda: operators.outbox.quarantine(written[0].id, "too large", NOON),
        operators.outbox.readmit,
        lambda: operators.outbox.prune(at(9), 10),
    ]
    for attempt in attempts:
        with pytest.raises(Fenced):
            attempt()
    assert operators.outbox.unsent(10) == written
