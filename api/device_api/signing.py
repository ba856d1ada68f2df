"""Who writes: a note of the request in hand goes with what it writes."""

from collections.abc import Mapping
from typing import Any

from device_registry.manifests import note

from . import asking


def signed(obj: Mapping[str, Any], generation: int, undertaking: str = "") -> dict[str, Any]:
    """The object with a note of who writes this generation."""
    asked, meta = asking.current(), obj["metadata"]
    noted = note(generation, asked.id, asked.user, undertaking)
    return {**obj, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), **noted}}}
