"""Health and metrics over HTTP."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client import Counter

from device_registry.probes import Probes

PROBED = Counter("probes_test_total", "Something to look for.")


class Program:
    alive = ready = True


@pytest.fixture
def program() -> Program:
    return Program()


@pytest.fixture
async def probes(program: Program) -> AsyncIterator[Probes]:
    probes = Probes(
        "127.0.0.1",
        0,
        alive={"loop": lambda: program.alive},
        ready={"registry": lambda: program.ready, "other": lambda: True},
    )
    await probes.start()
    yield probes
    await probes.stop()


async def ask(probes: Probes, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{probes.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_a_healthy_program_answers_200(probes: Probes) -> None:
    assert await ask(probes, "/healthz") == (200, '{"loop": "ok"}')
    assert await ask(probes, "/readyz") == (200, '{"registry": "ok", "other": "ok"}')


async def test_an_unready_program_answers_503_and_names_the_reason(probes: Probes, program: Program) -> None:
    program.ready = False
    assert await ask(probes, "/readyz") == (503, '{"registry": "failing", "other": "ok"}')
    assert (await ask(probes, "/healthz"))[0] == 200


async def test_a_program_that_needs_a_restart_answers_503(probes: Probes, program: Program) -> None:
    program.alive = False
    assert (await ask(probes, "/healthz"))[0] == 503


async def test_metrics_are_served_for_prometheus(probes: Probes) -> None:
    PROBED.inc(3)
    status, text = await ask(probes, "/metrics")
    assert status == 200
    assert "probes_test_total 3.0" in text
