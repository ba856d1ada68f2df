"""Whatever is sent, the answer is no 500, comes soon, and a refusal has changed nothing.

`FUZZ_EXAMPLES=500 make test-fuzz` looks longer, at other examples each time.
"""

import os
from collections.abc import Iterator
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from device_api.app import create_app
from device_registry.settings import Settings
from tests.support import odd_bodies
from tests.support.facades import a_client, a_facade_program, answer
from tests.support.road import Road

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "0"))
PATIENCE: Final = 30.0
"""Seconds in which every answer is there, on a busy machine."""
AT_ONCE: Final = 20
"""Devices that one request makes at most."""
TENANT: Final = "fuzzed"

METADATA = {"id": 2, "label": "unit", "type": "static", "value_type": "string", "static_value": "C"}
ATTRIBUTE = {
    "id": 1,
    "label": "serial",
    "type": "static",
    "value_type": "string",
    "static_value": "none",
    "metadata": [METADATA],
}
TEMPLATE: dict[str, Any] = {"label": "Thermometer", "attrs": [ATTRIBUTE]}
OVERRIDE = {"id": 1, "template_id": 1, "label": "serial", "static_value": "SN-1", "metadata": [METADATA]}
DEVICE: dict[str, Any] = {"label": "Freezer", "templates": [1], "attrs": [OVERRIDE]}
IMPORT: dict[str, Any] = {
    "templates": [{"id": 1, **TEMPLATE}],
    "devices": [{"id": "a1", **DEVICE}],
}
ROUTES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/template"): TEMPLATE,
    ("PUT", "/template/1"): TEMPLATE,
    ("POST", "/device"): DEVICE,
    ("PUT", "/device/a1"): DEVICE,
    ("PUT", "/device/a1/actuate"): {"attrs": {"valve": "open"}},
    ("POST", "/import"): IMPORT,
    ("PUT", "/log"): {"level": "info"},
}

short = settings(
    max_examples=EXAMPLES or 10,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def facade(road: Road) -> Iterator[str]:
    with a_facade_program(road, REST_WAIT_SECONDS="5") as facade:
        yield facade.url


@pytest.fixture(scope="module")
def rest(facade: str) -> Iterator[httpx.Client]:
    """A client of a tenant that has template 1 and device a1."""
    with a_client(facade, TENANT) as client:
        client.timeout = httpx.Timeout(PATIENCE)
        answer(client.post("/import", json=IMPORT), 201)
        yield client


def description() -> dict[str, Any]:
    """What the facade says about itself."""
    context: Any = SimpleNamespace(settings=Settings())
    return create_app(context).openapi()


def modest() -> dict[str, Any]:
    """The description, with fewer devices at once than a request may ask for.

    A request that makes 10,000 devices is answered, but not soon; what it leaves behind takes as long to go.
    """
    told = description()
    shapes = told["components"]["schemas"]
    shapes["NumberedDevicesBody"]["properties"]["quantity"]["maximum"] = AT_ONCE
    shapes["ListedDevicesBody"]["properties"]["devices"]["maxItems"] = AT_ONCE
    (count,) = (one for one in told["paths"]["/device"]["post"]["parameters"] if one["name"] == "count")
    count["schema"]["maximum"] = AT_ONCE
    return told


schema = schemathesis.openapi.from_dict(modest())


def state(road: Road) -> Any:
    """What may not change when a request is refused: rows, streams of events, decisions."""
    return road.rows(
        "SELECT (SELECT array_agg(d ORDER BY id) FROM device d WHERE tenant = :tenant)::text AS devices,"
        " (SELECT array_agg(t ORDER BY id) FROM template t WHERE tenant = :tenant)::text AS templates,"
        " (SELECT array_agg(s ORDER BY subject) FROM event_stream s WHERE tenant = :tenant)::text AS streams,"
        " (SELECT count(*) FROM outcome WHERE tenant = :tenant) AS outcomes",
        tenant=TENANT,
    )


def send(road: Road, rest: httpx.Client, method: str, path: str, body: bytes) -> httpx.Response:
    """Send it and check what holds for every answer."""
    before = state(road)
    response = rest.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code < 500, f"{method} {path} {body[:2000]!r}: {response.text}"
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        assert {"message", "status", "msg"} & set(response.json())
        assert state(road) == before, f"{method} {path} {body[:2000]!r}"
    return response


def test_the_description_is_the_one_that_is_served(rest: httpx.Client) -> None:
    assert answer(rest.get("/openapi.json")) == description()


def resources_and_rows_agree(road: Road, rest: httpx.Client) -> None:
    devices = answer(rest.get("/device?page_size=100000&idsOnly=true"))
    declared = [one["spec"]["deviceId"] for one in road.kubectl.list("devices", TENANT)]
    assert sorted(declared) == devices


@pytest.fixture(autouse=True)
def _agreement(road: Road, rest: httpx.Client) -> Iterator[None]:
    yield
    if rest.get("/device/a1").status_code != 200 or rest.get("/template/1").status_code != 200:
        answer(rest.post("/import", json=IMPORT), 201)


@schema.parametrize()
@settings(short, max_examples=EXAMPLES or 4)
def test_requests_made_from_the_description_are_answered_as_it_describes(
    road: Road, rest: httpx.Client, case: schemathesis.Case[Any]
) -> None:
    before, token = state(road), rest.headers["Authorization"]
    response = case.call(base_url=str(rest.base_url), headers={"Authorization": token}, timeout=PATIENCE)
    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        assert state(road) == before


@pytest.mark.parametrize(("method", "path"), ROUTES)
@given(data=st.data())
@short
def test_a_body_that_is_almost_right(
    road: Road, rest: httpx.Client, method: str, path: str, data: st.DataObject
) -> None:
    body = data.draw(odd_bodies.damaged(ROUTES[method, path]))
    send(road, rest, method, path, odd_bodies.as_json(body))


@pytest.mark.parametrize(("method", "path"), ROUTES)
@given(value=odd_bodies.VALUES)
@short
def test_a_body_that_is_json_and_nothing_else(
    road: Road, rest: httpx.Client, method: str, path: str, value: Any
) -> None:
    send(road, rest, method, path, odd_bodies.as_json(value))


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_body_that_parsers_trip_over(road: Road, rest: httpx.Client, method: str, path: str) -> None:
    for body in odd_bodies.RAW:
        send(road, rest, method, path, body)


@pytest.mark.parametrize("path", ["/template", "/device", "/import"])
def test_a_body_of_megabytes_is_answered_soon(road: Road, rest: httpx.Client, path: str) -> None:
    for body in odd_bodies.LARGE:
        assert send(road, rest, "POST", path, body).status_code in {400, 413}
    answer(rest.get("/device"))


@given(noise=st.binary(max_size=200))
@short
def test_a_path_and_a_query_of_noise(road: Road, rest: httpx.Client, noise: bytes) -> None:
    text = "".join(f"%{byte:02X}" for byte in noise)
    for path in (f"/device/{text}", f"/template/{text}", f"/device?label={text}&attr={text}&page_num={text}"):
        response = rest.get(path)
        assert response.status_code in {200, 400, 404}, (path, response.text)


def test_in_the_end_resources_and_rows_agree(road: Road, rest: httpx.Client) -> None:
    resources_and_rows_agree(road, rest)
