"""The facade's answers a second, against an empty answer of the same server in the same run."""

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

from bench.report import Figure
from bench.setting import Setting
from tests.support.programs import free_port
from tests.support.waiting import eventually

CLIENTS = 16
"""As in the figures of the original."""
_SECONDS = 6.0
"""Long enough for thousands of answers."""

ORIGINAL = {"get": 90.0, "list": 40.0, "post": 38.0}
"""Answers a second of the original on two cores: get_device, list_page20_10k, post_device with 16 clients."""


async def figures(setting: Setting) -> list[Figure]:
    """Reads of one device, lists of twenty, and creations."""
    template = await _one(setting, "POST", "/template", _template())
    label = template["template"]["id"]
    created = await _one(setting, "POST", "/device", {"label": "first", "templates": [label]})
    device_id = created["devices"][0]["id"]
    with _empty_server() as url:
        floor = await _rate(url, lambda _: ("GET", "/", None))
    get = await _rate(setting.api_url, lambda _: ("GET", f"/device/{device_id}", None))
    listed = await _rate(setting.api_url, lambda _: ("GET", "/device?page_size=20", None), tenant="bench")
    post = await _rate(
        setting.api_url, lambda n: ("POST", "/device", {"label": f"posted {n}", "templates": [label]})
    )
    return [
        Figure("GET device", get, "/s", floor=floor, original=ORIGINAL["get"], gate_value=15, aim_value=25),
        Figure(
            "list of 20", listed, "/s", floor=floor, original=ORIGINAL["list"], gate_value=15, aim_value=25
        ),
        Figure("POST device", post, "/s", floor=floor, original=ORIGINAL["post"], gate_value=3, aim_value=8),
    ]


_Request = tuple[str, str, Any]


async def _rate(url: str, request: Callable[[int], _Request], *, tenant: str = "rest") -> float:
    """Answers a second with all clients asking as fast as they are answered."""
    count = 0
    ends = time.perf_counter() + _SECONDS

    async def client(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.perf_counter() < ends:
            count += 1
            method, path, body = request(count)
            async with session.request(method, path, json=body) as answer:
                assert answer.status == 200, await answer.text()  # noqa: PLR2004
                await answer.read()

    connector = aiohttp.TCPConnector(limit=CLIENTS)
    async with aiohttp.ClientSession(url, connector=connector, headers=_token(tenant)) as session:
        await asyncio.gather(*(client(session) for _ in range(CLIENTS)))
    return count / _SECONDS


async def _one(setting: Setting, method: str, path: str, body: Any) -> Any:
    async with (
        aiohttp.ClientSession(setting.api_url, headers=_token("rest")) as session,
        session.request(method, path, json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()  # noqa: PLR2004
        return await answer.json()


@contextmanager
def _empty_server() -> Iterator[str]:
    """The same server and framework with an answer that costs nothing."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "bench.empty:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen(command, env=os.environ)
    try:
        eventually(lambda: _listens(port), what="the empty server")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _template() -> dict[str, Any]:
    names = ("temperature", "humidity", "battery", "serial", "model")
    return {
        "label": "bench",
        "attrs": [{"label": name, "type": "dynamic", "value_type": "float"} for name in names],
    }


def _token(tenant: str) -> dict[str, str]:
    payload = base64.b64encode(json.dumps({"service": tenant}).encode()).decode()
    return {"Authorization": f"Bearer e30=.{payload}.x"}
