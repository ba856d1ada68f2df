"""What the API server's answers become: errors that say what to do, and never a wish to stop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from aiohttp import web
from kubernetes.client import Configuration

from device_registry.access import Credentials
from device_registry.domain.errors import (
    ClusterUnavailable,
    Conflict,
    Fenced,
    Forbidden,
    NotFound,
    Refused,
    RegistryError,
)
from device_registry.domain.model import Key, Kind
from device_registry.kube import Kube
from device_registry.leases import LeaderKube
from tests.support.until import until

DEVICE = Key(Kind.DEVICE, "acme", "freezer-7")


class Server:
    """Answers every request with one status; notes what it was sent."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.tokens: list[str] = []
        self.hang = False
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers.get("Authorization", ""))
        if self.hang:
            await asyncio.Event().wait()
        body = {"message": f"said {self.status}", "metadata": {}, "items": []}
        return web.json_response(body, status=self.status, headers=self.headers)

    def credentials(self, token: str) -> Credentials:
        configuration = Configuration()
        configuration.host = self.url
        configuration.api_key = {"authorization": f"Bearer {token}"}
        return Credentials(
            server=self.url, ca_file=None, verify=True, certificate=None, configuration=configuration
        )


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def kube(server: Server) -> AsyncIterator[Kube]:
    async with Kube(server.credentials("old")) as kube:
        yield kube


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, ClusterUnavailable),
        (403, Forbidden),
        (404, NotFound),
        (408, ClusterUnavailable),
        (409, Conflict),
        (410, ClusterUnavailable),
        (422, Refused),
        (429, ClusterUnavailable),
        (500, ClusterUnavailable),
        (504, ClusterUnavailable),
    ],
)
async def test_each_status_becomes_the_error_that_says_what_to_do(
    server: Server, kube: Kube, status: int, error: type[RegistryError]
) -> None:
    server.status = status
    with pytest.raises(error, match=f"said {status}"):
        await kube.get(DEVICE)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("9999", 60), ("", 0), ("tomorrow", 0)])
async def test_how_long_it_wants_to_be_left_alone_is_kept_within_reason(
    server: Server, kube: Kube, header: str, seconds: float
) -> None:
    server.status, server.headers = 429, {"Retry-After": header}
    with pytest.raises(ClusterUnavailable) as caught:
        await kube.get(DEVICE)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("ask", [lambda kube: kube.get(DEVICE), lambda kube: kube.ping()])
async def test_after_a_refused_token_the_next_request_carries_the_newest_one(
    server: Server, kube: Kube, ask: Callable[[Kube], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Credentials, "load", lambda: server.credentials("new"))
    server.status = 401
    with pytest.raises(ClusterUnavailable):
        await ask(kube)  # type: ignore[misc]
    server.status = 200
    await kube.get(DEVICE)
    assert server.tokens == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("status", [200, 403, 404])
async def test_a_server_that_answers_at_all_is_there(server: Server, kube: Kube, status: int) -> None:
    server.status = status
    await kube.ping()


async def test_a_server_that_says_it_cannot_serve_is_away(server: Server, kube: Kube) -> None:
    server.status = 503
    with pytest.raises(ClusterUnavailable, match="answers 503"):
        await kube.ping()


async def test_nobody_there_is_away_too(server: Server) -> None:
    nobody = replace(server.credentials("old"), server="http://127.0.0.1:1")
    async with Kube(nobody) as kube:
        with pytest.raises(ClusterUnavailable):
            await kube.ping()


async def test_a_request_that_others_cut_off_fails_and_ends_nobody(server: Server, kube: Kube) -> None:
    server.hang = True
    task = asyncio.create_task(kube.get(DEVICE))
    await until(lambda: server.tokens)
    # As kopf does when it ends: it throws into whatever the task waits for, without asking the task to stop.
    waited_for = task._fut_waiter  # type: ignore[attr-defined]
    waited_for.cancel()
    with pytest.raises(ClusterUnavailable, match="cut off"):
        await task


async def test_a_task_that_is_asked_to_stop_stops(server: Server, kube: Kube) -> None:
    server.hang = True
    task = asyncio.create_task(kube.get(DEVICE))
    await until(lambda: server.tokens)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_does_not_lead_reads_and_does_not_write(server: Server) -> None:
    leads = False
    async with LeaderKube(server.credentials("token"), lambda: leads) as kube:
        await kube.get(DEVICE)
        for write in (
            kube.patch_status(DEVICE, {}, "1"),
            kube.set_finalizers(DEVICE, [], "1"),
            kube.post_event({"metadata": {"namespace": "acme"}}),
        ):
            with pytest.raises(Fenced):
                await write
        assert len(server.tokens) == 1
        leads = True
        await kube.patch_status(DEVICE, {}, "1")
        assert len(server.tokens) == 2
