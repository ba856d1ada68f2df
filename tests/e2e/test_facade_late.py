"""Writes of many resources while the operator or Kafka is late: what is answered comes true."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.support.facades import Facade, a_facade_program, a_judged_client, answer
from tests.support.road import Road
from tests.support.waiting import eventually

PSK = {"label": "key", "type": "static", "value_type": "psk"}
UNSENT = "SELECT id FROM outbox WHERE tenant = :tenant AND sent IS NULL"
NEW = {"templates": [], "devices": [{"id": "new", "label": "n", "templates": []}]}


@pytest.fixture(scope="module")
def hasty(road: Road) -> Iterator[Facade]:
    """A facade that waits for two seconds."""
    with a_facade_program(road, REST_WAIT_SECONDS="2") as facade:
        yield facade


@pytest.fixture
def rest(hasty: Facade, tenant: str) -> Iterator[httpx.Client]:
    with a_judged_client(hasty.url, tenant) as client:
        yield client


@contextmanager
def no_operator_awake(road: Road) -> Iterator[Callable[[], None]]:
    """A block in which the operator sleeps, until what is answered is called."""

    def wake() -> None:
        os.kill(road.operator.pid, signal.SIGCONT)

    os.kill(road.operator.pid, signal.SIGSTOP)
    try:
        yield wake
    finally:
        wake()


def ids(rest: httpx.Client) -> list[str]:
    found: list[str] = answer(rest.get("/device?idsOnly&page_size=99"))
    return found


def without_times(value: Any) -> Any:
    if isinstance(value, list):
        return [without_times(one) for one in value]
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key not in ("created", "updated")}
    return value


# --- the operator -----------------------------------------------------------------------------------


def test_a_removal_of_all_that_the_operator_does_not_follow_comes_true(
    road: Road, rest: httpx.Client
) -> None:
    # More than one portion.
    answer(rest.post("/device?count=250", json={"label": "d"}))
    with no_operator_awake(road):
        later = rest.delete("/device")
        assert (later.status_code, later.headers["Location"]) == (202, "/device")
    eventually(lambda: ids(rest) == [], within=60, what="the end of every device")


def test_devices_of_a_batch_that_the_operator_does_not_follow_are_accepted_and_come(
    road: Road, rest: httpx.Client
) -> None:
    with no_operator_awake(road):
        later = rest.post("/device/batch", json={"devicesPrefix": "d", "quantity": 3})
        assert (later.status_code, later.headers["Location"]) == (202, "/device")
        told = later.json()
        assert (told["successes"], told["failures"]) == ([], [])
        assert [one["label"] for one in told["accepted"]] == ["d-1", "d-2", "d-3"]
    wanted = sorted(one["id"] for one in told["accepted"])
    eventually(lambda: ids(rest) == wanted, within=60, what="the devices")


def test_an_import_that_the_operator_does_not_follow_leaves_what_was_there_with_its_keys(
    road: Road, hasty: Facade, rest: httpx.Client
) -> None:
    template = answer(rest.post("/template", json={"label": "old", "attrs": [PSK]}))["template"]["id"]
    for number in range(3):
        answer(rest.post("/device", json={"id": f"a{number}", "label": "old", "templates": [template]}))
        answer(rest.post(f"/device/gen_psk/a{number}?key_length=8"))

    def everything() -> Any:
        return [without_times(answer(rest.get(path))) for path in ("/template", "/internal/device")]

    before = everything()
    with no_operator_awake(road) as wake, ThreadPoolExecutor(1) as pool:
        importing = pool.submit(rest.post, "/import", json=NEW)
        failed = "undoing an import, not done yet"
        eventually(lambda: failed in hasty.program.log.read_text(), within=30, what="a failed attempt")
        wake()
        assert importing.result().status_code == 503
    eventually(lambda: everything() == before, within=60, what="all that was there, with its keys")


# --- Kafka ------------------------------------------------------------------------------------------


def test_writes_of_many_wait_until_kafka_has_acknowledged_each_event(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    batch = {"devicesPrefix": "d", "quantity": 30}
    calls: list[Callable[[], httpx.Response]] = [
        lambda: rest.post("/device/batch?wait=published", json=batch),
        lambda: rest.delete("/device?wait=published"),
        lambda: rest.post("/device/batch?wait=published", json=batch),
        lambda: rest.post("/import?wait=published", json=NEW),
    ]
    for call, status in zip(calls, (200, 200, 200, 201), strict=True):
        answer(call(), status)
        assert road.rows(UNSENT, tenant=tenant) == []


def test_while_kafka_does_not_answer_writes_of_many_are_done_and_answered_202(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    kafka = road.platform.parts["kafka"]
    kafka.stop()
    try:
        batch = {"devicesPrefix": "d", "quantity": 3}
        made = answer(rest.post("/device/batch?wait=published", json=batch), 202)
        assert ([one["label"] for one in made["successes"]], made["failures"], made["accepted"]) == (
            ["d-1", "d-2", "d-3"],
            [],
            [],
        )
        assert ids(rest) == sorted(one["id"] for one in made["successes"])
        answer(rest.post("/import?wait=published", json=NEW), 202)
        assert ids(rest) == ["new"]
        assert "Kafka" in answer(rest.delete("/device?wait=published"), 202)["message"]
        assert ids(rest) == []
    finally:
        kafka.start()
    eventually(lambda: road.rows(UNSENT, tenant=tenant) == [], within=60, what="every event in Kafka")
