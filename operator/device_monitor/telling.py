"""Sends the notices that wait in Redis; see `notices` for what a doubt is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from device_registry.backoff import Holds
from device_registry.domain.errors import BrokerUnavailable
from device_registry.domain.model import Tenant
from device_registry.presence import Feed, PresenceStore, Taken

from . import metrics
from .directory import Topic
from .notices import Letter, letter
from .stream import DeviceData, Partition

log = structlog.get_logger()

ROUND = 500
"""Notices to send at once; well within the time that a monitor counts as there without saying so."""


class Sender(Protocol):
    """Writes to a topic."""

    def send(self, topic: str, letters: Sequence[Letter]) -> Collection[str]:
        """Answer the ids of those that Kafka has acknowledged. Raises BrokerUnavailable."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Notices that somebody has taken and may or may not have sent."""

    teller: str
    topic: str
    ends: Mapping[Partition, int]
    """Where the topic ended when the doubt was met: what was sent lies before."""


class Telling:
    """Sends notices of tenants that have some."""

    def __init__(self, store: PresenceStore, data: DeviceData, sender: Sender) -> None:
        self._store = store
        self._data = data
        self._sender = sender
        self._doubts: dict[Tenant, Doubt] = {}
        self._holds = Holds[Tenant](longest=10.0)

    def tell(self, waiting: Collection[Tenant], topics: Mapping[str, Topic]) -> set[Tenant]:
        """Send what these tenants have to say; answers which of them have more. Raises Unavailable."""
        names = {topic.tenant: name for name, topic in topics.items()}
        return {
            tenant
            for tenant in waiting
            if tenant in names and self._tell_one(tenant, names[tenant], topics[names[tenant]])
        }

    def _tell_one(self, tenant: Tenant, name: str, topic: Topic) -> bool:
        if tenant in self._holds or not self._is_clear(tenant, name):
            return True
        taken = self._store.take(tenant, ROUND)
        if taken.doubtful:
            every = [Partition(name, number) for number in range(topic.partitions)]
            self._doubts[tenant] = Doubt(taken.doubtful, name, self._data.ends(every))
            return True
        return bool(taken.notices) and self._send(tenant, name, taken)

    def _is_clear(self, tenant: Tenant, name: str) -> bool:
        """Whether there is no doubt about this topic, or no longer."""
        doubt = self._doubts.get(tenant)
        if doubt is None or doubt.topic != name:
            return True
        marks = self._store.marks(Feed(tenant, name))
        read = {number: mark.offset for number, mark in marks.items()}
        if any(read.get(one.partition, -1) < end for one, end in doubt.ends.items()):
            return False
        self._store.told(tenant, [], done=doubt.teller)
        del self._doubts[tenant]
        return True

    def _send(self, tenant: Tenant, name: str, taken: Taken) -> bool:
        letters = [letter(tenant, notice) for notice in taken.notices]
        try:
            sent = self._sender.send(name, letters)
        except BrokerUnavailable as error:
            self._failed(tenant, error.message)
            return True
        metrics.NOTICES_SENT.inc(len(sent))
        if len(sent) < len(letters):
            self._store.told(tenant, list(sent))
            self._failed(tenant, "not all were acknowledged")
            return True
        self._store.told(tenant, list(sent), done=taken.teller)
        if self._holds.succeed(tenant):
            log.info("the notices of a tenant flow again", tenant=tenant)
        return len(letters) == ROUND

    def _failed(self, tenant: Tenant, error: str) -> None:
        metrics.NOTICE_FAILURES.inc()
        if self._holds.fail(tenant):
            log.warning("the notices of a tenant wait", tenant=tenant, error=error)
