"""Template edits on their way to the devices, in the background."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from device_operator.circuit import REGISTRY, Circuit, in_thread
from device_operator.propagation import Propagation, TemplateRef
from device_registry.domain.errors import Contended, Fenced, RegistryUnavailable, Rejected
from device_registry.domain.model import Key, Kind, Tenant
from device_registry.domain.outcome import Usage
from device_registry.reconcile import Progress
from tests.support.until import until

LARGE, SMALL = (Tenant("acme"), 1), (Tenant("acme"), 2)
BROKEN = Key(Kind.DEVICE, "acme", "broken")


def key(template: int) -> Key:
    return Key(Kind.TEMPLATE, "acme", str(template))


class Chunks:
    """A reconciler whose templates need so many chunks."""

    def __init__(self, **chunks: int) -> None:
        self.left = {LARGE: chunks.get("large", 0), SMALL: chunks.get("small", 0)}
        self.steps: list[TemplateRef] = []
        self.failures = 0
        self.wrong: dict[TemplateRef, Exception] = {}

    def propagate(self, tenant: Tenant, template_id: int) -> Progress:
        if self.failures:
            self.failures -= 1
            raise RegistryUnavailable
        if error := self.wrong.get((tenant, template_id)):
            raise error
        self.steps.append((tenant, template_id))
        self.left[tenant, template_id] -= 1
        done = self.left[tenant, template_id] == 0
        affected = (BROKEN,) if done else ()
        return Progress(done=done, usage=Usage(total=9, current=9), key=key(template_id), affected=affected)


class Desk:
    def __init__(self, reconciler: Chunks, executor: ThreadPoolExecutor) -> None:
        self.looked: Counter[Key] = Counter()
        circuit = Circuit(in_thread(lambda: None), REGISTRY, check_seconds=0.01)
        self.propagation = Propagation(
            reconciler,  # type: ignore[arg-type]  # of the reconciler it uses this one method
            executor,
            circuit,
            lambda found: self.looked.update([found]),
        )
        self.running = [asyncio.create_task(one) for one in (self.propagation.run(), circuit.run())]

    async def until_looked(self, *keys: Key) -> None:
        await until(lambda: all(self.looked[one] for one in keys))


@asynccontextmanager
async def propagating(reconciler: Chunks) -> AsyncIterator[Desk]:
    with ThreadPoolExecutor(1) as executor:
        desk = Desk(reconciler, executor)
        try:
            yield desk
        finally:
            for task in desk.running:
                task.cancel()
            await asyncio.gather(*desk.running, return_exceptions=True)


async def test_templates_take_turns_so_a_small_one_does_not_wait_for_a_large_one() -> None:
    chunks = Chunks(large=5, small=2)
    async with propagating(chunks) as desk:
        desk.propagation.start(LARGE)
        desk.propagation.start(SMALL)
        await desk.until_looked(key(1), key(2))
    assert chunks.steps == [LARGE, SMALL, LARGE, SMALL, LARGE, LARGE, LARGE]


async def test_the_status_of_a_template_is_not_written_for_every_chunk() -> None:
    async with propagating(Chunks(large=20)) as desk:
        desk.propagation.start(LARGE)
        await desk.until_looked(key(1))
    assert desk.looked[key(1)] == 1


async def test_a_template_that_is_in_line_is_not_put_there_twice() -> None:
    chunks = Chunks(large=2)
    async with propagating(chunks) as desk:
        desk.propagation.start(LARGE)
        desk.propagation.start(LARGE)
        await desk.until_looked(key(1))
    assert chunks.steps == [LARGE, LARGE]


async def test_devices_that_an_edit_breaks_are_looked_at() -> None:
    async with propagating(Chunks(large=1)) as desk:
        desk.propagation.start(LARGE)
        await desk.until_looked(BROKEN)


async def test_an_outage_only_delays_it() -> None:
    chunks = Chunks(large=2)
    chunks.failures = 1
    async with propagating(chunks) as desk:
        desk.propagation.start(LARGE)
        await desk.until_looked(key(1))


@pytest.mark.parametrize("error", [Contended("gave in"), Rejected("a value"), TypeError("a bug")])
async def test_what_is_wrong_with_one_template_neither_ends_the_work_nor_is_given_up(
    error: Exception,
) -> None:
    chunks = Chunks(large=1, small=1)
    chunks.wrong[LARGE] = error
    async with propagating(chunks) as desk:
        desk.propagation.start(LARGE)
        desk.propagation.start(SMALL)
        await desk.until_looked(key(2))
        chunks.wrong.clear()
        await desk.until_looked(key(1))


async def test_who_does_not_lead_any_more_ends() -> None:
    chunks = Chunks(large=1)
    chunks.wrong[LARGE] = Fenced()
    async with propagating(chunks) as desk:
        desk.propagation.start(LARGE)
        with pytest.raises(Fenced):
            await desk.running[0]
