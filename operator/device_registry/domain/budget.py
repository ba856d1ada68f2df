"""How many devices of a tenant may be deleted within a time: pure arithmetic.

A wrong `kubectl delete -l` or a pruned folder takes away a fleet in seconds. With a budget the first few go
and the rest waits for a person; `reconcile.departure` gathers the counts and asks here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """What the registry knows about a tenant's devices that leave."""

    left: int
    """Devices removed within the window."""
    rows: int
    """Devices that are there now."""
    held: int
    """Devices whose deletion is held already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionBudget:
    """The limits for one tenant; where both are set the lower one counts."""

    count: int = 0
    """Devices within the window; 0 for no such limit."""
    percent: float = 0
    """Share of the tenant's devices, those that left within the window included; 0 for no such limit."""
    window: timedelta = timedelta(minutes=10)

    @property
    def enabled(self) -> bool:
        """Whether there is any limit."""
        return bool(self.count or self.percent)

    def room(self, departed: Departed) -> int:
        """How many more devices may go now; only an enabled budget can be asked."""
        return max(0, min(self._limits(departed)) - departed.left)

    def _limits(self, departed: Departed) -> Sequence[int]:
        fleet = departed.rows + departed.left
        # One may always go: a small fleet must not become one that nobody can clear.
        share = max(1, int(fleet * self.percent / 100))
        return [*([self.count] if self.count else []), *([share] if self.percent else [])]
