"""The proxies before the real platform: what is asked goes through them, and comes back as they say."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import psycopg2
import pytest
from kafka import KafkaProducer
from redis import Redis

from device_registry.access import Credentials
from device_registry.domain.errors import ClusterUnavailable, NotFound
from device_registry.domain.model import Key, Kind
from device_registry.kube import Kube
from local.platform import Platform
from tests.support.detours import Detours
from tests.support.httpfaults import HttpFault
from tests.support.kubectl import Kubectl
from tests.support.manifests import a_template

THERMOMETER = "thermometer"


@pytest.fixture
def credentials(detours: Detours, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> Credentials:
    """Return those that lead through the proxies."""
    monkeypatch.setenv("KUBECONFIG", str(detours.kubeconfig))
    return Credentials.load()


@pytest.fixture
async def kube(credentials: Credentials) -> AsyncIterator[Kube]:
    async with Kube(credentials) as kube:
        yield kube


@pytest.fixture
async def watch(credentials: Credentials, namespace: str) -> AsyncIterator[Callable[[], Any]]:
    """Return a function that waits for the next event of the templates in the namespace."""
    path = f"/apis/dojot.io/v1alpha1/namespaces/{namespace}/templates?watch=true"
    async with (
        aiohttp.ClientSession(credentials.server, headers=credentials.headers()) as session,
        session.get(path, ssl=credentials.ssl_context()) as answer,
    ):

        async def following() -> Any:
            async with asyncio.timeout(5):
                return json.loads(await answer.content.readline())

        yield following


def test_every_dependency_can_be_reached_through_its_proxy(detours: Detours, platform: Platform) -> None:
    environment = detours.environment("postgres")
    host, _, port = environment["DBHOST"].partition(":")
    psycopg2.connect(
        host=host, port=port, user=environment["DBUSER"], password=environment["DBPASS"], dbname="postgres"
    ).close()
    with Redis(port=int(environment["REDIS_PORT"])) as redis:
        assert redis.ping()
    producer = KafkaProducer(bootstrap_servers=f"127.0.0.1:{environment['KAFKA_PORT']}", acks="all")
    assert producer.send("detour", b"by way of the proxy").get(timeout=10).offset == 0
    producer.close()
    assert min(proxy.connections for proxy in (detours.postgres, detours.redis, detours.kafka)) > 0
    assert detours.kafka.connections > 1, "the broker sends its clients back to the proxy"


async def test_requests_pass_while_nothing_is_wrong(kube: Kube, namespace: str) -> None:
    await kube.create(a_template(THERMOMETER, namespace), "git")
    found = await kube.get(Key(Kind.TEMPLATE, namespace, THERMOMETER))
    assert found["metadata"]["name"] == THERMOMETER


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_chosen_requests_are_answered_in_place_of_the_api_server(
    detours: Detours, kube: Kube, namespace: str, status: int
) -> None:
    detours.api.answer(HttpFault(status=status, methods=frozenset({"POST"}), path="templates", retry_after=1))
    with pytest.raises(ClusterUnavailable):
        await kube.create(a_template(THERMOMETER, namespace), "git")
    with pytest.raises(NotFound):
        await kube.get(Key(Kind.TEMPLATE, namespace, THERMOMETER))
    assert detours.api.given[status] == 1


async def test_a_late_fault_lets_the_api_server_carry_the_request_out(
    detours: Detours, kube: Kube, namespace: str
) -> None:
    detours.api.answer(HttpFault(status=500, methods=frozenset({"POST"}), late=True))
    with pytest.raises(ClusterUnavailable):
        await kube.create(a_template(THERMOMETER, namespace), "git")
    assert await kube.get(Key(Kind.TEMPLATE, namespace, THERMOMETER))


async def test_an_api_server_that_is_away_looks_like_a_cut(detours: Detours, kube: Kube) -> None:
    await kube.namespaces()
    detours.cluster.refuse()
    with pytest.raises(ClusterUnavailable):
        await kube.namespaces()
    detours.heal()
    assert await kube.namespaces()


async def test_a_watch_expires_in_the_middle(
    detours: Detours, kube: Kube, namespace: str, watch: Callable[[], Any]
) -> None:
    await kube.create(a_template("first", namespace), "git")
    assert (await watch())["object"]["metadata"]["name"] == "first"
    await asyncio.to_thread(detours.api.expire_watches)
    gone = await watch()
    assert (gone["type"], gone["object"]["code"]) == ("ERROR", 410)


async def test_a_watch_breaks_in_the_middle_of_a_line(
    detours: Detours, kube: Kube, namespace: str, watch: Callable[[], Any]
) -> None:
    await kube.create(a_template("first", namespace), "git")
    await watch()
    await asyncio.to_thread(detours.api.break_watches)
    with pytest.raises((aiohttp.ClientError, ValueError)):
        await watch()


async def test_a_silent_watch_tells_what_happened_when_it_heals(
    detours: Detours, kube: Kube, namespace: str, watch: Callable[[], Any]
) -> None:
    await asyncio.to_thread(detours.api.silence_watches)
    await kube.create(a_template("unheard", namespace), "git")
    following = asyncio.ensure_future(watch())
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(following), 0.3)
    assert not following.done()
    await asyncio.to_thread(detours.api.heal)
    assert (await following)["object"]["metadata"]["name"] == "unheard"


async def test_events_get_lost_without_a_trace(
    detours: Detours, kube: Kube, namespace: str, watch: Callable[[], Any]
) -> None:
    detours.api.lose_events(1.0)
    await kube.create(a_template("lost", namespace), "git")
    await asyncio.sleep(0.1)
    detours.api.lose_events(0.0)
    await kube.create(a_template("seen", namespace), "git")
    assert (await watch())["object"]["metadata"]["name"] == "seen"
