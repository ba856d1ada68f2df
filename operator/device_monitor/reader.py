"""Carries device data from Kafka to Redis, for the partitions that are this monitor's share.

Redis knows how far each partition was read; positions here are a copy. Whatever goes wrong, `start_anew` and
the next `take_share` begin from what Redis knows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import structlog

from device_registry.domain.model import DeviceId, Tenant
from device_registry.presence import Feed, Mark, PresenceStore, Progress, Reading, Sighting, Tally

from . import metrics
from .directory import Topic
from .messages import Message, Result, understand
from .notices import notice_id
from .sharing import share
from .stream import DeviceData, OutOfRange, Partition
from .timeouts import Timeouts

log = structlog.get_logger()

REACH_SECONDS = 600
"""How far back a monitor looks: data that are older tell nothing about the present worth the reading."""

PORTION = 1_000
"""Silent devices to let go in one step, a few milliseconds in which Redis does nothing else."""


class Reader:
    """Reads a share of the partitions."""

    def __init__(self, store: PresenceStore, data: DeviceData, timeouts: Timeouts, monitor: str) -> None:
        self._store = store
        self._data = data
        self._timeouts = timeouts
        self._monitor = monitor
        self._topics: Mapping[str, Topic] = {}
        self._positions: dict[Partition, int] = {}
        self._read_at: dict[Partition, int] = {}
        """Up to when each partition has been read."""
        self._ahead: dict[Partition, Mark] = {}
        """Where each partition ended when that was asked, and when that was; reading has yet to get there."""
        self.waiting: set[Tenant] = set()
        """Tenants with notices that are not in Kafka yet."""

    # --- what to read ---------------------------------------------------------------------------------

    def take_share(self, topics: Mapping[str, Topic], monitors: Collection[str], now: int) -> None:
        """Read the partitions that are this monitor's among these monitors, and no others."""
        self._topics = topics
        every = (Partition(name, one) for name, topic in topics.items() for one in range(topic.partitions))
        mine = set(share(every, monitors, self._monitor))
        kept = {one: offset for one, offset in self._positions.items() if one in mine}
        if kept.keys() != mine or kept.keys() != self._positions.keys():
            self._positions = {**kept, **self._places(mine - kept.keys(), now)}
            self._data.assign(self._positions)
        metrics.PARTITIONS.set(len(self._positions))

    def start_anew(self) -> None:
        """Forget every position."""
        self._positions = {}
        self._read_at = {}
        self._ahead = {}
        self.waiting = set()

    def _places(self, partitions: Collection[Partition], now: int) -> dict[Partition, int]:
        """Where to read these from. A partition that another monitor is just placing is left out for now."""
        # Marks before ends: whoever reads a partition moves its mark, never beyond an end that is seen later.
        marks = {feed: self._store.marks(feed) for feed in self._by_feed(partitions)}
        reach = self._reach(partitions, marks, now)
        ends = self._data.ends(partitions)
        recent = self._data.offsets_at(reach)
        placed: dict[Partition, int] = {}
        for one in partitions:
            feed, first = self._feed(one), recent[one]
            mark = marks[feed].get(one.partition)
            place = _place(mark, ends[one] if first is None else first, ends[one], reach[one])
            if place == mark or self._store.place(feed, one.partition, mark, place):
                placed[one] = place.offset
                self._read_at[one] = place.time
                self._ahead[one] = Mark(ends[one], now)
        return placed

    def _reach(
        self, partitions: Collection[Partition], marks: Mapping[Feed, Mapping[int, Mark]], now: int
    ) -> dict[Partition, int]:
        """How far back to look: as far as need be where notices were sent that nobody has found yet."""
        reach = dict.fromkeys(partitions, now - REACH_SECONDS * 1000)
        for feed, some in self._by_feed(partitions).items():
            if self._store.is_being_told(feed.tenant):
                reach |= {one: 0 for one in some if one.partition in marks[feed]}
        return reach

    def _by_feed(self, partitions: Iterable[Partition]) -> dict[Feed, list[Partition]]:
        grouped: dict[Feed, list[Partition]] = {}
        for one in partitions:
            grouped.setdefault(self._feed(one), []).append(one)
        return grouped

    def _feed(self, one: Partition) -> Feed:
        return Feed(self._topics[one.topic].tenant, one.topic)

    # --- reading --------------------------------------------------------------------------------------

    def read(self) -> None:
        """Take in what has come."""
        try:
            records = self._data.poll()
        except OutOfRange as error:
            log.warning("device data were removed before they were read", error=str(error))
            self._drop(error.partitions)
            return
        for partition, batch in records.items():
            self._take_in(partition, batch)

    def _take_in(self, partition: Partition, batch: Sequence[Any]) -> None:
        topic, start = self._topics[partition.topic], self._positions[partition]
        end = batch[-1].offset + 1
        tally = self._store.apply(
            Reading(
                feed=self._feed(partition),
                partition=partition.partition,
                partitions=topic.partitions,
                start=start,
                end=end,
                sightings=self._sightings(topic.tenant, batch),
                arrived=[found for one in batch if (found := notice_id(one.headers))],
            )
        )
        self._positions[partition] = end
        self._count(topic.tenant, tally)
        if tally.behind is not None:
            log.warning("Redis was set back, reading again", partition=str(partition), known=tally.behind)
            self._drop([partition])

    def _sightings(self, tenant: Tenant, batch: Sequence[Any]) -> list[Sighting]:
        messages = [(one, understand(one.value, tenant)) for one in batch]
        lasting = self._timeouts.of(tenant, {message.device for _, message in messages if message.device})
        for _, message in messages:
            metrics.MESSAGES.labels(_result(message, lasting).value).inc()
        return [
            Sighting(one.offset, message.device, one.timestamp, _counts(message, lasting))
            for one, message in messages
            if message.device in lasting
        ]

    def _drop(self, partitions: Collection[Partition]) -> None:
        """The next `take_share` places these anew."""
        for one in partitions:
            self._positions.pop(one, None)
        self._data.assign(self._positions)

    # --- silence --------------------------------------------------------------------------------------

    def sweep(self, now: int) -> int:
        """Let devices go that were silent for too long; answers up to when everything has been read.

        `now`: a time before this call, by Redis's clock.
        """
        ends = self._data.ends(self._positions)
        reached = self._data.positions()
        online = 0
        for feed, partitions in self._by_feed(self._positions).items():
            done = [one for one in partitions if reached[one] >= ends[one]]
            steps = [self._progress(one, reached[one], now) for one in done]
            tally = self._advance(feed, steps)
            self._positions |= {one: reached[one] for one in done}
            online += tally.present if any(one.partition == 0 for one in partitions) else 0
        metrics.DEVICES_ONLINE.set(online)
        read_up_to = min([now, *(self._up_to(one, reached[one], ends[one], now) for one in self._positions)])
        metrics.READ_AGE.set((now - read_up_to) / 1000)
        return read_up_to

    def _up_to(self, one: Partition, position: int, end: int, now: int) -> int:
        """Up to when a partition has been read, whatever the clocks of its records say.

        One that never rests is never found read to its end, but to where it ended a moment ago.
        """
        if position >= end:
            self._read_at[one], self._ahead[one] = now, Mark(end, now)
        elif position >= self._ahead[one].offset:
            self._read_at[one], self._ahead[one] = self._ahead[one].time, Mark(end, now)
        return self._read_at[one]

    def _progress(self, one: Partition, position: int, now: int) -> Progress:
        before = self._positions[one]
        return Progress(partition=one.partition, before=before, position=position, time=now)

    def _advance(self, feed: Feed, steps: Sequence[Progress]) -> Tally:
        partitions = self._topics[feed.topic].partitions
        tally = self._store.advance(feed, partitions, steps, PORTION)
        self._count(feed.tenant, tally)
        while tally.more:
            tally = self._store.advance(feed, partitions, (), PORTION)
            self._count(feed.tenant, tally)
        return tally

    def _count(self, tenant: Tenant, tally: Tally) -> None:
        metrics.TRANSITIONS.labels("online").inc(tally.online)
        metrics.TRANSITIONS.labels("offline").inc(tally.offline)
        if tally.waiting:
            self.waiting.add(tenant)


def _place(mark: Mark | None, first: int, end: int, reach: int) -> Mark:
    """Where reading begins: where it ended, unless that is too long ago or the topic is not what it was."""
    if mark is None or mark.offset > end:
        return Mark(first, max(mark.time if mark else 0, reach))
    if mark.offset < first:
        return Mark(first, max(mark.time, reach))
    return mark


def _result(message: Message, known: Mapping[DeviceId, int]) -> Result:
    return Result.UNKNOWN_DEVICE if message.device and message.device not in known else message.result


def _counts(message: Message, lasting: Mapping[DeviceId, int]) -> int:
    if message.seconds is None:
        return lasting[message.device]
    return max(1, round(message.seconds * 1000))
