"""What presence means, in a few lines: the model that the monitor is held against."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from device_registry.presence import PresenceStatus

Transition = tuple[PresenceStatus, int]
"""Which way, and when (milliseconds)."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Data of a device that came at a time and counts for so many milliseconds."""

    device: str
    time: int
    lasting: int


def transitions(heard: Iterable[Heard]) -> dict[str, list[Transition]]:
    """By device, every coming and going; a device that is silent for ever goes in the end."""
    by_device: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        by_device[one.device].append(one)
    return {device: _of_one(sorted(all_of_it, key=_time)) for device, all_of_it in by_device.items()}


def _of_one(heard: list[Heard]) -> list[Transition]:
    found: list[Transition] = []
    till = -1
    for one in heard:
        if one.time > till:
            if found:
                found.append((PresenceStatus.OFFLINE, till))
            found.append((PresenceStatus.ONLINE, one.time))
        till = max(till, one.time + one.lasting)
    return [*found, (PresenceStatus.OFFLINE, till)]


def _time(one: Heard) -> int:
    return one.time
