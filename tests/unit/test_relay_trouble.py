"""The relay in trouble and at rest: outages, pauses, housekeeping."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from device_registry.dispatch import Delivery
from device_registry.relay import PRUNE_PORTION
from tests.support.outbox import FAILED, NOON, SENT
from tests.support.relay import DAY, World, metric


@pytest.fixture
def world() -> World:
    return World()


# --- trouble ----------------------------------------------------------------------------------------------


def test_an_outage_of_the_broker_is_told_once_and_its_end_too(world: World) -> None:
    world.outbox.add("a")
    world.bus.away = True

    with capture_logs() as logs:
        assert [world.relay.step() for _ in range(3)] == [0, 0, 0]
        seen = [(world.relay.available, metric("broker_available"))]
        world.bus.away = False
        assert world.relay.step() == 1
        seen.append((world.relay.available, metric("broker_available")))

    assert seen == [(False, 0), (True, 1)]
    told = [(line["event"], line["reason"], line["log_level"]) for line in logs]
    assert told == [
        ("the relay waits", "BrokerUnavailable", "warning"),
        ("the relay goes on", "BrokerUnavailable", "info"),
    ]


def test_an_outage_of_the_registry_has_a_reason_of_its_own(world: World) -> None:
    world.outbox.away = True

    with capture_logs() as logs:
        world.relay.step()
        world.relay.step()
        assert world.relay.available
        world.outbox.away = False
        world.relay.step()

    assert [(line["event"], line["reason"]) for line in logs] == [
        ("the relay waits", "RegistryUnavailable"),
        ("the relay goes on", "RegistryUnavailable"),
    ]


def test_an_unexpected_error_is_logged_with_its_traceback_and_outlived(world: World) -> None:
    world.outbox.add("a")
    world.bus.rule = lambda _: Delivery(sent=1 // 0 == 0)
    before = metric("send_failures_total", reason="Unexpected")

    with capture_logs() as logs:
        assert world.relay.step() == 0

    assert [line["exc_info"] for line in logs] == [True]
    assert metric("send_failures_total", reason="Unexpected") == before + 1
    world.bus.rule = lambda _: SENT
    assert world.relay.step() == 1


def test_pauses_grow_while_the_trouble_lasts_and_begin_small_again(world: World) -> None:
    world.outbox.add("a")
    world.bus.away = True
    pauses = []
    for _ in range(9):
        world.relay.step()
        pauses.append(world.relay._pause)

    assert pauses[0] == 0.5
    assert all(0.5 <= pause <= 30 for pause in pauses)
    assert pauses[-1] >= 15
    world.bus.away = False
    world.relay.step()
    assert world.relay._pause == 0
    world.bus.away = True
    world.outbox.add("a")
    world.relay.step()
    assert world.relay._pause == 0.5


# --- upkeep -----------------------------------------------------------------------------------------------


def test_an_idle_relay_waits_for_the_outbox_and_ends_when_told(world: World) -> None:
    world.outbox.add("a")
    stop = Event()
    world.outbox.on_wait = stop.set

    thread = Thread(target=world.relay.run, args=[stop])
    thread.start()
    thread.join(timeout=10)

    assert not thread.is_alive()
    assert world.outbox.waits == 1
    assert world.told == [1]


def test_a_relay_in_trouble_ends_at_once_when_told(world: World) -> None:
    world.outbox.away = True
    stop = Event()
    thread = Thread(target=world.relay.run, args=[stop])
    thread.start()

    stop.set()
    thread.join(timeout=10)

    assert not thread.is_alive()


def test_old_sent_events_are_pruned_after_the_retention_and_in_portions(world: World) -> None:
    world.outbox.add(*map(str, range(PRUNE_PORTION + 1)))
    while world.relay.step():
        pass
    world.now = NOON + DAY
    world.relay.step()
    assert len(world.outbox.events) == PRUNE_PORTION + 1

    world.now += timedelta(minutes=1)
    world.relay.step()
    assert len(world.outbox.events) == 1
    world.relay.step()
    assert not world.outbox.events


def test_unsent_events_are_never_pruned(world: World) -> None:
    world.outbox.add("a")
    world.bus.away = True
    world.now = NOON + 2 * DAY

    world.relay.step()

    assert len(world.outbox.events) == 1


def test_depth_age_and_events_by_type_are_measured(world: World) -> None:
    world.outbox.add("a", "a")
    world.bus.rule = lambda _: FAILED
    sent, failed = metric("events_sent_total", type="update"), metric("send_failures_total", reason="Pending")
    world.relay.step()
    assert metric("outbox_depth") == 2
    assert metric("outbox_oldest_age_seconds") == 7
    assert metric("send_failures_total", reason="Pending") == failed + 1

    world.bus.rule = lambda _: SENT
    world.now += timedelta(seconds=5)
    world.relay.step()
    assert metric("outbox_depth") == 0
    assert metric("events_sent_total", type="update") == sent + 2
