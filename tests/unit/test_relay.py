"""The relay: order of each subject, at least once, and nothing stops it."""

from datetime import timedelta
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from device_registry.dispatch import Delivery
from device_registry.domain.events import Recorded
from device_registry.relay import BATCH
from tests.support.outbox import FAILED, POISON, SENT, an_event
from tests.support.relay import World, metric


@pytest.fixture
def world() -> World:
    return World()


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


def test_a_tenant_that_is_stuck_does_not_hide_what_stands_behind_it(world: World) -> None:
    for number in range(1, 3 * BATCH):
        world.outbox.events.append(an_event(number, str(number), tenant="stuck"))
    world.outbox.events.append(an_event(3 * BATCH, "b"))
    world.bus.stuck = {"stuck"}

    assert [world.relay.step() for _ in range(2)] == [0, 1]
    assert world.bus.sequences == {"b": [1]}


def test_who_is_stuck_is_passed_by_at_once_and_not_after_a_rest(world: World) -> None:
    world.outbox.events = [an_event(1, tenant="stuck"), an_event(2, "b")]
    world.bus.stuck = {"stuck"}
    world.bus.rule = lambda _: FAILED
    stop = Event()
    world.outbox.on_wait = stop.set

    world.relay.run(stop)

    assert world.outbox.limits == [BATCH, BATCH], "looked at again because somebody is held now, then rested"


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
    assert (world.told, world.given_up) == ([1, 3], [2])
    assert metric("events_quarantined_total") == before + 1
    assert [(line["event"], line["key"], line["sequence"]) for line in logs] == [
        ("event quarantined", "acme:a", 2)
    ]


def test_what_people_want_sent_again_leaves_the_quarantine_and_is_sent(world: World) -> None:
    world.outbox.add("a")
    world.bus.rule = lambda _: POISON
    world.relay.step()
    assert metric("outbox_quarantined") == 1
    before = metric("events_readmitted_total")

    world.outbox.wanted = {1}
    world.bus.rule = lambda _: SENT
    world.now += timedelta(seconds=5)
    world.relay.step()

    assert world.relay.step() == 1
    assert (world.told, world.outbox.poison) == ([1], {})
    assert (metric("outbox_quarantined"), metric("events_readmitted_total")) == (0, before + 1)


def test_nothing_leaves_the_quarantine_while_something_is_sent_and_not_marked(world: World) -> None:
    world.outbox.add("a", "a")
    world.bus.rule = lambda event: POISON if event.sequence == 1 else _gone_after_sending(world)
    world.relay.step()
    assert world.bus.sequences == {"a": [2]}
    world.outbox.away = False
    world.outbox.wanted = {1}
    world.now += timedelta(seconds=5)

    world.relay._guarded(world.relay._keep_house)

    assert world.outbox.poison == {1: "too large"}, "the second event has overtaken it, but is not marked yet"


# --- another leader ---------------------------------------------------------------------------------------


def test_a_relay_that_does_not_lead_any_more_ends(world: World) -> None:
    world.outbox.add("a", "b")
    world.outbox.fenced = True

    world.relay.run(Event())

    assert world.relay.fenced
    assert world.told == []
