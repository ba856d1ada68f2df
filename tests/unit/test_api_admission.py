"""What no client needs and what nobody can wait for is refused, to those who have a token."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import httpx
import pytest
from prometheus_client import REGISTRY

from device_api.app import create_app
from device_registry.settings import Settings

from .test_api_tokens import a_token


class Refused(NamedTuple):
    """A request that is refused, and with which status."""

    status: int
    method: str
    path: str
    headers: Mapping[str, str] = MappingProxyType({})


REFUSED = {
    "wait": Refused(400, "PUT", "/device/x?wait=foo"),
    "empty wait": Refused(400, "DELETE", "/nowhere?wait="),
    "URL": Refused(414, "GET", "/device?label=" + "x" * 9_000),
    "headers": Refused(431, "GET", "/device", {"X-Much": "x" * 33_000}),
}
each = pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())


@pytest.fixture
async def rest() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that has nothing behind it."""
    context: Any = SimpleNamespace(settings=Settings())
    transport = httpx.ASGITransport(create_app(context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://facade") as client:
        yield client


@each
async def test_the_token_is_asked_for_first(rest: httpx.AsyncClient, case: Refused) -> None:
    response = await rest.request(case.method, case.path, headers=case.headers)
    assert response.status_code == 401
    assert response.json()["message"] == "No authorization token has been supplied"


@each
async def test_a_refusal_has_the_id_of_the_request_and_is_counted_and_logged(
    rest: httpx.AsyncClient,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    case: Refused,
) -> None:
    caplog.set_level(logging.INFO)
    labels = {"route": "", "method": case.method, "status": str(case.status)}
    before = REGISTRY.get_sample_value("device_manager_api_requests_total", labels) or 0
    token = a_token({"service": "acme", "username": "ada"})
    sent = {"Authorization": token, "X-Request-Id": "one/1", **case.headers}
    response = await rest.request(case.method, case.path, headers=sent)
    assert response.status_code == response.json()["status"] == case.status
    assert response.headers["X-Request-Id"] == "one/1"
    assert REGISTRY.get_sample_value("device_manager_api_requests_total", labels) == before + 1
    line = json.loads(capsys.readouterr().err)
    assert (line["request_id"], line["tenant"], line["user"]) == ("one/1", "acme", "ada")
    assert (line["method"], line["status"]) == (case.method, case.status)


async def test_a_read_waits_for_nothing_and_takes_any_wait(rest: httpx.AsyncClient) -> None:
    response = await rest.get("/nowhere?wait=foo", headers={"Authorization": a_token({"service": "acme"})})
    assert response.status_code == 404
