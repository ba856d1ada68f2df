"""REST on the whole road: what a client writes is a resource, a row and a record, and can be read at once."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.facades import a_client, a_facade, answer
from tests.support.kubectl import KubectlError
from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually

TEMPERATURE = {"label": "temperature", "type": "dynamic", "value_type": "float"}
SERIAL = {"label": "serial", "type": "static", "value_type": "string", "static_value": "none"}

Client = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def facade(road: Road) -> Iterator[str]:
    """A facade beside the operator, on its registry; answers the base URL."""
    with a_facade(road, REST_WAIT_SECONDS="5") as url:
        yield url


@pytest.fixture
def client(facade: str) -> Iterator[Client]:
    """Makes clients that speak for a tenant."""
    opened: list[httpx.Client] = []

    def make(tenant: str) -> httpx.Client:
        opened.append(a_client(facade, tenant))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def tenant(road: Road) -> str:
    """A tenant with a namespace of the same name."""
    name = f"tenant-{uuid4().hex[:8]}"
    return road.kubectl.create_namespace(name, **{"dojot.io/tenant": name})


@pytest.fixture
def rest(client: Client, tenant: str) -> httpx.Client:
    return client(tenant)


def a_thermometer(rest: httpx.Client) -> Any:
    body = {"label": "Thermometer", "attrs": [TEMPERATURE, SERIAL]}
    return answer(rest.post("/template", json=body))["template"]


def test_a_device_can_be_read_as_soon_as_post_returns_and_kafka_hears_of_it(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    template = a_thermometer(rest)
    serial = next(one["id"] for one in template["attrs"] if one["label"] == "serial")
    override = {"id": serial, "template_id": template["id"], "label": "serial", "static_value": "SN-1"}
    body = {"id": "a1b2", "label": "Freezer", "templates": [template["id"]], "attrs": [override]}

    created = answer(rest.post("/device", json=body))
    assert created == {"devices": [{"id": "a1b2", "label": "Freezer"}], "message": "devices created"}

    device = answer(rest.get("/device/a1b2"))
    values = {one["label"]: one.get("static_value") for one in device["attrs"][str(template["id"])]}
    assert values == {"temperature": None, "serial": "SN-1"}
    assert answer(rest.get("/device"))["devices"] == [device]
    (record,) = road.events_of(tenant, "a1b2")
    assert (record.event, record.value["data"]) == ("create", device)
    assert record.headers["dojot_writer"] == "device-manager-api"


def test_what_rest_creates_is_a_resource_with_its_id_pinned(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    template = a_thermometer(rest)
    answer(rest.post("/device", json={"id": "AB", "label": "d", "templates": [template["id"]]}))
    (device,) = road.kubectl.list("devices", tenant)
    assert device["spec"]["deviceId"] == "AB"
    assert device["spec"]["templates"] == [{"name": f"template-{template['id']}"}]
    (resource,) = road.kubectl.list("templates", tenant)
    assert resource["spec"]["templateId"] == template["id"]


def test_a_deleted_device_is_gone_everywhere_and_its_id_is_free_at_once(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    for _ in range(3):
        answer(rest.post("/device", json={"id": "beef", "label": "d"}))
        before = answer(rest.get("/device/beef"))
        assert answer(rest.delete("/device/beef")) == {"removed_device": before, "result": "ok"}
        answer(rest.get("/device/beef"), 404)
    events = [record.event for record in road.events_of(tenant, "beef")]
    assert events == ["create", "remove"] * 3


def test_a_template_in_use_stays_and_goes_when_its_devices_are_gone(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    template = a_thermometer(rest)
    answer(rest.post("/device", json={"id": "d1", "label": "d", "templates": [template["id"]]}))
    refused = answer(rest.delete(f"/template/{template['id']}"), 400)
    assert refused["message"] == "Templates cannot be removed as they are being used by devices"
    answer(rest.delete("/device/d1"))
    assert answer(rest.delete(f"/template/{template['id']}"))["removed"] == template
    answer(rest.get(f"/template/{template['id']}"), 404)


def test_of_two_requests_for_one_id_one_gets_it(rest: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(rest.post, "/device", json={"id": "abc", "label": str(n)}) for n in range(8)]
        statuses = sorted(one.result().status_code for one in tries)
    assert statuses == [200] + [400] * 7


def test_several_devices_are_created_or_none(road: Road, rest: httpx.Client, tenant: str) -> None:
    one, two = a_thermometer(rest)["id"], a_thermometer(rest)["id"]
    created = answer(rest.post("/device?count=30", json={"label": "d", "templates": [one]}))["devices"]
    assert [device["label"] for device in created] == [f"d_{number:02}" for number in range(30)]
    answer(rest.post("/device?count=30", json={"label": "no", "templates": [one, two]}), 400)
    assert len(answer(rest.get("/device?page_size=100"))["devices"]) == 30
    assert len(road.kubectl.list("devices", tenant)) == 30


def test_declared_devices_are_listed_and_their_templates_can_be_used(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    road.kubectl.apply([a_template(namespace=tenant), a_device(namespace=tenant)])
    road.ready("device", "freezer-7", tenant)
    (listed,) = answer(rest.get("/device"))["devices"]
    assert listed["label"] == "freezer-7"
    answer(rest.post("/device", json={"id": "d2", "label": "d", "templates": listed["templates"]}))
    found = answer(rest.get(f"/device/template/{listed['templates'][0]}"))["devices"]
    assert {device["label"] for device in found} == {"freezer-7", "d"}


def test_a_token_never_reaches_into_a_namespace_that_merely_has_the_name(road: Road, client: Client) -> None:
    stranger = client("kube-system")
    answer(stranger.post("/device", json={"id": "bad", "label": "d"}))
    assert road.kubectl.list("devices", "kube-system") == []


def test_while_no_operator_is_at_work_the_answer_is_503_and_nothing_is_written(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    answer(rest.post("/device", json={"id": "d0", "label": "d"}))
    road.operator.stop()
    try:
        # It may have been seen at work a moment ago: then the write is accepted, and will be registered.
        eventually(lambda: rest.post("/device", json={"label": "probe"}).status_code == 503, within=30)
        before = road.kubectl.list("devices", tenant)
        for refused in (rest.post("/device?count=3", json={"label": "d"}), rest.delete("/device/d0")):
            assert refused.status_code == 503
            assert "No operator is at work" in refused.json()["message"]
            assert int(refused.headers["Retry-After"]) > 0
        assert road.kubectl.list("devices", tenant) == before
    finally:
        road.operator.start()
    answer(rest.get("/device/d0"))


def test_while_the_operator_lags_a_write_is_accepted_and_comes_true_later(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    answer(rest.post("/device", json={"id": "d0", "label": "d"}))
    os.kill(road.operator.pid, signal.SIGSTOP)
    try:
        accepted = rest.post("/device", json={"id": "d1", "label": "late"})
        assert accepted.status_code == 202
        assert accepted.headers["Location"] == "/device/d1"
    finally:
        os.kill(road.operator.pid, signal.SIGCONT)
    road.ready("device", "device-d1", tenant)
    assert answer(rest.get(accepted.headers["Location"]))["label"] == "late"


def test_while_postgres_is_away_the_answer_is_503_and_nothing_is_written(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    postgres = road.platform.parts["postgres"]
    answer(rest.get("/device"))
    postgres.stop()
    try:
        refused = rest.post("/device", json={"id": "d1", "label": "d"})
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
    finally:
        postgres.start()
    answer(rest.get("/device"))
    with pytest.raises(KubectlError):
        road.kubectl.get("device", "device-d1", tenant)
    answer(rest.post("/device", json={"id": "d1", "label": "d"}))
