"""A facade beside the operator of a road, and clients that speak for tenants."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.openapi import Conformity
from tests.support.programs import Program, free_port
from tests.support.road import Road


@contextmanager
def a_facade(road: Road, **environment: str) -> Iterator[str]:
    """A facade on the registry of the road; answers the base URL."""
    with a_facade_program(road, **environment) as facade:
        yield facade.url


@dataclass(frozen=True)
class Facade:
    """A facade as a process."""

    program: Program
    port: int

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def log_lines(self) -> list[dict[str, Any]]:
        """What it has logged so far, and others under its name before it."""
        lines = self.program.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def a_facade_program(road: Road, **environment: str) -> Iterator[Facade]:
    """A facade that a test may look into, stop or kill; it must end in order if it still runs."""
    port = free_port()
    shared = road.platform.environment(str(road.engine.url.database))
    own = {"API_HOST": "127.0.0.1", "API_PORT": str(port), **environment}
    log = road.platform.folder.log(f"facade-{port}")
    program = Program("api", {**shared, **own}, log).start()
    try:
        yield Facade(program, port)
    finally:
        ended_well = not program.alive or program.stop() == 0
    assert ended_well, f"see {log}"


def a_client(facade: str, tenant: str, **claims: Any) -> httpx.Client:
    """A client with a token of the tenant, to be closed."""
    headers = {"Authorization": f"Bearer {a_token(tenant, **claims)}"}
    return httpx.Client(base_url=facade, headers=headers, timeout=60)


def a_token(tenant: Any, **claims: Any) -> str:
    """A token that nobody has signed."""
    payload = base64.b64encode(json.dumps({"service": tenant, **claims}).encode()).decode()
    return f"head.{payload}.signature"


def answer(response: httpx.Response, status: int = 200) -> Any:
    """The body of an answer that has the status."""
    assert response.status_code == status, response.text
    return response.json()


def a_judged_client(facade: str, tenant: str) -> httpx.Client:
    """As `a_client`; each answer must be as /openapi.json says."""
    conformity = Conformity(httpx.get(f"{facade}/openapi.json").json())

    def judge(response: httpx.Response) -> None:
        response.read()
        assert not (problem := conformity.problem(response)), problem

    client = a_client(facade, tenant)
    client.event_hooks = {"response": [judge]}
    return client
