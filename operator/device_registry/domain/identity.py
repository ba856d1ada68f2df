"""Which id a device gets when its manifest names none.

Derived from namespace and name, so that the same manifest gets the same id after the cluster was rebuilt,
and shaped as dojot's ids are: six hexadecimal digits, which consumers parse as a number.
"""

import hashlib
from collections.abc import Container, Iterator

from .model import DeviceId

PROBES = 16
"""Candidates tried before giving up: with a million devices the chance to need so many is below 10^-19."""


def candidates(namespace: str, name: str) -> Iterator[DeviceId]:
    """Ids for a resource, most wanted first; always the same ones for the same names."""
    for probe in range(PROBES):
        digest = hashlib.sha256(f"{namespace}/{name}/{probe}".encode()).hexdigest()
        yield DeviceId(digest[:6])


def choose(namespace: str, name: str, taken: Container[DeviceId]) -> DeviceId | None:
    """The first candidate that is not taken; None when all are."""
    return next((one for one in candidates(namespace, name) if one not in taken), None)
