"""Everything that goes wrong in a storm: what begins it and what ends it.

Troubles of one lane never overlap, those of different lanes do.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from device_registry.faultpoints import Point
from local.process import Part
from tests.support.detours import Detours
from tests.support.faultproxy import FaultProxy
from tests.support.httpfaults import HttpFault
from tests.support.supervised import Supervised

Act = Callable[[], object]

SLOW_SECONDS = 0.2
PATIENCE = 300.0
"""Seconds for a part to stand again while everything else goes wrong as well."""
NARROW_BYTES = 30_000
"""A second: a few events, so that everything piles up."""
WRITES = frozenset({"PATCH", "POST", "DELETE", "PUT"})
ANSWERS = {
    "429 on writes": HttpFault(status=429, methods=WRITES, retry_after=1, share=0.7),
    "429 on everything": HttpFault(status=429, retry_after=1, share=0.5),
    "500": HttpFault(status=500, share=0.5),
    "500 after the deed": HttpFault(status=500, methods=WRITES, share=0.7, late=True),
    "503": HttpFault(status=503),
    "401": HttpFault(status=401, share=0.7),
    "410 on lists and watches": HttpFault(status=410, methods=frozenset({"GET"}), path=r"watch=|limit="),
    "409": HttpFault(status=409, methods=frozenset({"PATCH"}), share=0.5),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of fault. `end` may be called again and without `begin`."""

    name: str
    begin: Act
    end: Act = lambda: None


Lanes = Mapping[str, Sequence[Trouble]]


def lanes(
    detours: Detours,
    parts: Mapping[str, Part],
    operators: Sequence[Supervised],
    facade: Supervised,
    chance: random.Random,
) -> Lanes:
    """Every kind of trouble, by lane."""
    networks = {name: proxy for name, proxy in detours.tcp.items() if name != "redis"}
    return {
        "programs": [*_operator(operators, chance), *_program("facade", lambda: facade)],
        "parts": [*_parts(parts)],
        "network": [one for name, proxy in networks.items() for one in _network(name, proxy)],
        "answers": [*_answers(detours)],
    }


def _program(name: str, chosen: Callable[[], Supervised]) -> Iterator[Trouble]:
    victim: list[Supervised] = []

    def freeze() -> None:
        victim.append(chosen())
        victim[-1].freeze()

    def thaw() -> None:
        while victim:
            victim.pop().thaw()

    yield Trouble(f"{name} kill -9", lambda: chosen().kill())
    yield Trouble(f"{name} SIGSTOP", freeze, thaw)
    yield Trouble(f"{name} SIGTERM", lambda: chosen().terminate())


def _operator(operators: Sequence[Supervised], chance: random.Random) -> Iterator[Trouble]:
    def arm() -> None:
        point = chance.choice([*Point])
        chance.choice(operators).arm(f"{point}@{chance.randint(1, 10)}")

    yield from _program("operator", lambda: chance.choice(operators))
    yield Trouble("operator at a fault point", arm)


def _parts(parts: Mapping[str, Part]) -> Iterator[Trouble]:
    for name in ("postgres", "kafka", "kube-apiserver", "etcd"):
        yield Trouble(f"{name} kill -9", parts[name].kill, partial(parts[name].start, PATIENCE))
    for name in ("kafka", "kube-apiserver"):
        yield Trouble(f"{name} SIGSTOP", parts[name].pause, parts[name].resume)


def _network(name: str, proxy: FaultProxy) -> Iterator[Trouble]:
    yield Trouble(f"{name} cut", proxy.cut)
    yield Trouble(f"{name} refused", proxy.refuse, proxy.heal)
    yield Trouble(f"{name} black hole", proxy.black_hole, proxy.heal)
    yield Trouble(f"{name} answers lost", proxy.mute, proxy.heal)
    yield Trouble(f"{name} slow", lambda: proxy.delay(SLOW_SECONDS), proxy.heal)
    yield Trouble(f"{name} narrow", lambda: proxy.throttle(NARROW_BYTES), proxy.heal)


def _answers(detours: Detours) -> Iterator[Trouble]:
    api = detours.api
    for name, fault in ANSWERS.items():
        yield Trouble(f"API answers {name}", lambda fault=fault: api.answer(fault), api.heal)  # type: ignore[misc]
    yield Trouble("watches expire (410)", api.expire_watches)
    yield Trouble("watches break off", api.break_watches)
    yield Trouble("watches fall silent", api.silence_watches, api.heal)
