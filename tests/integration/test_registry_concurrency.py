"""Several threads on one registry: nothing is lost, nothing is told twice, no sequence has a hole."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier, Event

import pytest

from device_registry.domain.events import EventType
from device_registry.domain.model import Attribute, Declared, DeletionPolicy, DeviceId, DeviceSpec
from device_registry.domain.reasons import Reason
from device_registry.reconcile import Departure, Reconciler
from device_registry.registry.writer import PostgresRegistry
from tests.support.builders import ACME, a_device, a_static, a_template, an_attribute, an_override, at
from tests.support.clock import Clock
from tests.support.postgres import Databases, registry_on
from tests.support.story import Story


@pytest.fixture
def registry(databases: Databases) -> Iterator[PostgresRegistry]:
    with registry_on(databases.registry()) as registry:
        registry.lead("the test")
        yield registry


@pytest.fixture
def reconciler(registry: PostgresRegistry) -> Reconciler:
    return Reconciler(registry, Clock())


def together(*works: Callable[[], object]) -> None:
    """Run all at the same time; the first error of any is raised."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        barrier.wait()
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(run, works))


def streams(registry: PostgresRegistry) -> dict[str, list[tuple[int, EventType]]]:
    """What was told of each subject, in the order of the outbox."""
    told = defaultdict(list)
    for one in registry.outbox.unsent(100_000):
        told[one.event.subject].append((one.sequence, one.event.type))
    return told


def assert_no_holes(registry: PostgresRegistry) -> None:
    for subject, events in streams(registry).items():
        assert [sequence for sequence, _ in events] == list(range(1, len(events) + 1)), subject


def fleet(
    count: int, generation: int = 1, templates: Sequence[str] = ("thermometer",)
) -> list[Declared[DeviceSpec]]:
    override = an_override("serial", f"S{generation}")
    return [
        a_device(f"d{n}", override, id=f"{n:04x}", generation=generation, templates=templates)
        for n in range(count)
    ]


def test_the_same_new_device_from_many_threads_is_created_once(
    registry: PostgresRegistry, reconciler: Reconciler
) -> None:
    reconciler.register_template(a_template())
    for round_ in range(10):
        device = a_device(f"d{round_}", id=f"{round_:04x}")
        together(*[partial(reconciler.register_devices, [device])] * 4)
    told = streams(registry)
    assert all(events == [(1, EventType.CREATE)] for events in told.values())
    assert len(told) == 10


def test_two_new_devices_with_one_id_leave_the_older_one(
    registry: PostgresRegistry, reconciler: Reconciler
) -> None:
    reconciler.register_template(a_template())
    for round_ in range(10):
        old = a_device(f"old{round_}", id=f"{round_:04x}", created=at(0))
        young = a_device(f"young{round_}", id=f"{round_:04x}", created=at(1))
        together(
            partial(reconciler.register_devices, [young]),
            partial(reconciler.register_devices, [old]),
        )
        (last,) = reconciler.register_devices([young])
        assert last.outcome.reason is Reason.IDENTITY_CONFLICT
    assert_no_holes(registry)


def test_edits_of_devices_and_templates_at_the_same_time_end_where_they_should(
    registry: PostgresRegistry, reconciler: Reconciler
) -> None:
    reconciler.register_template(a_template("thermometer", an_attribute(), a_static()))
    reconciler.register_template(a_template("second", an_attribute("x")))
    both = ("thermometer", "second")
    reconciler.register_devices(fleet(60, templates=both))
    done = Event()

    def edit_devices(part: slice) -> None:
        for generation in range(2, 8):
            batch = fleet(60, generation, templates=both)[part]
            reconciler.register_devices(batch)

    def edit_template(name: str, *attributes: Attribute) -> None:
        for generation in range(2, 8):
            new = an_attribute(f"new{generation}-{name}")
            edited = a_template(name, *attributes, new, generation=generation)
            reconciler.register_template(edited)

    def propagate() -> None:
        while not done.is_set() or registry.unpropagated():
            for template in registry.unpropagated():
                reconciler.propagate(*template, 25)

    with ThreadPoolExecutor(1) as pool:
        background = pool.submit(propagate)
        try:
            together(
                partial(edit_devices, slice(0, 30)),
                partial(edit_devices, slice(30, 60)),
                partial(edit_devices, slice(15, 45)),
                partial(edit_template, "thermometer", an_attribute(), a_static()),
                partial(edit_template, "second", an_attribute("x")),
            )
        finally:
            done.set()
        background.result(timeout=60)
    assert_no_holes(registry)
    assert_final(registry, reconciler)


def assert_final(registry: PostgresRegistry, reconciler: Reconciler) -> None:
    """Registering everything once more finds nothing to do, so every row is as its resource wants it."""
    before = len(registry.outbox.unsent(100_000))
    reconciler.register_devices(fleet(60, 7, templates=("thermometer", "second")))
    assert len(registry.outbox.unsent(100_000)) == before
    story = Story(registry, registry.outbox, Clock())
    for n in range(60):
        groups = story.document(f"{n:04x}")["attrs"]
        labels = {one["label"] for group in groups.values() for one in group}
        assert {"new7-thermometer", "new7-second"} <= labels
        assert [one["static_value"] for one in groups["1"] if one["label"] == "serial"] == ["S7"]


def test_a_device_that_changes_templates_while_an_edit_is_propagated_keeps_its_own_document(
    registry: PostgresRegistry, reconciler: Reconciler
) -> None:
    """The propagation waits for the row, and must see it with the templates that it has then."""
    reconciler.register_template(a_template("t1", an_attribute("a")))
    reconciler.register_template(a_template("t2", an_attribute("b"), an_attribute("c")))
    reconciler.register_devices([a_device("d", templates=["t1"], id="abcd")])
    reconciler.register_template(a_template("t1", an_attribute("a"), an_attribute("a2"), generation=2))
    story = Story(registry, registry.outbox, Clock())
    with ThreadPoolExecutor(1) as pool, registry.transaction() as transaction:
        (row,) = transaction.devices([(ACME, DeviceId("abcd"))], ())
        waiting = pool.submit(reconciler.propagate, ACME, 1)
        wait_until(lambda: _someone_waits(registry))
        moved = a_device("d", templates=["t2"], id="abcd", generation=2).spec
        transaction.save_devices([replace(row, spec=moved, templates={2: 1}, generation=2)])
        transaction._connection.commit()
        waiting.result(timeout=30)
    assert story.document("abcd")["templates"] == [2]
    assert set(story.document("abcd")["attrs"]) == {"2"}


def test_propagations_over_the_same_devices_do_not_lock_each_other_out(
    registry: PostgresRegistry, reconciler: Reconciler
) -> None:
    names = ("t1", "t2")
    for name in names:
        reconciler.register_template(a_template(name, an_attribute(name)))
    reconciler.register_devices(fleet(80, templates=names))

    def propagate(template_id: int) -> None:
        while not reconciler.propagate(ACME, template_id, 20).done:
            pass

    for generation in range(2, 10):
        for name in names:
            new = an_attribute(f"{name}-{generation}")
            reconciler.register_template(a_template(name, new, generation=generation))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(propagate, (1, 2)))
    assert registry.unpropagated() == []
    assert_no_holes(registry)
    story = Story(registry, registry.outbox, Clock())
    attributes = story.document("0000")["attrs"]
    assert {one["label"] for group in attributes.values() for one in group} == {"t1-9", "t2-9"}


def test_coming_and_going_at_the_same_time_leaves_no_hole_and_no_false_row(
    registry: PostgresRegistry, reconciler: Reconciler
) -> None:
    reconciler.register_template(a_template())
    devices = fleet(40)

    def come_and_go(part: Sequence[Declared[DeviceSpec]]) -> None:
        gone = [Departure(declared=one, policy=DeletionPolicy.DELETE) for one in part]
        for _ in range(5):
            reconciler.register_devices(part)
            reconciler.release_devices(gone)

    together(*[partial(come_and_go, devices[n::2]) for n in range(2)] * 2)
    assert_no_holes(registry)
    for events in streams(registry).values():
        kinds = [kind for _, kind in events]
        assert kinds == [EventType.CREATE, EventType.REMOVE] * (len(kinds) // 2)


def _someone_waits(registry: PostgresRegistry) -> bool:
    found = registry._read("SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return bool(found[0]["n"])


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
