"""Health and metrics over HTTP."""

import logging
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version

import aiohttp
import pytest
from prometheus_client import Counter

from device_registry import logs
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


async def test_the_version_is_a_metric(probes: Probes) -> None:
    _, text = await ask(probes, "/metrics")
    assert f'device_manager_build_info{{version="{version("device-manager")}"}} 1.0' in text


# --- the level of logging ---------------------------------------------------------------------------------


@pytest.fixture
def _level_as_before() -> Iterator[None]:
    former, named = logging.getLogger().level, logs.level()
    yield
    logs.set_level(named)
    logging.getLogger().setLevel(former)


async def put_level(probes: Probes, body: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{probes.port}/log"
    async with aiohttp.ClientSession() as session, session.put(url, data=body) as response:
        return response.status, await response.text()


@pytest.mark.usefixtures("_level_as_before")
async def test_the_level_of_logging_is_changed_while_the_program_runs(probes: Probes) -> None:
    assert await put_level(probes, '{"level": "debug"}') == (200, '{"level": "DEBUG"}')
    assert await ask(probes, "/log") == (200, '{"level": "DEBUG"}')
    assert logging.getLogger().level == logging.DEBUG


@pytest.mark.usefixtures("_level_as_before")
@pytest.mark.parametrize("body", ["", "[]", "{", "{}", '{"level": "LOUD"}', '{"level": 7}'])
async def test_a_level_that_there_is_not_is_refused(probes: Probes, body: str) -> None:
    before = logs.level()
    status, text = await put_level(probes, body)
    assert status == 400
    assert "one of CRITICAL, ERROR" in text
    assert logs.level() == before
