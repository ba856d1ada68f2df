"""Devices applied until all are Ready, against the same writes by a bare client; and what they cost."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.report import Figure
from bench.setting import API, CONNECTIONS, Setting, body, device, template
from tests.support.waiting import eventually

_JSON = {"Content-Type": "application/json"}
_MERGE = {"Content-Type": "application/merge-patch+json"}
_SINGLES = 50
"""New devices for the latency: enough for a 98th percentile that is a device, not an estimate."""


@dataclass(frozen=True)
class Floor:
    """What the API server itself needs for the writes."""

    seconds: float


async def floor(setting: Setting, count: int) -> Floor:
    """Create as many devices and write as many statuses as the operator would, and nothing else."""
    setting.kubectl.create_namespace("floor")
    async with setting.bare_client() as client:
        creations = [body(device("floor", number)) for number in range(count)]
        statuses = [body(_status(number)) for number in range(count)]
        began = time.perf_counter()
        await _each(client.post, f"{API}/floor/devices", creations, _JSON)
        paths = [f"{API}/floor/devices/sensor-{number}/status" for number in range(count)]
        await _limited(
            _send(client.patch, path, status, _MERGE) for path, status in zip(paths, statuses, strict=True)
        )
        return Floor(time.perf_counter() - began)


async def figures(setting: Setting, count: int, floor: Floor) -> list[Figure]:
    """The fleet's figures, in the order in which they are measured."""
    setting.kubectl.create_namespace("bench")
    setting.kubectl.apply(template("bench"))
    setting.kubectl.wait("template", "sensor", "condition=Ready", "bench")
    async with setting.bare_client() as client:
        written, used = setting.writes("devices"), setting.cpu_seconds()
        seconds = await _apply(client, count)
        per_device = (setting.writes("devices") - written - count) / count
        cpu = (setting.cpu_seconds() - used) / count * 1000
        latencies = [await _single(client, count + number) for number in range(_SINGLES)]
        memory = setting.peak_memory()
        caught_up, rewritten = await _restart(setting)
    return [
        Figure("devices applied until all Ready", seconds, "s", floor=floor.seconds, gate=2.0, aim=1.2),
        Figure("API writes of the operator a device", per_device, "", gate_value=4, aim_value=1),
        Figure("operator CPU a device", cpu, "ms"),
        Figure("new device to Ready, p50", statistics.median(latencies), "s"),
        Figure("new device to Ready, p98", _quantile(latencies, 98), "s", gate_value=2, aim_value=0.3),
        Figure("operator memory, peak", memory, "MiB", gate_value=300, aim_value=130),
        Figure("restart until caught up", caught_up, "s", gate_value=60, aim_value=15),
        Figure("API writes after the restart", rewritten, "", gate_value=0, aim_value=0),
    ]


async def _apply(client: aiohttp.ClientSession, count: int) -> float:
    """Create all devices and wait until the watch has shown each of them Ready; answers seconds."""
    creations = [body(device("bench", number)) for number in range(count)]
    missing = {f"sensor-{number}" for number in range(count)}
    async with _watch(client) as events:
        began = time.perf_counter()
        load = asyncio.create_task(_each(client.post, f"{API}/bench/devices", creations, _JSON))
        await _until_ready(events, missing)
        await load
        return time.perf_counter() - began


async def _single(client: aiohttp.ClientSession, number: int) -> float:
    """Create one device and wait until it is Ready; answers seconds."""
    async with _watch(client) as events:
        began = time.perf_counter()
        await _send(client.post, f"{API}/bench/devices", body(device("bench", number)), _JSON)
        await _until_ready(events, {f"sensor-{number}"})
        return time.perf_counter() - began


async def _restart(setting: Setting) -> tuple[float, float]:
    """Restart the operator over the settled fleet; answers seconds until it is idle, and its writes."""
    setting.operator.stop()
    written = setting.writes("devices")
    began = time.perf_counter()
    setting.operator.start()
    eventually(lambda: setting.operator.metrics()["device_manager_queue_depth"] == 0, within=120)
    return time.perf_counter() - began, setting.writes("devices") - written


class _watch:  # noqa: N801 - reads as a verb where it is used
    """A watch from now on, as lines of JSON."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> AsyncIterator[dict[str, Any]]:
        path = f"{API}/bench/devices"
        async with self._client.get(path, params={"limit": "1"}) as listed:
            version = (await listed.json())["metadata"]["resourceVersion"]
        query = {"watch": "true", "resourceVersion": version}
        self._response = await self._client.get(
            path, params=query, timeout=aiohttp.ClientTimeout(total=600), read_bufsize=2**20
        )
        return self._events(self._response)

    async def __aexit__(self, *_: object) -> None:
        assert self._response is not None
        self._response.close()

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
        async for line in response.content:
            yield json.loads(line)


async def _until_ready(events: AsyncIterator[dict[str, Any]], missing: set[str]) -> None:
    async for event in events:
        conditions = event["object"].get("status", {}).get("conditions", ())
        if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            missing.discard(event["object"]["metadata"]["name"])
        if not missing:
            return


def _status(number: int) -> dict[str, Any]:
    """A status of the size that the operator writes."""
    conditions = [
        {
            "type": name,
            "status": "True",
            "reason": "Registered",
            "message": "as it is declared",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for name in ("Ready", "TemplatesResolved", "Registered", "Published")
    ]
    return {
        "status": {
            "observedGeneration": 1,
            "deviceId": f"{number:06x}",
            "templates": "sensor",
            "conditions": conditions,
        }
    }


_Method = Callable[..., Any]


async def _each(method: _Method, path: str, bodies: Iterable[bytes], headers: dict[str, str]) -> None:
    await _limited(_send(method, path, one, headers) for one in bodies)


async def _send(method: _Method, path: str, data: bytes, headers: dict[str, str]) -> None:
    async with method(path, data=data, headers=headers) as response:
        assert response.ok, await response.text()
        await response.read()


async def _limited(calls: Iterable[Awaitable[None]]) -> None:
    """Run the calls, as many at once as there are connections."""
    supply = iter(calls)

    async def work() -> None:
        for call in supply:
            await call

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def _quantile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]
