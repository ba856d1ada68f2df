"""A facade beside the operator of a road, and clients that speak for tenants."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.programs import Program, free_port
from tests.support.road import Road


@contextmanager
def a_facade(road: Road, **environment: str) -> Iterator[str]:
    """A facade on the registry of the road; answers the base URL."""
    port = free_port()
    shared = road.platform.environment(str(road.engine.url.database))
    own = {"API_HOST": "127.0.0.1", "API_PORT": str(port), **environment}
    program = Program("api", {**shared, **own}, road.platform.folder.log("facade")).start()
    yield f"http://127.0.0.1:{port}"
    assert program.stop() == 0


def a_client(facade: str, tenant: str) -> httpx.Client:
    """A client with a token of the tenant, to be closed."""
    payload = base64.b64encode(json.dumps({"service": tenant}).encode()).decode()
    headers = {"Authorization": f"Bearer head.{payload}.signature"}
    return httpx.Client(base_url=facade, headers=headers, timeout=60)


def answer(response: httpx.Response, status: int = 200) -> Any:
    """The body of an answer that has the status."""
    assert response.status_code == status, response.text
    return response.json()
