"""What a careful consumer demands of a topic: 1, 2, 3 … for each subject, and doubles that are doubles.

Fed by the listener with records as they come; holds digests only, so an hour of events fits into memory.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

DOCUMENTS = frozenset({"create", "update"})


class Arrived(NamedTuple):
    """A record as it came from Kafka."""

    tenant: str
    partition: int
    headers: Mapping[str, str]
    value: bytes


@dataclass(slots=True)
class Stream:
    """One subject: how far it has come, and what the last event said."""

    partition: int
    digests: list[bytes] = field(default_factory=list)
    revision: int = 0
    document: Any = None
    """The device as the last event shows it; None before `create` and after `remove`."""

    @property
    def sequence(self) -> int:
        """The number of the last event."""
        return len(self.digests)


class Streams:
    """Every subject of every tenant.

    Attributes:
        violations: what must not be, in words, as it came.
        events: counts by type, doubles left out.
        doubles: events that came again, as at-least-once allows.
        late_doubles: those of them that came after a successor of theirs.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.events: Counter[str] = Counter()
        self.doubles = 0
        self.late_doubles = 0
        self._streams: dict[tuple[str, str], Stream] = {}

    def hear(self, record: Arrived) -> None:
        """Judge the next record of a partition."""
        subject, sequence = record.headers["ce_subject"], int(record.headers["dojot_sequence"])
        stream = self._streams.setdefault((record.tenant, subject), Stream(record.partition))
        where = f"{record.tenant}/{subject}"
        if record.partition != stream.partition:
            self._wrong(f"{where} moved from partition {stream.partition} to {record.partition}")
        if record.headers["ce_id"] != f"{where}/{sequence}":
            self._wrong(f"{where} #{sequence} calls itself {record.headers['ce_id']}")
        if sequence <= stream.sequence:
            self._hear_again(where, stream, sequence, record)
        elif sequence == stream.sequence + 1:
            self._hear_new(where, stream, record)
        else:
            self._wrong(f"{where} #{sequence} came after #{stream.sequence}")

    def sequences(self) -> dict[tuple[str, str], int]:
        """How far each subject has come, by tenant and subject."""
        return {key: stream.sequence for key, stream in self._streams.items()}

    def documents(self) -> dict[tuple[str, str], Any]:
        """The devices that should exist, by tenant and id, as the last event shows them."""
        return {key: one.document for key, one in self._streams.items() if one.document is not None}

    def _hear_again(self, where: str, stream: Stream, sequence: int, record: Arrived) -> None:
        self.doubles += 1
        self.late_doubles += sequence < stream.sequence
        if _digest(record) != stream.digests[sequence - 1]:
            self._wrong(f"{where} #{sequence} came again and says something else")

    def _hear_new(self, where: str, stream: Stream, record: Arrived) -> None:
        stream.digests.append(_digest(record))
        said = json.loads(record.value)
        kind = str(said["event"])
        self.events[kind] += 1
        revision = int(record.headers["dojot_revision"])
        if revision < stream.revision:
            self._wrong(f"{where} #{stream.sequence} shows revision {revision} after {stream.revision}")
        stream.revision = revision
        if kind == "create" and stream.document is not None:
            self._wrong(f"{where} #{stream.sequence} creates what exists")
        if kind in {"update", "remove"} and stream.document is None:
            self._wrong(f"{where} #{stream.sequence} tells {kind} of what does not exist")
        if kind in DOCUMENTS:
            stream.document = said["data"]
        elif kind == "remove":
            stream.document, stream.revision = None, 0

    def _wrong(self, what: str) -> None:
        self.violations.append(what)


def _digest(record: Arrived) -> bytes:
    headers = json.dumps(sorted(record.headers.items())).encode()
    return hashlib.blake2b(headers + b"\0" + record.value, digest_size=12).digest()
