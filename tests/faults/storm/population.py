"""The devices and templates that a storm begins with, and the writers that go on with them."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import aiohttp

from device_registry.domain.model import Key, Kind

from .writers import Fleet, GitWriter, RestWriter, TemplateWriter, Writer, keep_writing

WRITERS = 3
"""Of each sort and tenant."""
TEMPLATE_SECONDS = 8.0
"""Between two edits of a template on the average: each changes a third of a tenant's devices."""
PATIENCE = 60.0
"""Seconds for the first templates to be registered."""


@dataclass(frozen=True)
class Population:
    """Writers with their slots."""

    devices: Sequence[Writer]
    templates: TemplateWriter

    def start(self, rate: float, chance: random.Random, stop: asyncio.Event) -> list["asyncio.Task[None]"]:
        """Begin to write that often a second altogether, until the flag is set."""
        each = rate / len(self.devices)
        tasks = [
            asyncio.create_task(keep_writing(writer, lambda: chance.expovariate(each), stop))
            for writer in self.devices
        ]
        edits = keep_writing(self.templates, lambda: chance.expovariate(1 / TEMPLATE_SECONDS), stop)
        return [*tasks, asyncio.create_task(edits)]


async def populate(
    fleet: Fleet, session: aiohttp.ClientSession, chance: random.Random, devices: int
) -> Population:
    """Declare templates and devices; nothing is wrong yet, so this is quick."""
    templates = TemplateWriter(fleet, chance)
    for tenant in fleet.tenants:
        for name in ("base", *fleet.templates):
            await templates.edit(tenant, name)
    await _registered(fleet)
    share = devices // 2 // len(fleet.tenants)
    git = [writer for tenant in fleet.tenants for writer in _git_writers(fleet, chance, tenant, share)]
    rest = [
        RestWriter(fleet, chance, session, tenant, places)
        for tenant in fleet.tenants
        for places in _portions(share)
    ]
    fillings = [*(one.fill() for one in git), *(one.fill() for one in rest)]
    await asyncio.gather(*fillings)
    return Population([*git, *rest], templates)


def _git_writers(fleet: Fleet, chance: random.Random, tenant: str, share: int) -> Iterable[GitWriter]:
    numbers = iter(range(share))
    for portion in _portions(share):
        keys = [Key(Kind.DEVICE, tenant, f"device-number-{next(numbers)}") for _ in range(portion)]
        yield GitWriter(fleet, chance, [fleet.ledger.slot(key) for key in keys])


def _portions(share: int) -> list[int]:
    return [share // WRITERS + (number < share % WRITERS) for number in range(WRITERS)]


async def _registered(fleet: Fleet) -> None:
    """Wait until every template has its number, by which REST names it."""
    keys = [key for key in fleet.ledger.slots if key.kind is Kind.TEMPLATE]
    async with asyncio.timeout(PATIENCE):
        while not await _have_numbers(fleet, keys):  # noqa: ASYNC110 - the API server tells nobody here
            await asyncio.sleep(0.1)


async def _have_numbers(fleet: Fleet, keys: Sequence[Key]) -> bool:
    found = await asyncio.gather(*(fleet.kube.get(key) for key in keys))
    return all("templateId" in (one.get("status") or {}) for one in found)
