"""`?wait=published`: a write is answered when Kafka has acknowledged its events as well."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from device_registry.domain.errors import RegistryUnavailable
from device_registry.domain.model import Key, Kind, Tenant
from device_registry.domain.outcome import Outcome

from . import asking
from .asking import WaitFor
from .context import Context
from .problems import pending

_FIRST_SECONDS: Final = 0.01
_LONGEST_SECONDS: Final = 0.25
"""Between two looks: the relay is woken at once, so most events are there within a few of the first."""

Awaited = Mapping[str, int | None]
"""Subjects to the sequence of the event; None: the last one that there is."""


@contextmanager
def later() -> Iterator[None]:
    """A block of writes that are answered when they are registered; whoever opens it waits for Kafka once."""
    asked = asking.current()
    asking.begin(replace(asked, wait=WaitFor.REGISTERED))
    try:
        yield
    finally:
        asking.begin(asked)


def of(outcomes: Sequence[Outcome]) -> Awaited:
    """The events of what was registered; of a template the last one of its propagation."""
    devices = {one.target: one.sequence for one in outcomes if one.key.kind is Kind.DEVICE and one.sequence}
    templates = {f"template/{one.target}": None for one in outcomes if one.key.kind is Kind.TEMPLATE}
    return {**devices, **templates}


def of_removed(key: Key, location: str) -> Awaited:
    """The event of a removal; a template's makes none."""
    return {location.rpartition("/")[2]: None} if key.kind is Kind.DEVICE else {}


async def removed_by_us(context: Context, key: Key, location: str) -> bool:
    """Whether the removal that Kafka hears of was asked for by this request; a template's tells nobody."""
    asked = asking.current()
    subjects = of_removed(key, location)
    return bool(subjects) and asked.id == await context.reader.last_request(asked.tenant, *subjects)


async def wait(context: Context, awaited: Awaited, location: str) -> None:
    """Return when the events are acknowledged, if the request wants that.

    Raises Problem: 202 with `location` when they are not in time, also when nobody can tell any more.
    """
    asked = asking.current()
    if asked.wait is not WaitFor.PUBLISHED:
        return
    try:
        await _wait(context, asked.tenant, awaited, location)
    except RegistryUnavailable:
        raise pending(location) from None


async def _wait(context: Context, tenant: Tenant, awaited: Awaited, location: str) -> None:
    deadline, pause = time.monotonic() + context.settings.REST_WAIT_SECONDS, _FIRST_SECONDS
    while not await context.reader.is_published(tenant, awaited):
        if time.monotonic() > deadline:
            raise pending(location)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_SECONDS)
