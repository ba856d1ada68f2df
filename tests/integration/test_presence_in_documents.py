"""`status` in the documents of REST: what Redis says, in one question, or nothing at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from redis import Redis
from sqlalchemy import URL
from structlog.testing import capture_logs

from device_api.app import create_app
from device_api.context import Context
from device_api.namespaces import Namespaces
from device_registry import wiring
from device_registry.registry.reader import RegistryReader
from device_registry.registry.turns import Turns
from device_registry.registry.undertakings import Undertakings
from device_registry.registry.waiter import OutcomeWaiter
from device_registry.settings import Settings
from local.platform import Platform
from tests.support.builders import a_device, a_static, a_template
from tests.support.clock import Clock
from tests.support.faultproxy import FaultProxy
from tests.support.postgres import Databases, registry_on
from tests.support.story import Story

from .test_api_answers import TOKEN, NoCluster

LABEL = 'K\u00fchler ,"templates":[9],"status":"x"'
READ = ("/device", "/device/d1", "/device/template/1", "/internal/device", "/internal/device/d1")


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[URL]:
    """A registry with two devices."""
    url = databases.registry()
    with registry_on(url) as registry:
        registry.lead("the test")
        story = Story(registry, registry.outbox, Clock())
        story.apply(a_template("t", a_static()), a_device("d1", id="d1", label=LABEL, templates=["t"]))
        story.apply(a_device("d2", id="d2", templates=["t"]))
        yield url


@pytest.fixture
def redis(platform: Platform) -> Iterator[Redis]:
    """Redis, in which a monitor has said that it reads and that d1 is there."""
    with Redis.from_url(platform.redis_url, decode_responses=True) as client:
        client.set("presence:reading", "a monitor", ex=60)
        client.delete("presence:acme:until")
        client.zadd("presence:acme:until", {"d1": 1})
        yield client


@pytest.fixture
def proxy(platform: Platform, redis: Redis) -> Iterator[FaultProxy]:
    """What stands between the facade and Redis."""
    with FaultProxy(int(platform.environment("")["REDIS_PORT"])) as proxy:
        yield proxy


async def client_of(url: URL, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    chosen = Settings.model_validate({"REDIS_HOST": "127.0.0.1", **settings})
    cluster: Any = NoCluster()
    async with (
        RegistryReader(url) as reader,
        OutcomeWaiter(reader, 1) as waiter,
        wiring.presence_reader(chosen) as presence,
    ):
        context = Context(
            settings=chosen,
            reader=reader,
            cluster=cluster,
            waiter=waiter,
            undertakings=Undertakings(reader),
            turns=Turns(reader),
            namespaces=Namespaces(cluster, chosen),
            vault=None,
            presence=presence,
        )
        transport = httpx.ASGITransport(create_app(context), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://facade", headers=TOKEN) as client:
            yield client


@pytest.fixture
async def plain(url: URL) -> AsyncIterator[httpx.AsyncClient]:
    """A facade that knows of no monitor."""
    async for client in client_of(url):
        yield client


@pytest.fixture
async def rest(url: URL, proxy: FaultProxy) -> AsyncIterator[httpx.AsyncClient]:
    """A facade that shows statuses."""
    async for client in client_of(url, STATUS_IN_DOCUMENTS=True, REDIS_PORT=proxy.port):
        yield client


@pytest.mark.parametrize("path", READ)
async def test_every_device_that_is_read_shows_its_status(
    rest: httpx.AsyncClient, plain: httpx.AsyncClient, path: str
) -> None:
    text = (await rest.get(path)).text
    shown, stored = json.loads(text), (await plain.get(path)).text
    devices = shown.get("devices", [shown])
    assert [(one["id"], one["status"], one["label"] == LABEL) for one in devices] == [
        ("d1", "online", True),
        ("d2", "offline", False),
    ][: len(devices)]
    for status in ("online", "offline"):
        text = text.replace(f',"status":"{status}","templates"', ',"templates"')
    assert text == stored, "everything else is as it was stored"
    assert all(list(one) == sorted(one) for one in devices)


async def test_ids_and_empty_pages_have_no_status(rest: httpx.AsyncClient) -> None:
    assert (await rest.get("/device?idsOnly")).text == '["d1","d2"]\n'
    assert (await rest.get("/device?page_num=9")).json()["devices"] == []


async def test_a_page_is_one_question(rest: httpx.AsyncClient, redis: Redis) -> None:
    await rest.get("/device")
    before: Any = redis.info("commandstats")
    await rest.get("/device")
    after: Any = redis.info("commandstats")
    assert after["cmdstat_zmscore"]["calls"] == before["cmdstat_zmscore"]["calls"] + 1


async def test_without_a_monitor_at_work_nothing_is_said(
    rest: httpx.AsyncClient, plain: httpx.AsyncClient, redis: Redis
) -> None:
    redis.delete("presence:reading")
    for path in READ:
        assert (await rest.get(path)).content == (await plain.get(path)).content


async def test_while_redis_is_away_documents_are_answered_without_and_once_it_is_back_with_it(
    rest: httpx.AsyncClient, plain: httpx.AsyncClient, proxy: FaultProxy
) -> None:
    stored = (await plain.get("/device")).content
    with capture_logs() as logs:
        for fault in (proxy.refuse, proxy.black_hole):
            fault()
            for _ in range(3):
                assert (await rest.get("/device")).content == stored
        assert [one["reason"] for one in logs if "reason" in one] == ["PresenceUnavailable"]
        proxy.heal()
        while b'"status":"online"' not in (await rest.get("/device")).content:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert "answers show statuses again" in {one["event"] for one in logs}
