"""Was everything told, once, and in time? Judged by what is in Kafka."""

import itertools
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.support.monitored import DeviceTopic, Told, by_device
from tests.support.presence import Transition, transitions

CALM_MS = 25_000
"""After an attack it takes that long at the most until notices are in time again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a consumer was told, against the model."""

    messages: int
    notices: int
    doubled: int
    """Notices that say of a device what was said of it last."""
    wrong: Mapping[str, tuple[Sequence[Transition], Sequence[Transition]]]
    """Devices about which something else was told than the model says: told, expected."""
    delays: Sequence[int]
    """Milliseconds from each transition to its notice, ascending."""
    calm: Sequence[int]
    """The same, of those that came due when no monitor had been attacked for a while."""

    @property
    def good(self) -> bool:
        """Whether a consumer was told exactly what the model says."""
        return not self.wrong and not self.doubled


def percentile(delays: Sequence[int], share: float) -> int:
    """The delay that this share of the notices does not exceed, milliseconds."""
    return delays[min(len(delays) - 1, int(len(delays) * share))] if delays else 0


def judge(topic: DeviceTopic, lasting: Mapping[str, int], attacks: Sequence[int]) -> Verdict:
    """Read the topic and judge."""
    heard, told = topic.heard(lasting), topic.told()
    expected, seen = transitions(heard), by_device(told)
    delays = sorted(one.written - one.due for one in told)
    return Verdict(
        messages=len(heard),
        notices=len(told),
        doubled=sum(_doubles(one) for one in seen.values()),
        wrong={
            device: (seen.get(device, []), expected.get(device, []))
            for device in expected.keys() | seen.keys()
            if seen.get(device) != expected.get(device)
        },
        delays=delays,
        calm=sorted(one.written - one.due for one in told if _is_calm(one, attacks)),
    )


def _doubles(told: Sequence[Transition]) -> int:
    return sum(one[0] == other[0] for one, other in itertools.pairwise(told))


def _is_calm(one: Told, attacks: Sequence[int]) -> bool:
    before = bisect_right(attacks, one.written)
    return before == 0 or one.due - attacks[before - 1] > CALM_MS
