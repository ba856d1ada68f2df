"""What the writers have asked for and what was answered: the truth that everything else is held against.

Pure. One writer owns a slot, so its writes are in order. A write without an answer leaves two possibilities
until somebody looks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from device_registry.domain.errors import ClusterUnavailable, RegistryError
from device_registry.domain.model import Key


class Wanted(NamedTuple):
    """What a resource declares, as far as the storm changes it."""

    label: str
    value: str
    """Of a device the override of `serial`, of a template the value of its `site`."""
    templates: tuple[str, ...] = ()


class NoAnswer(Exception):
    """A write may have been carried out, or may not."""


@dataclass
class Slot:
    """One resource, which comes, changes and goes.

    Attributes:
        possible: what it may declare, None for not being there; the last acknowledged state comes first.
        rests_until: seconds on the monotonic clock before which nobody may touch it.
    """

    key: Key
    possible: list[Wanted | None] = field(default_factory=lambda: [None])
    rests_until: float = 0.0

    @property
    def certain(self) -> bool:
        """Whether there is only one possibility."""
        return len(self.possible) == 1

    @property
    def there(self) -> bool:
        """Whether it was there when somebody last knew."""
        return self.possible[0] is not None

    def allows(self, state: Wanted | None) -> bool:
        """Whether it may be in that state."""
        return state in self.possible


class Ledger:
    """All slots, and how the writes ended.

    Attributes:
        answers: counts by writer and by `acknowledged`, `refused` or `unanswered`.
        refusals: counts by writer and message.
        broken: promises that were broken in answers, in words.
    """

    def __init__(self) -> None:
        self.slots: dict[Key, Slot] = {}
        self.answers: Counter[tuple[str, str]] = Counter()
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.broken: list[str] = []

    def slot(self, key: Key) -> Slot:
        """The slot of a resource, new if need be."""
        return self.slots.setdefault(key, Slot(key))

    @contextmanager
    def asking(self, writer: str, slot: Slot, wanted: Wanted | None) -> Iterator[None]:
        """Note a write and how it ends: without an error it is acknowledged."""
        slot.possible.append(wanted)
        try:
            yield
        except (NoAnswer, ClusterUnavailable):
            self.answers[writer, "unanswered"] += 1
        except RegistryError as error:
            slot.possible.pop()
            self.answers[writer, "refused"] += 1
            self.refusals[writer, error.message[:100]] += 1
        else:
            slot.possible = [wanted]
            self.answers[writer, "acknowledged"] += 1

    def found(self, slot: Slot, state: Wanted | None) -> None:
        """Somebody has looked; what is there must be possible."""
        if not slot.allows(state):
            self.broken.append(f"{slot.key} declares {state}, acknowledged was one of {slot.possible}")
        slot.possible = [state]

    @property
    def acknowledged(self) -> int:
        """Writes that were."""
        return sum(n for (_, how), n in self.answers.items() if how == "acknowledged")


def declared(resource: Any) -> Wanted | None:
    """What an object of the API server declares; None when it is on its way out."""
    if "deletionTimestamp" in resource["metadata"]:
        return None
    spec = resource["spec"]
    values: Iterable[Any] = spec.get("attributes") or ()
    label = "site" if resource["kind"] == "Template" else "serial"
    value = next((one["staticValue"] for one in values if one["label"].startswith(label)), "")
    return Wanted(spec.get("label", ""), value, tuple(one["name"] for one in spec.get("templates") or ()))
