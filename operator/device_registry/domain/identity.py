"""Which id a device gets when its manifest names none, and how pinned ids move the counters of others.

Ids of devices are derived from namespace and name, so that the same manifest gets the same id after the
cluster was rebuilt, and shaped as dojot's ids are: six hexadecimal digits, which consumers parse as a number.
"""

import hashlib
from collections.abc import Container, Iterable, Iterator
from typing import Final

from .model import DeviceId

PROBES = 16
"""Candidates tried before giving up: with a million devices the chance to need so many is below 10^-19."""

_COUNTED: Final = 2_000_000_000
"""Ids of templates and attributes end at 2147483647. One that is pinned near the end must leave the tenant
further ids, so the counters pass by what is larger than this, and never get there themselves."""


def candidates(namespace: str, name: str) -> Iterator[DeviceId]:
    """Ids for a resource, most wanted first; always the same ones for the same names."""
    for probe in range(PROBES):
        digest = hashlib.sha256(f"{namespace}/{name}/{probe}".encode()).hexdigest()
        yield DeviceId(digest[:6])


def choose(namespace: str, name: str, taken: Container[DeviceId]) -> DeviceId | None:
    """The first candidate that is not taken; None when all are."""
    return next((one for one in candidates(namespace, name) if one not in taken), None)


def highest(pins: Iterable[int]) -> int:
    """The pinned id after which the counter goes on; 0 when none moves it."""
    return max((one for one in pins if one <= _COUNTED), default=0)
