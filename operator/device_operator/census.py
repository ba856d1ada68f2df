"""Which resources are not ready, why, and since when: what a person wants to know about a fleet at a glance.

The intake tells what each event shows, the sweep which resources there are. Ready ones are not kept, so a
settled fleet costs no memory here.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from device_registry.domain.model import Key, Kind
from device_registry.manifests.status import condition

from . import metrics

NEW = "New"
"""Stands for the reason of a resource about which nothing was said yet."""
_SETTLING = timedelta(minutes=1)
"""A list that is older than a resource cannot show it; clocks may differ by less than this."""


class Group(NamedTuple):
    """Resources of a kind that are not ready for the same reason."""

    kind: Kind
    reason: str


class Census:
    """See the module. `clock` gives the current time with its zone."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._since: dict[Group, dict[Key, datetime]] = {}
        self._group: dict[Key, Group] = {}
        metrics.NOT_READY.clear()
        metrics.NOT_READY_AGE.clear()

    def seen(self, key: Key, obj: Mapping[str, Any]) -> None:
        """An object as the API server shows it."""
        self.gone(key)
        ready = condition(obj.get("status") or {}, "Ready")
        if ready is None:
            self._note(Group(key.kind, NEW), key, obj["metadata"]["creationTimestamp"])
        elif ready["status"] != "True":
            self._note(Group(key.kind, str(ready["reason"])), key, ready["lastTransitionTime"])

    def gone(self, key: Key) -> None:
        """The resource is no more, or will be counted anew."""
        group = self._group.pop(key, None)
        if group is not None:
            del self._since[group][key]

    def only(self, kind: Kind, present: Collection[Key]) -> None:
        """These are all resources of a kind: an end of which no event told is noted here."""
        metrics.RESOURCES.labels(kind=kind).set(len(present))
        before = self._clock() - _SETTLING
        lost = [
            key
            for key, group in self._group.items()
            if group.kind is kind and key not in present and self._since[group][key] < before
        ]
        for key in lost:
            self.gone(key)

    def count(self, group: Group) -> int:
        """How many there are."""
        return len(self._since[group])

    def oldest_age(self, group: Group) -> float:
        """Seconds since the first of them stopped being ready; 0 if there is none."""
        oldest = min(self._since[group].values(), default=None)
        return 0.0 if oldest is None else max(0.0, (self._clock() - oldest).total_seconds())

    def _note(self, group: Group, key: Key, since: str) -> None:
        if group not in self._since:
            self._begin(group)
        self._since[group][key] = datetime.fromisoformat(since)
        self._group[key] = group

    def _begin(self, group: Group) -> None:
        """Measure a group from now on; reasons are a closed set, so there are few."""
        self._since[group] = {}
        labels = {"kind": group.kind, "reason": group.reason}
        metrics.NOT_READY.labels(**labels).set_function(lambda: self.count(group))
        metrics.NOT_READY_AGE.labels(**labels).set_function(lambda: self.oldest_age(group))
