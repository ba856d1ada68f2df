"""What happens to an event: a few fields are read, and the key goes into the queue or not.

The handlers call it. Nothing here waits for anything or raises; what is missed comes again with the next
event of the object. While another operator leads, the queue is kept as it would be for its successor.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from device_registry.domain.errors import Refused
from device_registry.domain.model import Key, Kind
from device_registry.manifests import key_of, parse

from . import metrics
from .context import Context
from .namespaces import UNBOUND
from .needs import AnyResource, needs_work

DELETED = "DELETED"
OLD_SECONDS = 60.0
"""What a standby was told longer ago may be of an object that is gone: a list that is begun anew does not say
what is missing."""


class Index(Protocol):
    """Knows which devices refer to what."""

    def seen(self, key: Key, obj: Mapping[str, Any]) -> None:
        """Note what a Device object says; it may be malformed."""

    def gone(self, key: Key) -> None:
        """The device is no more."""


class _Seen(NamedTuple):
    """The object that is known under a key."""

    uid: str
    version: int


class Intake:
    """Events in, keys out."""

    def __init__(self, context: Context) -> None:
        self._held = context.held
        self._census = context.census
        self._queue = context.queue
        self._statuses = context.statuses
        self._indexes: Sequence[Index] = (context.waiting, context.secret_users)
        self._namespaces = context.tenants.namespaces
        self._paused: set[Key] = set()
        self._seen: dict[Key, _Seen] = {}
        self._leads = False
        metrics.PAUSED.labels(what="resources").set_function(lambda: len(self._paused))

    def lead(self) -> None:
        """Workers take what is queued from now on."""
        self._queue.doubt(OLD_SECONDS)
        self._leads = True

    def resource_seen(self, event: Mapping[str, Any]) -> None:
        """A Device or Template was listed, added, changed or deleted."""
        obj = event["object"]
        key, seen = key_of(obj), _Seen(obj["metadata"]["uid"], int(obj["metadata"]["resourceVersion"]))
        if event["type"] and self._is_of_a_predecessor(key, seen):
            return
        if event["type"] == DELETED:
            self._gone(key)
        else:
            self._seen[key] = seen
            self._here(key, obj)
        self._statuses.seen(key, seen.version)

    def namespace_seen(self, event: Mapping[str, Any]) -> None:
        """A namespace was listed, added, changed or deleted."""
        if event["type"] == DELETED:
            self._namespaces.gone(event["object"]["metadata"]["name"])
        else:
            self._namespaces.seen(event["object"])
            for key in self._held.of(event["object"]["metadata"]["name"]):
                self._queue.add(key)

    def _is_of_a_predecessor(self, key: Key, seen: _Seen) -> bool:
        """Whether it tells of an object that another one of that name has succeeded.

        kopf keeps the order of each object's events only, so that the end of one may be told after the
        beginning of the next. What is listed (an event without a type) is always news: a cluster may have
        been set back.
        """
        known = self._seen.get(key)
        return known is not None and known.uid != seen.uid and seen.version < known.version

    def _gone(self, key: Key) -> None:
        self._seen.pop(key, None)
        self._queue.discard(key)
        for index in self._indexes:
            index.gone(key)
        self._held.gone(key)
        self._census.gone(key)
        self._paused.discard(key)

    def _here(self, key: Key, obj: Mapping[str, Any]) -> None:
        self._census.seen(key, obj)
        if key.kind is Kind.DEVICE:
            for index in self._indexes:
                index.seen(key, obj)
        try:
            resource: AnyResource = parse(obj, UNBOUND)
        except Refused:
            self._queue.add(key)
            return
        self._note_pause(resource)
        if not needs_work(resource):
            self._settled(key)
        elif not self._statuses.is_echo(resource):
            self._queue.add(key, resource)

    def _settled(self, key: Key) -> None:
        """On standby, whoever leads has done what was to be done: the queue keeps only what is open."""
        if not self._leads:
            self._queue.discard(key)

    def _note_pause(self, resource: AnyResource) -> None:
        if resource.paused:
            self._paused.add(resource.key)
        else:
            self._paused.discard(resource.key)
