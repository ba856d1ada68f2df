"""The relay: order of each subject, at least once, and nothing stops it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from device_registry.domain.events import Recorded
from device_registry.ports import Delivery
from device_registry.relay import BATCH, PRUNE_PORTION, WINDOW, Relay
from tests.support.outbox import FAILED, NOON, POISON, SENT, MemoryOutbox, ScriptedBus, an_event

DAY = timedelta(days=1)


@dataclass
class World:
    """A relay with everything around it."""

    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    bus: ScriptedBus = field(default_factory=ScriptedBus)
    now: datetime = NOON
    told: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.relay = Relay(self.outbox, self.bus, lambda: self.now, self.hear, retention=DAY)

    def hear(self, sent: Sequence[Recorded]) -> None:
        assert all(event.id in self.outbox.sent for event in sent)
        self.told += [event.id for event in sent]


@pytest.fixture
def world() -> World:
    return World()


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"device_manager_{name}", labels) or 0.0


# --- order ------------------------------------------------------------------------------------------------


def test_a_subject_never_has_two_events_in_flight(world: World) -> None:
    world.outbox.add("a", "a", "b", "a", "c", "b")

    assert world.relay.step() == 6

    rounds = [[(event.event.subject, event.sequence) for event in sent] for sent in world.bus.rounds]
    assert rounds == [[("a", 1), ("b", 1), ("c", 1)], [("a", 2), ("b", 2)], [("a", 3)]]


def test_the_same_id_in_two_tenants_is_two_subjects(world: World) -> None:
    world.outbox.events = [an_event(1, tenant="acme"), an_event(2, tenant="emca")]

    world.relay.step()

    assert len(world.bus.rounds) == 1


def test_a_failed_event_holds_back_only_its_subject(world: World) -> None:
    world.outbox.add("a", "b", "a", "b")
    world.bus.rule = lambda event: FAILED if event.id == 1 else SENT

    assert world.relay.step() == 2
    assert world.bus.sequences == {"b": [1, 2]}

    world.bus.rule = lambda _: SENT
    assert world.relay.step() == 2
    assert world.bus.sequences == {"a": [1, 2], "b": [1, 2]}


def test_held_back_events_do_not_hide_what_stands_behind_them(world: World) -> None:
    world.outbox.add(*["stuck"] * (2 * BATCH), "b")
    world.bus.rule = lambda event: FAILED if event.event.subject == "stuck" else SENT

    assert [world.relay.step() for _ in range(3)] == [0, 0, 1]


def test_the_view_behind_held_back_events_has_an_end(world: World) -> None:
    world.outbox.add(*["stuck"] * (WINDOW + BATCH))
    world.bus.rule = lambda _: FAILED
    stop = Event()
    world.outbox.on_wait = stop.set

    world.relay.run(stop)

    assert world.outbox.waits == 1
    assert max(world.outbox.limits) == WINDOW


@given(st.data())
def test_any_schedule_of_failures_ends_with_everything_delivered_in_order(data: st.DataObject) -> None:
    world = World()
    subjects = data.draw(st.lists(st.sampled_from("abc"), max_size=12))
    world.outbox.add(*subjects)
    troubles = st.sampled_from(["none", "broker", "registry", "crash"])

    def rule(event: Recorded) -> Delivery:
        # The registry may go away between the acknowledgement and the mark.
        world.outbox.away = data.draw(st.booleans(), label="registry gone after sending")
        return data.draw(st.sampled_from([SENT, SENT, FAILED]))

    world.bus.rule = rule
    for trouble in data.draw(st.lists(troubles, max_size=6)):
        world.bus.away = trouble == "broker"
        world.outbox.away = trouble == "registry"
        if trouble == "crash":
            world.restart()
        world.relay.step()
    world.bus.rule, world.bus.away, world.outbox.away = lambda _: SENT, False, False
    world.relay.step()

    for subject, sequences in world.bus.sequences.items():
        assert sorted(sequences) == sequences
        assert sorted(set(sequences)) == list(range(1, subjects.count(subject) + 1))
    assert set(world.bus.sequences) == set(subjects)
    assert not world.outbox.waiting


# --- at least once ----------------------------------------------------------------------------------------


def test_who_listens_hears_of_events_that_are_marked(world: World) -> None:
    world.outbox.add("a", "b")

    world.relay.step()

    assert world.told == [1, 2]


def test_a_crash_between_send_and_mark_shows_as_a_recognisable_double(world: World) -> None:
    world.outbox.add("a")
    world.bus.rule = lambda _: _gone_after_sending(world)
    world.relay.step()
    world.restart()
    world.outbox.away = False
    world.bus.rule = lambda _: SENT

    world.relay.step()

    assert [dict(event.headers)["ce_id"] for event in world.bus.delivered] == [b"acme/a/1", b"acme/a/1"]


def test_what_could_not_be_marked_is_marked_later_and_not_sent_again(world: World) -> None:
    world.outbox.add("a", "a")
    world.bus.rule = lambda _: _gone_after_sending(world)
    world.relay.step()
    world.outbox.away = False
    world.bus.rule = lambda _: SENT

    world.relay.step()

    assert world.bus.sequences == {"a": [1, 2]}
    assert world.told == [1, 2]


def _gone_after_sending(world: World) -> Delivery:
    world.outbox.away = True
    return SENT


# --- poison -----------------------------------------------------------------------------------------------


def test_poison_is_put_aside_and_its_subject_goes_on(world: World) -> None:
    world.outbox.add("a", "a", "a")
    world.bus.rule = lambda event: POISON if event.sequence == 2 else SENT
    before = metric("events_quarantined_total")

    with capture_logs() as logs:
        assert world.relay.step() == 3

    assert world.outbox.poison == {2: "too large"}
    assert world.bus.sequences == {"a": [1, 3]}
    assert world.told == [1, 3]
    assert metric("events_quarantined_total") == before + 1
    assert [(line["event"], line["key"], line["sequence"]) for line in logs] == [
        ("event quarantined", "acme:a", 2)
    ]


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
