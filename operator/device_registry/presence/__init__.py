"""Who is online, in Redis: the monitor writes it, the facade reads it. Nothing else speaks to Redis.

Every change is a script, so that it is atomic: what was read of a partition, how far that was, the
transitions that follow from it, and the notices about them are one step. Reading the same data twice
changes nothing.
"""

from .reader import PresenceReader
from .store import Feed, Mark, MonitorsSeen, PresenceStore, Progress, Reading, Sighting, Taken, Tally
from .values import Notice, PresenceStatus

__all__ = [
    "Feed",
    "Mark",
    "MonitorsSeen",
    "Notice",
    "PresenceReader",
    "PresenceStatus",
    "PresenceStore",
    "Progress",
    "Reading",
    "Sighting",
    "Taken",
    "Tally",
]
