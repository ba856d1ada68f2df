"""Whatever the API server does to the operator: it lives on, and in the end every change is told once."""

import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from local.platform import Platform
from tests.e2e.conftest import _leave_nothing
from tests.support.detours import Detours
from tests.support.httpfaults import HttpFault
from tests.support.kubectl import Kubectl
from tests.support.manifests import a_device, a_template
from tests.support.programs import Program
from tests.support.road import Road, a_road
from tests.support.waiting import eventually

CONVERGED = 60.0
"""Seconds after the end of a fault within which everything must be as declared."""

FAULT_SECONDS = 3.0
"""Long enough for the operator to meet it: pauses have grown, circuits are open."""

COUNT = 8
STORM = 150
"""Requests that such a fault may be met by, kopf's own included."""

Fault = Callable[[Detours], None]


@pytest.fixture(scope="module")
def road(platform: Platform, kubectl: Kubectl, detours: Detours) -> Iterator[Road]:
    """An operator that reaches everything by way of the proxies, under no supervisor: it must not end."""
    name = f"api_server_{uuid4().hex[:6]}"
    environment = detours.environment(name) | {"SWEEP_INTERVAL_SECONDS": "5"}
    straight = a_road(platform, kubectl, name, name)
    operator = Program("operator", environment, platform.folder.log(name))
    road = Road(platform, kubectl, operator, straight.engine)
    road.migrate()
    operator.start()
    try:
        yield road
        detours.heal()
        _leave_nothing(road)
    finally:
        operator.kill()
        road.engine.dispose()


def answers(*faults: HttpFault) -> Fault:
    return lambda detours: detours.api.answer(*faults)


WRITES = frozenset({"PATCH"})
READS = frozenset({"GET"})

FAULTS: dict[str, Fault] = {
    "500 to everything": answers(HttpFault(status=500)),
    "503 to everything": answers(HttpFault(status=503)),
    "503 to writes only": answers(HttpFault(status=503, methods=WRITES)),
    "500 after the write was made": answers(HttpFault(status=500, methods=WRITES, late=True)),
    "429 to everything": answers(HttpFault(status=429, retry_after=1)),
    "409 to every write": answers(HttpFault(status=409, methods=WRITES)),
    "410 to every read": answers(HttpFault(status=410, methods=READS)),
    "401 to everything": answers(HttpFault(status=401)),
    "nobody listens": lambda detours: detours.cluster.refuse(),
    "a black hole": lambda detours: detours.cluster.black_hole(),
    "slow answers": lambda detours: detours.cluster.delay(0.3),
    "watches that expire": lambda detours: detours.api.expire_watches(),
    "watches that break": lambda detours: detours.api.break_watches(),
    "watches that are silent": lambda detours: detours.api.silence_watches(),
    "watches that lose every event": lambda detours: detours.api.lose_events(1.0),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_what_is_declared_during_a_fault_is_told_once_and_in_order_when_it_is_over(
    road: Road, detours: Detours, namespace: str, fault: Fault
) -> None:
    names = [f"freezer-{number}" for number in range(COUNT)]
    road.kubectl.apply([a_template(namespace=namespace), *(a_device(name, namespace) for name in names)])
    for name in names:
        road.ready("device", name, namespace, within=CONVERGED)
    pid, given = road.operator.pid, sum(detours.api.given.values())

    fault(detours)
    road.kubectl.apply([a_device(name, namespace, label="edited in the middle") for name in names[1:]])
    road.kubectl.delete("device", names[0], namespace)
    road.kubectl.apply(a_device("new", namespace))
    time.sleep(FAULT_SECONDS)
    detours.heal()

    ids = [
        road.ready("device", name, namespace, within=CONVERGED)["status"]["deviceId"]
        for name in (*names[1:], "new")
    ]
    assert (road.operator.alive, road.operator.pid) == (True, pid)
    assert sum(detours.api.given.values()) - given < STORM, "requests come together, and fewer and fewer"
    events = road.events(namespace)
    told = {one: [(record.event, record.sequence) for record in events if record.id == one] for one in ids}
    assert told == {one: [("create", 1), ("update", 2)] for one in ids[:-1]} | {ids[-1]: [("create", 1)]}
    assert [one.event for one in events].count("remove") == 1


def test_a_watch_that_waits_for_its_answer_does_not_keep_the_others_from_beginning_anew(
    road: Road, detours: Detours
) -> None:
    ended, begun = told(road, "not watching, will start again"), told(road, "watching")
    detours.api.answer(
        HttpFault(status=410, path=r"templates\?watch="), HttpFault(status=503, path=r"devices\?watch=")
    )
    detours.api.break_watches()
    eventually(lambda: told(road, "not watching, will start again") > ended, within=30, what="the end")
    detours.heal()
    eventually(lambda: told(road, "watching") > begun, within=30, what="a new beginning")


def told(road: Road, event: str) -> int:
    """How many lines of that text the operator has logged."""
    return sum(line["event"] == event for line in road.operator.lines())
