"""Presence as the monitor keeps it. The meaning of each step stands in the scripts beside this module.

Times are milliseconds since 1970 by the clock of Redis. For one thread.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from uuid import uuid4

from redis import Redis, RedisError

from device_registry.domain.errors import PresenceUnavailable
from device_registry.domain.model import DeviceId, Tenant

from .values import MONITORS_KEY, READING_KEY, READING_SECONDS, SHARES_KEY, Notice, PresenceStatus, key


@dataclass(frozen=True, slots=True)
class Feed:
    """Where the data of a tenant come from: positions in one topic mean nothing in another one."""

    tenant: Tenant
    topic: str


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a partition has been read."""

    offset: int
    """Of the next record."""
    time: int
    """Nothing older than this can come from it any more."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One message: the device is there."""

    offset: int
    device: DeviceId
    time: int
    """The timestamp of the record."""
    lasting: int
    """How long it counts, in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read of one partition in one go."""

    feed: Feed
    partition: int
    partitions: int
    """How many the topic has."""
    start: int
    """Where it was read from."""
    end: int
    """The position after it."""
    sightings: Sequence[Sighting] = ()
    arrived: Sequence[str] = ()
    """Ids of notices of our own that were among the records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A partition that was read to its end."""

    partition: int
    before: int
    """The position that the store knows."""
    position: int
    """The position now: records that are not shown, such as the marks of transactions, may lie between."""
    time: int
    """When nothing lay beyond it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What followed."""

    online: int = 0
    offline: int = 0
    waiting: int = 0
    """Notices of the tenant that are not yet in Kafka."""
    present: int = 0
    """Devices of the tenant that are online now."""
    more: bool = False
    """Whether there are more silent devices than were looked at."""
    behind: int | None = None
    """Where the partition must be read from again, as the store knows less than was read; -1: anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Notices to send, or why there are none for this monitor now."""

    notices: Sequence[Notice] = ()
    teller: str = ""
    """Who has taken them: this monitor, this time and no other."""
    doubtful: str = ""
    """The teller that has taken notices and may or may not have sent them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorsSeen:
    """Who is there."""

    now: int
    names: Sequence[str]


class PresenceStore:
    """Presence in Redis.

    Every method may raise PresenceUnavailable; then nothing of it has happened, or all of it, and calling
    again is right in both cases.
    """

    def __init__(self, client: Redis, monitor: str, *, noting: bool) -> None:
        """Keep presence under the name of one monitor; `noting` transitions makes notices of them."""
        self._client = client
        self.monitor = monitor
        self._noting = "1" if noting else "0"
        self._apply = _script(client, "intervals.lua", "apply.lua")
        self._advance = _script(client, "intervals.lua", "advance.lua")
        self._place = _script(client, "place.lua")
        self._here = _script(client, "here.lua")
        self._share_read = _script(client, "share_read.lua")
        self._take = _script(client, "take.lua")
        self._told = _script(client, "told.lua")

    # --- the monitors ---------------------------------------------------------------------------------

    def here(self, seconds: float) -> MonitorsSeen:
        """Say that this monitor is there, and hear who else is."""
        with _converted():
            now, names = self._here(keys=[MONITORS_KEY], args=[self.monitor, round(seconds * 1000)])
        return MonitorsSeen(now=int(now), names=tuple(names))

    def leave(self) -> None:
        """Take leave: others need not wait to find out."""
        self.here(0)

    def share_read(self, up_to: int) -> None:
        """Say up to when this monitor has read its share: statuses are believed for a while after that.

        The monitor that is furthest behind decides, and one that is there and has said nothing lately.
        """
        keys = [MONITORS_KEY, SHARES_KEY, READING_KEY]
        with _converted():
            self._share_read(keys=keys, args=[self.monitor, up_to, READING_SECONDS * 1000])

    # --- reading --------------------------------------------------------------------------------------

    def marks(self, feed: Feed) -> Mapping[int, Mark]:
        """How far each partition has been read."""
        with _converted():
            entries: Any = self._client.hgetall(_read_key(feed))
        return {int(partition): _mark(entry) for partition, entry in entries.items()}

    def place(self, feed: Feed, partition: int, before: Mark | None, mark: Mark) -> bool:
        """Say where reading begins; False when the mark was not `before` any more."""
        was = f"{before.offset}:{before.time}" if before else ""
        with _converted():
            placed = self._place(keys=[_read_key(feed)], args=[partition, was, f"{mark.offset}:{mark.time}"])
        return bool(placed)

    def apply(self, reading: Reading) -> Tally:
        """Take in what was read, once however often it is read."""
        sightings = [(one.offset, one.device, one.time, one.lasting) for one in reading.sightings]
        arguments = [
            *(self._noting, reading.partitions, reading.partition, reading.start, reading.end),
            *(json.dumps(sightings), json.dumps(list(reading.arrived))),
        ]
        with _converted():
            return _tally(self._apply(keys=_keys(reading.feed), args=arguments))

    def advance(self, feed: Feed, partitions: int, progress: Sequence[Progress], limit: int) -> Tally:
        """Note what was read to its end, and let at most `limit` devices go that are silent for too long."""
        steps = [(one.partition, one.before, one.position, one.time) for one in progress]
        arguments = [self._noting, partitions, json.dumps(steps), limit]
        with _converted():
            return _tally(self._advance(keys=_keys(feed), args=arguments))

    # --- notices --------------------------------------------------------------------------------------

    def take(self, tenant: Tenant, count: int) -> Taken:
        """Take the oldest notices to send them; nobody else gets any of this tenant until `told`."""
        keys = [key(tenant, "notices"), key(tenant, "teller"), MONITORS_KEY]
        teller = f"{self.monitor} {uuid4().hex}"
        with _converted():
            state, *rest = self._take(keys=keys, args=[teller, count])
        if state == "yours":
            return Taken(notices=[_notice(*entry) for entry in rest[0]], teller=teller)
        return Taken(doubtful=rest[0] if state == "doubtful" else "")

    def told(self, tenant: Tenant, ids: Sequence[str], *, done: str = "") -> None:
        """These notices are in Kafka; `done` is the teller of whose notices no doubt is left, if any."""
        keys = [key(tenant, "notices"), key(tenant, "teller")]
        with _converted():
            self._told(keys=keys, args=[done, *ids])

    def is_being_told(self, tenant: Tenant) -> bool:
        """Whether somebody has taken notices and may have sent some that nobody has struck out."""
        with _converted():
            return bool(self._client.exists(key(tenant, "teller")))

    def close(self) -> None:
        """Release the connection."""
        self._client.close()


def _script(client: Redis, *names: str) -> Any:
    text = "\n".join(files(__package__).joinpath(name).read_text("utf-8") for name in names)
    return client.register_script(text)


def _keys(feed: Feed) -> list[str]:
    until, later, notices = (key(feed.tenant, what) for what in ("until", "later", "notices"))
    return [until, later, _read_key(feed), notices]


def _read_key(feed: Feed) -> str:
    return key(feed.tenant, f"read:{feed.topic}")


def _mark(entry: str) -> Mark:
    offset, _, time = entry.partition(":")
    return Mark(int(offset), int(time))


def _tally(answer: Sequence[Any]) -> Tally:
    state, number, online, offline, waiting, present = answer
    return Tally(
        online=online,
        offline=offline,
        waiting=waiting,
        present=present,
        more=state == "more",
        behind=number if state == "behind" else None,
    )


def _notice(notice_id: str, fields: Sequence[str]) -> Notice:
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    return Notice(
        id=notice_id,
        device=DeviceId(named["device"]),
        status=PresenceStatus(named["status"]),
        time=int(named["time"]),
    )


@contextmanager
def _converted() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise PresenceUnavailable(f"Redis does not answer as it should: {error}") from error
