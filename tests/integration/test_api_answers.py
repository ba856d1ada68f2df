"""The facade as an ASGI application on a real registry: shapes of answers, and what it says about itself."""

import base64
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlalchemy import URL

from device_api import examples, schemas
from device_api.app import create_app
from device_api.bodies import new_device
from device_api.context import Context
from device_api.import_bodies import import_body
from device_api.namespaces import Namespaces
from device_api.template_bodies import template_body
from device_registry.domain.errors import ClusterUnavailable
from device_registry.registry.reader import RegistryReader
from device_registry.registry.turns import Turns
from device_registry.registry.undertakings import Undertakings
from device_registry.registry.waiter import OutcomeWaiter
from device_registry.settings import Settings
from tests.support.builders import a_device, a_static, a_template, an_attribute, an_entry, an_override
from tests.support.clock import Clock
from tests.support.postgres import Databases, registry_on
from tests.support.story import Story

PAYLOAD = base64.b64encode(b'{"service": "acme"}').decode()
TOKEN = {"Authorization": f"Bearer x.{PAYLOAD}.y"}


class NoCluster:
    """A cluster that never answers: reads must not need it."""

    async def namespaces(self, *_: Any) -> dict[str, Any]:
        raise ClusterUnavailable

    namespace = create_namespace = namespaces


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[URL]:
    """A registry with a template and two devices, one of them with overrides and letters beyond ASCII."""
    url = databases.registry()
    with registry_on(url) as registry:
        registry.lead("the test")
        template = a_template("t", a_static(metadata=(an_entry(),)), an_attribute())
        story = Story(registry, registry.outbox, Clock())
        story.apply(template, a_device("d1", id="d1", label="Kühler", templates=["t"]))
        story.apply(a_device("d2", an_override(), id="d2", templates=["t"]))
        yield url


@pytest.fixture
async def app(url: URL) -> AsyncIterator[FastAPI]:
    settings = Settings()
    cluster: Any = NoCluster()
    async with RegistryReader(url) as reader, OutcomeWaiter(reader, 1) as waiter:
        yield create_app(
            Context(
                settings=settings,
                reader=reader,
                cluster=cluster,
                waiter=waiter,
                undertakings=Undertakings(reader),
                turns=Turns(reader),
                namespaces=Namespaces(cluster, settings),
                vault=None,
            )
        )


@pytest.fixture
async def rest(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://facade", headers=TOKEN) as client:
        yield client


async def test_a_document_is_sent_byte_for_byte_with_a_final_newline(rest: httpx.AsyncClient) -> None:
    response = await rest.get("/device/d1")
    assert response.headers["content-type"] == "application/json"
    assert response.content.endswith(b"\n")
    assert response.content.isascii()
    assert b"K\\u00fchler" in response.content
    assert list(response.json()) == sorted(response.json())


async def test_a_list_is_made_of_the_same_bytes(rest: httpx.AsyncClient) -> None:
    one, other = [(await rest.get(f"/device/{device_id}")).text.strip() for device_id in ("d1", "d2")]
    listed = await rest.get("/device")
    assert listed.text.startswith(f'{{"devices":[{one},{other}],"pagination":{{')
    assert (await rest.get("/device?idsOnly")).text == '["d1","d2"]\n'


@pytest.mark.parametrize(
    "path", ["/nowhere", "/device/", "/template/", "/", "/device/d1/x", "/device/template/", "/redoc"]
)
async def test_unknown_paths_have_a_shape_of_their_own(rest: httpx.AsyncClient, path: str) -> None:
    response = await rest.get(path)
    assert (response.status_code, response.json()) == (404, {"msg": "Invalid endpoint requested"})


@pytest.mark.parametrize("path", ["/nowhere", "/device", "/device/d1", "/log"])
async def test_the_token_is_asked_for_before_anything_else(rest: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "OPTIONS", "PATCH"):
        response = await rest.request(method, path, headers={"Authorization": ""})
        assert response.status_code == 401


async def test_other_methods_are_answered_with_a_page_that_names_the_right_ones(
    rest: httpx.AsyncClient,
) -> None:
    response = await rest.patch("/device")
    assert response.status_code == 405
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, POST"


async def test_options_is_empty_and_head_is_get(rest: httpx.AsyncClient) -> None:
    options = await rest.options("/device/d1")
    assert (options.status_code, options.content) == (200, b"")
    assert options.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"
    head, get = await rest.head("/device/d1"), await rest.get("/device/d1")
    assert (head.status_code, head.headers["content-length"]) == (200, get.headers["content-length"])


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/device/ffff", "device: ffff"),
        ("/device/template", "device: template"),
        ("/device/a%00b", "device: a\0b"),
        ("/device/%C3%A9", "device: é"),
        ("/template/424242", "template: 424242"),
        ("/template/0", "template: 0"),
        ("/template/-1", "template: -1"),
        ("/template/abc", "template: abc"),
        ("/template/1.5", "template: 1.5"),
        ("/template/99999999999", "template: 99999999999"),
        ("/template/1'", "template: 1'"),
    ],
)
async def test_what_is_not_there_is_named(rest: httpx.AsyncClient, path: str, shown: str) -> None:
    response = await rest.get(path)
    assert (response.status_code, response.json()) == (404, {"message": f"No such {shown}", "status": 404})


async def test_devices_of_a_template_are_listed_and_of_an_unknown_one_there_are_none(
    rest: httpx.AsyncClient,
) -> None:
    listed = (await rest.get("/device/template/1?page_size=1")).json()
    assert [device["id"] for device in listed["devices"]] == ["d1"]
    assert listed["pagination"] == {"has_next": True, "next_page": 2, "page": 1, "total": 2}
    assert (await rest.get("/device/template/7")).json()["devices"] == []
    assert (await rest.get("/device/template/abc")).status_code == 400


@pytest.mark.parametrize(
    ("query", "missing"),
    [("", set()), ("split", {"attrs"}), ("single", {"data_attrs", "config_attrs"}), ("nonsense", set())],
)
async def test_a_template_shows_the_lists_that_are_asked_for(
    rest: httpx.AsyncClient, query: str, missing: set[str]
) -> None:
    whole = {"attrs", "config_attrs", "created", "data_attrs", "id", "label"}
    one = (await rest.get("/template/1", params={"attr_format": query})).json()
    (listed,) = (await rest.get("/template", params={"attr_format": query})).json()["templates"]
    assert set(one) == set(listed) == whole - missing


async def test_writes_are_503_while_the_cluster_is_away_and_reads_go_on(rest: httpx.AsyncClient) -> None:
    response = await rest.post("/device", json={"label": "d"})
    assert response.status_code == 503
    assert response.headers["retry-after"].isdecimal()
    assert (await rest.get("/device/d1")).status_code == 200


async def test_a_bug_is_told_without_its_details(app: FastAPI, rest: httpx.AsyncClient) -> None:
    app.state.context = None
    response = await rest.get("/device/d1")
    assert (response.status_code, response.json()) == (500, {"msg": "Internal Error"})


async def test_requests_are_counted_by_route_and_never_by_path(rest: httpx.AsyncClient) -> None:
    labels = {"route": "/device/{device_id}", "method": "GET", "status": "200"}
    name = "device_manager_api_requests_total"
    before = REGISTRY.get_sample_value(name, labels) or 0
    await rest.get("/device/d1")
    await rest.get("/device/d2")
    assert REGISTRY.get_sample_value(name, labels) == before + 2


# --- documentation ----------------------------------------------------------------------------------


async def test_the_documentation_is_open_and_names_every_route(rest: httpx.AsyncClient) -> None:
    document = (await rest.get("/openapi.json", headers={"Authorization": ""})).json()
    assert (await rest.get("/docs", headers={"Authorization": ""})).status_code == 200
    assert set(document["paths"]) == {
        "/device",
        "/device/batch",
        "/device/{device_id}",
        "/device/{device_id}/actuate",
        "/device/{device_id}/attrs/{label}/psk",
        "/device/gen_psk/{device_id}",
        "/internal/device",
        "/internal/device/{device_id}",
        "/device/{device_id}/template/{template_id}",
        "/device/template/{template_id}",
        "/template",
        "/template/{template_id}",
        "/import",
        "/log",
    }
    assert all(find_reference(document, one) for one in references(document))
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert all({"200", "201", "204"} & set(one["responses"]) for one in operations)
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_answers_have_the_shape_that_the_documentation_says(rest: httpx.AsyncClient) -> None:
    for device_id in ("d1", "d2"):
        schemas.Device.model_validate_json((await rest.get(f"/device/{device_id}")).content)
    schemas.DeviceList.model_validate_json((await rest.get("/device")).content)
    schemas.TemplateList.model_validate_json((await rest.get("/template")).content)
    schemas.Template.model_validate_json((await rest.get("/template/1?attr_format=split")).content)
    schemas.Refusal.model_validate_json((await rest.get("/device/ffff")).content)
    malformed = await rest.post("/template", json={"label": 5})
    schemas.Malformed.model_validate_json(malformed.content)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (one for key, one in value.items() if key == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from references(one)


def find_reference(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document.get(part, {})
    return document


def test_bodies_are_documented_with_examples_that_are_taken() -> None:
    template, device = examples.TEMPLATE, examples.DEVICE
    assert template_body(template).label == template["label"]
    assert new_device(device, with_id=True).id == device["id"]
    assert import_body(examples.IMPORT).devices[0].id == "a1b2c3"
