"""Reads what a list of objects tells without their specs (PartialObjectMetadata): the sweep compares it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_registry.domain.model import Key, Kind

from .names import FINALIZER, PAUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One object of a list."""

    key: Key
    uid: str
    generation: int
    deleting: bool = False
    guarded: bool = True
    """Whether our finalizer holds the object."""
    paused: bool = False


def sighting(kind: Kind, obj: Mapping[str, Any]) -> Sighting:
    """An entry of a list, whose own `kind` does not say what it is the metadata of."""
    meta = obj["metadata"]
    return Sighting(
        key=Key(kind, meta["namespace"], meta["name"]),
        uid=meta["uid"],
        generation=meta["generation"],
        deleting="deletionTimestamp" in meta,
        guarded=FINALIZER in (meta.get("finalizers") or ()),
        paused=(meta.get("annotations") or {}).get(PAUSED) == "true",
    )
