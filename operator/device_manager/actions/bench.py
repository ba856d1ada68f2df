"""How long devices take on the installation at hand: `device-manager bench`."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from device_manager import cluster, terminal
from device_manager.declaring import Failures, each
from device_manager.standing import standing
from device_manager.terminal import Column, Output
from device_registry.domain.model import Attribute, DeviceSpec, Key, Kind, Override, TemplateSpec
from device_registry.manifests import TENANT, device_manifest, key_of, template_manifest
from device_registry.manifests.authorship import REST_MANAGER

COLUMNS: Final = (
    Column("step", "STEP"),
    Column("devices", "DEVICES", numeric=True),
    Column("seconds", "SECONDS", numeric=True),
    Column("perSecond", "PER SECOND", numeric=True),
    Column("p50", "P50 s", numeric=True),
    Column("p95", "P95 s", numeric=True),
)
_PAUSE_SECONDS: Final = 0.05
"""Between two looks: how exact the figures are."""
_PATIENCE_SECONDS: Final = 300.0

Manifest = Mapping[str, Any]
_Done = Callable[[Manifest | None], bool]
"""Whether a device has arrived, given its object if it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How long something took, for each device."""

    step: str
    total: float
    seconds: Sequence[float]

    def record(self) -> dict[str, Any]:
        """As data."""
        ordered = sorted(self.seconds)
        return {
            "step": self.step,
            "devices": len(ordered),
            "seconds": round(self.total, 2),
            "perSecond": round(len(ordered) / self.total, 1),
            "p50": round(statistics.median(ordered), 2),
            "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
        }


def run(devices: int, output: Output) -> None:
    """Measure; ends with REMARK when the operator does not follow."""
    name = f"device-manager-bench-{uuid4().hex[:6]}"
    steps = cluster.run(_run(name, devices))
    terminal.show([one.record() for one in steps], COLUMNS, output)


async def _run(name: str, count: int) -> list[Step]:
    async with cluster.connected() as people:
        await people.create_namespace(name, {TENANT: name})
        try:
            return await _measure(people, name, count)
        finally:
            await people.delete_namespace(name)


async def _measure(people: cluster.People, name: str, count: int) -> list[Step]:
    await people.apply(template_manifest(Key(Kind.TEMPLATE, name, "thermometer"), _TEMPLATE), REST_MANAGER)
    first, second = _devices(name, count, "first"), _devices(name, count, "second")

    async def apply(manifest: Manifest) -> None:
        await people.apply(manifest, REST_MANAGER)

    async def delete(manifest: Manifest) -> None:
        await people.delete(key_of(manifest))

    return [
        await _step(people, "create, until Ready and Published", first, apply, _arrived),
        await _step(people, "change, until Ready and Published", second, apply, _arrived),
        await _step(people, "delete, until gone", first, delete, _left),
    ]


_TEMPLATE: Final = TemplateSpec(
    label="Thermometer",
    attributes=(
        Attribute(label="temperature", type="dynamic", value_type="float"),
        Attribute(label="serial", type="static", value_type="string", static_value=""),
    ),
)


def _devices(namespace: str, count: int, serial: str) -> list[Manifest]:
    override = Override(label="serial", type="static", static_value=serial)
    names = [f"device-{index:04}" for index in range(count)]
    return [
        device_manifest(
            Key(Kind.DEVICE, namespace, name),
            DeviceSpec(label=name, templates=("thermometer",), overrides=(override,)),
        )
        for name in names
    ]


async def _step(
    people: cluster.People,
    title: str,
    manifests: Sequence[Manifest],
    send: Callable[[Manifest], Awaitable[None]],
    done: _Done,
) -> Step:
    """Send everything, and look until every device has arrived; each counts from its own request on."""
    sent, seen = dict[Key, float](), dict[Key, float]()
    began = time.monotonic()

    async def noted(manifest: Manifest) -> None:
        start = time.monotonic()
        await send(manifest)
        sent[key_of(manifest)] = start

    sending = asyncio.ensure_future(each(title, manifests, noted))
    while len(seen) < len(manifests) and time.monotonic() < began + _PATIENCE_SECONDS:
        present = {key_of(obj): obj async for obj in people.objects(Kind.DEVICE, _namespace(manifests))}
        now = time.monotonic()
        arrived = {key for key in sent.keys() - seen.keys() if done(present.get(key))}
        seen |= {key: now - sent[key] for key in arrived}
        await asyncio.sleep(_PAUSE_SECONDS)
    _check(await sending, len(manifests) - len(seen))
    return Step(step=title, total=time.monotonic() - began, seconds=list(seen.values()))


def _namespace(manifests: Sequence[Manifest]) -> str:
    return key_of(manifests[0]).namespace


def _check(failures: Failures, missing: int) -> None:
    if failures:
        key, message = next(iter(failures.items()))
        terminal.fail(f"The API server refuses {key}: {message}")
    if missing:
        terminal.fail(
            f"{missing} devices did not follow within {_PATIENCE_SECONDS:.0f} s;"
            " see `device-manager status` for who leads, and the operator's log."
        )


def _arrived(obj: Manifest | None) -> bool:
    if obj is None:
        return False
    found = standing(obj)
    return found.ready and found.published


def _left(obj: Manifest | None) -> bool:
    return obj is None
