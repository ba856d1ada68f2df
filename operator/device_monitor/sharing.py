"""Who reads which partition: the same answer for everybody who knows the same monitors. Pure.

Each partition goes to the monitor for which the hash of both is largest, so one that comes or goes moves only
its own share. While monitors do not agree, a partition is read twice or not at all for a moment; neither does
harm, since Redis knows how far each partition was read.
"""

from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import TypeVar

P = TypeVar("P", bound=tuple[str, int])


def share(partitions: Iterable[P], monitors: Collection[str], monitor: str) -> list[P]:
    """The partitions that this monitor reads; none when it is not among the monitors."""
    return [one for one in partitions if monitors and monitor == _reader(one, monitors)]


def _reader(partition: tuple[str, int], monitors: Collection[str]) -> str:
    topic, number = partition
    return max(monitors, key=lambda monitor: (_weight(f"{topic}/{number}/{monitor}"), monitor))


def _weight(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()
