"""Writes at the edge: many at once, half-way failures, waits, ids of requests, limits."""

import json
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.facades import Facade, a_client, a_facade, a_facade_program, a_token, answer
from tests.support.httpfaults import HttpFault, HttpFaults
from tests.support.road import Road
from tests.support.waiting import eventually

POSTS = frozenset({"POST"})


@pytest.fixture(scope="module")
def faults(road: Road) -> Iterator[HttpFaults]:
    """What stands between the facade of `shaky` and the API server."""
    config = json.loads(road.platform.kubeconfig.read_text())
    port = int(config["clusters"][0]["cluster"]["server"].rpartition(":")[2])
    with HttpFaults(port, road.platform.certificates) as faults:
        yield faults


@pytest.fixture(scope="module")
def shaky_access(road: Road, faults: HttpFaults) -> str:
    """A kubeconfig that leads through the faults."""
    config = json.loads(road.platform.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{faults.port}"
    file = road.platform.kubeconfig.with_name(f"kubeconfig-{faults.port}")
    file.write_text(json.dumps(config))
    return str(file)


@pytest.fixture(scope="module")
def facade(road: Road, shaky_access: str) -> Iterator[Facade]:
    with a_facade_program(road, KUBECONFIG=shaky_access, BODY_LIMIT_MIB="1") as facade:
        yield facade


@pytest.fixture(autouse=True)
def _fine_weather(faults: HttpFaults) -> Iterator[None]:
    yield
    faults.heal()


@pytest.fixture
def tenant(road: Road) -> str:
    name = f"tenant-{uuid4().hex[:8]}"
    return road.kubectl.create_namespace(name, **{"dojot.io/tenant": name})


@pytest.fixture
def rest(facade: Facade, tenant: str) -> Iterator[httpx.Client]:
    with a_client(facade.url, tenant, username="ada") as client:
        yield client


def at_once(count: int, call: Callable[[int], httpx.Response]) -> Counter[int]:
    """The statuses of so many requests at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return Counter(response.status_code for response in pool.map(call, range(count)))


# --- many at once ---------------------------------------------------------------------------------------


def test_of_several_deletions_one_is_answered_200_and_kafka_hears_of_one(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    answer(rest.post("/device", json={"id": "a1", "label": "d"}))
    assert at_once(8, lambda _: rest.delete("/device/a1")) == {200: 1, 404: 7}
    assert [one.event for one in road.events_of(tenant, "a1")] == ["create", "remove"]


def test_puts_of_one_device_at_the_same_time_all_hold_in_some_order(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    answer(rest.post("/device", json={"id": "a1", "label": "d"}))
    puts = at_once(8, lambda n: rest.put("/device/a1", json={"label": f"put {n}", "templates": []}))
    assert puts == {200: 8}
    labels = [one.value["data"]["label"] for one in road.events_of(tenant, "a1") if one.event == "update"]
    # One update may tell of several that came together; the last one is what can be read.
    assert labels
    assert set(labels) <= {f"put {n}" for n in range(8)}
    assert answer(rest.get("/device/a1"))["label"] == labels[-1]


def test_templates_attached_at_the_same_time_are_all_attached(rest: httpx.Client) -> None:
    attribute = {"type": "dynamic", "value_type": "float"}
    templates = [
        answer(rest.post("/template", json={"label": "t", "attrs": [{"label": f"a{n}", **attribute}]}))
        for n in range(5)
    ]
    ids = [one["template"]["id"] for one in templates]
    answer(rest.post("/device", json={"id": "a1", "label": "d"}))
    assert at_once(5, lambda n: rest.post(f"/device/a1/template/{ids[n]}")) == {200: 5}
    assert sorted(answer(rest.get("/device/a1"))["templates"]) == sorted(ids)


def test_put_and_delete_at_the_same_time_end_with_a_device_or_without(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    for number in range(3):
        answer(rest.post("/device", json={"id": f"b{number}", "label": "d"}))
        path = f"/device/b{number}"
        body = {"label": "put", "templates": []}
        with ThreadPoolExecutor(2) as pool:
            put, delete = pool.submit(rest.put, path, json=body), pool.submit(rest.delete, path)
        assert delete.result().status_code == 200
        assert put.result().status_code in {200, 404}
        answer(rest.get(path), 404)
        assert [one.event for one in road.events_of(tenant, f"b{number}")][-1] == "remove"


def test_kubectl_and_rest_change_one_device_and_nothing_is_lost(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    answer(rest.post("/device", json={"id": "a1", "label": "d"}))

    def change(number: int) -> httpx.Response:
        if number % 2:
            return rest.put("/device/a1", json={"label": f"put {number}", "templates": []})
        road.kubectl.patch("device", "device-a1", tenant, {"spec": {"deletionPolicy": "Delete"}})
        return httpx.Response(200)

    assert at_once(6, change) == {200: 6}
    spec = road.kubectl.get("device", "device-a1", tenant)["spec"]
    assert spec["deletionPolicy"] == "Delete"
    assert answer(rest.get("/device/a1"))["label"] == spec["label"]


# --- half-way -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [False, True])
def test_several_devices_of_which_some_cannot_be_created_are_none(
    road: Road, rest: httpx.Client, faults: HttpFaults, tenant: str, late: bool
) -> None:
    """`late`: the API server creates them, and only its answer is lost."""
    faults.answer(HttpFault(status=503, methods=POSTS, path="/devices", share=0.3, late=late))
    refused = rest.post("/device?count=20", json={"label": "d"})
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    faults.heal()
    eventually(lambda: road.kubectl.list("devices", tenant) == [], what="the end of every device")
    eventually(lambda: answer(rest.get("/device"))["devices"] == [])


def test_what_cannot_be_taken_back_at_once_is_taken_back_later(
    road: Road, rest: httpx.Client, faults: HttpFaults, tenant: str
) -> None:
    faults.answer(
        HttpFault(status=503, methods=POSTS, path="/devices", share=0.5),
        HttpFault(status=503, methods=frozenset({"GET", "DELETE"}), path="/devices/"),
    )
    assert rest.post("/device?count=10", json={"label": "d"}).status_code == 503
    assert road.kubectl.list("devices", tenant) != []
    faults.heal()
    eventually(lambda: road.kubectl.list("devices", tenant) == [], within=30, what="the end of every device")
    eventually(lambda: road.rows("SELECT * FROM undertaking") == [], what="an end of what was noted")


def test_one_device_whose_creation_has_no_certain_end_is_not_there_after_a_503(
    road: Road, rest: httpx.Client, faults: HttpFaults, tenant: str
) -> None:
    faults.answer(
        HttpFault(status=503, methods=POSTS, path="/devices", late=True),
        HttpFault(status=503, methods=frozenset({"DELETE"}), path="/devices/"),
    )
    assert rest.post("/device", json={"label": "d"}).status_code == 503
    faults.heal()
    eventually(lambda: road.kubectl.list("devices", tenant) == [], within=30, what="the end of the device")


def test_a_facade_that_is_killed_in_the_middle_leaves_nothing_half_made(
    road: Road, rest: httpx.Client, shaky_access: str, tenant: str
) -> None:
    os.kill(road.operator.pid, signal.SIGSTOP)
    try:
        with a_facade_program(road, KUBECONFIG=shaky_access) as doomed, ThreadPoolExecutor(1) as pool:
            client = a_client(doomed.url, tenant)
            request = pool.submit(client.post, "/device?count=30", json={"label": "d"})
            eventually(lambda: len(road.kubectl.list("devices", tenant)) == 30, what="the devices")
            doomed.program.kill()
            with pytest.raises(httpx.HTTPError):
                request.result()
            client.close()
    finally:
        os.kill(road.operator.pid, signal.SIGCONT)
    # The lease of a minute is over sooner here.
    with road.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE undertaking SET due = now()")
    eventually(lambda: road.kubectl.list("devices", tenant) == [], within=30, what="the end of every device")
    eventually(lambda: answer(rest.get("/device"))["devices"] == [])


def test_a_change_that_the_operator_refuses_is_put_back(
    road: Road, rest: httpx.Client, faults: HttpFaults, tenant: str
) -> None:
    attribute = {"label": "a", "type": "dynamic", "value_type": "float"}
    template = answer(rest.post("/template", json={"label": "t", "attrs": [attribute]}))["template"]["id"]
    answer(rest.post("/device", json={"id": "a1", "label": "before"}))
    # The template is deleted by somebody else between our check and our write.
    road.kubectl.delete("template", f"template-{template}", tenant)
    before = road.kubectl.get("device", "device-a1", tenant)["spec"]
    refused = rest.put("/device/a1", json={"label": "after", "templates": [template]})
    assert refused.status_code in {400, 404}
    after = road.kubectl.get("device", "device-a1", tenant)["spec"]
    assert {**after, "announce": ""} == {**before, "announce": ""}
    assert answer(rest.get("/device/a1"))["label"] == "before"


# --- waits ----------------------------------------------------------------------------------------------


def test_a_write_that_waits_for_kafka_is_answered_when_its_event_is_acknowledged(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    unsent = "SELECT id FROM outbox WHERE tenant = :tenant AND sent IS NULL"
    calls: list[Callable[[], httpx.Response]] = [
        lambda: rest.post("/device?count=20&wait=published", json={"label": "d"}),
        lambda: rest.post("/device?wait=published", json={"id": "a1", "label": "d"}),
        lambda: rest.put("/device/a1?wait=published", json={"label": "e", "templates": []}),
        lambda: rest.delete("/device/a1?wait=published"),
    ]
    for call in calls:
        answer(call())
        assert road.rows(unsent, tenant=tenant) == []


def test_a_wait_for_something_else_is_refused_before_anything_is_written(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    refused = answer(rest.post("/device?wait=forever", json={"label": "d"}), 400)
    assert refused["message"] == "wait must be one of registered, published"
    assert road.kubectl.list("devices", tenant) == []
    answer(rest.get("/device?wait=forever"))


def test_while_kafka_does_not_answer_the_write_is_accepted_and_can_be_read(
    road: Road, facade: Facade, tenant: str
) -> None:
    kafka = road.platform.parts["kafka"]
    with a_facade(road, REST_WAIT_SECONDS="2") as url, a_client(url, tenant) as rest:
        kafka.stop()
        try:
            later = rest.post("/device?wait=published", json={"id": "a1", "label": "d"})
            assert later.status_code == 202
            assert later.headers["Location"] == "/device/a1"
            assert "Kafka" in later.json()["message"]
            answer(rest.get("/device/a1"))
            answer(rest.put("/device/a1", json={"label": "e", "templates": []}))
        finally:
            kafka.start()
        eventually(
            lambda: (
                rest.put("/device/a1?wait=published", json={"label": "f", "templates": []}).status_code == 200
            ),
            within=60,
        )


# --- requests and what is told of them --------------------------------------------------------------------


def test_the_id_of_a_request_travels_to_the_answer_the_event_and_the_log(
    road: Road, facade: Facade, rest: httpx.Client, tenant: str
) -> None:
    steps = {
        "create": rest.post("/device", json={"id": "a1", "label": "d"}, headers={"X-Request-Id": "one/1"}),
        "update": rest.put("/device/a1", json={"label": "e", "templates": []}),
        "remove": rest.delete("/device/a1", headers={"X-Request-Id": "not a\tgood one"}),
    }
    ids = {name: response.headers["X-Request-Id"] for name, response in steps.items()}
    assert ids["create"] == "one/1"
    assert len(set(ids.values())) == 3
    assert "\t" not in ids["remove"]
    events = {one.event: one.headers for one in road.events_of(tenant, "a1")}
    assert {name: events[name]["dojot_request"] for name in ids} == ids
    assert {one["dojot_writer"] for one in events.values()} == {"rest:ada"}
    lines = {line.get("request_id"): line for line in facade.log_lines() if line["event"] == "request"}
    line = lines[ids["create"]]
    assert (line["tenant"], line["user"], line["method"], line["route"], line["status"]) == (
        tenant,
        "ada",
        "POST",
        "/device",
        200,
    )
    assert line["seconds"] > 0


def test_an_event_of_kubectl_is_not_taken_for_one_of_rest(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    answer(rest.post("/device", json={"id": "a1", "label": "d"}))
    road.kubectl.patch("device", "device-a1", tenant, {"spec": {"label": "by hand"}})
    road.ready("device", "device-a1", tenant)
    headers = road.events_of(tenant, "a1")[-1].headers
    assert headers["dojot_writer"] == "kubectl-patch"
    assert "dojot_request" not in headers


def test_neither_tokens_nor_bodies_nor_paths_are_logged(facade: Facade, rest: httpx.Client) -> None:
    secret = uuid4().hex
    rest.get(f"/device/{secret}?label={secret}", headers={"Cookie": secret, "X-Secret": secret})
    rest.post("/device", json={"label": secret, "id": secret})
    rest.post("/device", content=secret.encode())
    rest.get("/device", headers={"Authorization": f"Bearer {a_token(secret)}.{secret}"})
    rest.get("/device", headers={"Authorization": secret})
    rest.request("BREW", f"/{secret}")
    log = facade.program.log.read_text()
    shown = [line for line in log.splitlines() if secret in line]
    assert [line for line in shown if json.loads(line).get("tenant") != secret] == []
    assert rest.headers["Authorization"].partition(" ")[2] not in log


def test_writes_are_counted_by_what_became_of_them(facade: Facade, rest: httpx.Client) -> None:
    answer(rest.post("/device", json={"id": "a1", "label": "d"}))
    answer(rest.delete("/device/a1"))
    metrics = facade.program.metrics()
    for operation, result in (("create", "Registered"), ("delete", "Removed")):
        name = f'device_manager_api_writes_total{{operation="{operation}",result="{result}"}}'
        assert metrics[name] >= 1
    assert metrics["device_manager_api_row_security"] == 1
    assert metrics["device_manager_api_operator_at_work"] == 1
    assert metrics["device_manager_api_registry_available"] == 1


# --- limits ---------------------------------------------------------------------------------------------


def test_a_body_beyond_the_limit_is_413_and_names_it(facade: Facade, rest: httpx.Client) -> None:
    big = b'{"label": "' + b"x" * 1024 * 1024 + b'"}'
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        refused = answer(
            rest.post("/device", content=big, headers={"Content-Type": "application/json", **headers}), 413
        )
        assert refused["message"] == "Payload must not be larger than 1 MiB (BODY_LIMIT_MIB)"
    answer(rest.get("/device"))


def test_a_url_or_headers_that_nobody_needs_are_refused(rest: httpx.Client) -> None:
    assert rest.get("/device?label=" + "x" * 9000).status_code == 414
    assert rest.get("/device", headers={"X-Much": "x" * 33_000}).status_code == 431
    assert rest.get("/device", headers={"X-Much": "x" * 30_000}).status_code == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /device HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET /device HTTP/9.9\r\n\r\n",
        b"GET  /device\r\n\r\n",
        b"POST /device HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /device HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ],
)
def test_what_is_no_http_is_answered_and_harms_nobody(
    facade: Facade, rest: httpx.Client, request_bytes: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", facade.port), timeout=10) as connection:
        connection.sendall(request_bytes)
        said: Any = connection.recv(4096)
    assert said.startswith(b"HTTP/1.1 4")
    answer(rest.get("/device"))
