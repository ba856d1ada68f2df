"""What the operator does about resources that go: policies, kinds that end, held deletions."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from device_registry.domain.model import Key, Kind
from device_registry.manifests import FINALIZER
from tests.support.kstatus import check
from tests.support.manifests import a_device, a_template
from tests.support.operating import Operating, operating

TEMPLATE = Key(Kind.TEMPLATE, "acme", "thermometer")
FLEET = [Key(Kind.DEVICE, "acme", f"freezer-{number}") for number in range(3)]
ALLOWED = {"dojot.io/allow-mass-deletion": "2999-01-01T00:00:00Z"}


async def a_fleet(it: Operating) -> None:
    it.cluster.put(a_template(namespace="acme"))
    for key in FLEET:
        it.cluster.put(a_device(key.name, "acme"))
    for key in FLEET:
        await it.shows(key, "Published", "True")
    await it.settled()


def told(it: Operating) -> list[str]:
    return [event for event, _, _ in it.events()]


async def gone(it: Operating, keys: Sequence[Key]) -> None:
    await it.until(lambda: not it.cluster.objects.keys() & set(keys), "the end of the objects")
    await it.settled()


async def test_where_nobody_names_a_policy_the_setting_decides() -> None:
    async with operating(DELETION_POLICY="Retain") as it:
        await a_fleet(it)
        it.cluster.remove(FLEET[0])
        await gone(it, FLEET[:1])
        with it.database.transaction() as transaction:
            (row,) = transaction.devices((), [("acme", FLEET[0].name)])
        assert not row.claimed


@pytest.mark.parametrize("ending", [{Kind.DEVICE}, {Kind.TEMPLATE}, {Kind.DEVICE, Kind.TEMPLATE}])
async def test_a_kind_that_ends_takes_its_objects_but_no_rows(ending: set[Kind]) -> None:
    async with operating() as it:
        await a_fleet(it)
        it.cluster.ending |= ending
        going = [key for key in (TEMPLATE, *FLEET) if key.kind in ending]
        for key in going:
            it.cluster.remove(key)
        await gone(it, going)
        assert set(told(it)) == {"create"}
        it.cluster.ending.clear()
        await a_fleet(it)
        assert told(it) == ["create"] * 3, "claimed back in silence"


async def test_a_held_device_stays_with_row_and_finalizer_and_says_why() -> None:
    async with operating(DELETION_BUDGET_COUNT=1) as it:
        await a_fleet(it)
        for key in FLEET:
            it.cluster.remove(key)
        await gone(it, FLEET[:1])
        await it.shows(FLEET[1], "DeletionHeld", "True", "DeletionHeld")
        await it.shows(FLEET[2], "DeletionHeld", "True")
        held = it.cluster.objects[FLEET[1]]
        assert it.cluster.condition(FLEET[1], "Ready") == ("True", "Registered")
        assert held["metadata"]["finalizers"] == [FINALIZER]
        assert check(held["status"], held["metadata"]["generation"]) == []
        await it.until(lambda: told(it).count("remove") == 1)


async def test_a_namespace_that_allows_it_wakes_the_held_devices_at_once() -> None:
    async with operating(DELETION_BUDGET_COUNT=1) as it:
        await a_fleet(it)
        with capture_logs() as logs:
            for key in FLEET:
                it.cluster.remove(key)
            await it.shows(FLEET[2], "DeletionHeld", "True")
            await it.shows(FLEET[1], "DeletionHeld", "True")
        assert [one["reason"] for one in logs if "deletions are held" in one["event"]] == ["DeletionHeld"]
        await it.settled()
        namespace = {"metadata": {"name": "acme", "annotations": ALLOWED}}
        it.program.intake.namespace_seen({"type": "MODIFIED", "object": namespace})
        assert it.program.queue.depth == 2
        await gone(it, FLEET)
        await it.until(lambda: told(it).count("remove") == 3)
        assert len(it.program._context.held) == 0


async def test_held_devices_go_by_themselves_when_the_window_has_room() -> None:
    async with operating(DELETION_BUDGET_COUNT=2, DELETION_BUDGET_WINDOW_SECONDS=1) as it:
        await a_fleet(it)
        for key in FLEET:
            it.cluster.remove(key)
        await it.shows(FLEET[2], "DeletionHeld", "True")
        await gone(it, FLEET)
        await it.until(lambda: told(it).count("remove") == 3)


async def test_a_held_device_that_is_torn_away_is_not_counted_any_more() -> None:
    async with operating(DELETION_BUDGET_COUNT=2) as it:
        await a_fleet(it)
        for key in FLEET:
            it.cluster.remove(key)
        await it.shows(FLEET[2], "DeletionHeld", "True")
        it.cluster.put(a_device(FLEET[2].name, "acme"), finalizers=[])
        await gone(it, FLEET)
        assert len(it.program._context.held) == 0
