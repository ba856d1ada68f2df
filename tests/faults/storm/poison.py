"""One resource that can never be registered, one event that Kafka can never take, and all others are well."""

import asyncio
from collections.abc import Sequence
from typing import Any

from device_registry.domain.model import Key, Kind
from device_registry.kube import Kube
from device_registry.manifests import key_of
from tests.support.waiting import eventually

from .ledger import Wanted
from .proof import Draw, Findings
from .stage import Stage, straight
from .writers import GIT, device_manifest, template_manifest

AT_ONCE = 32
ENTRIES = 32
ATTRIBUTES = 230
"""As many attributes and metadata entries as make a document that no broker takes by default (1 MB), of a
resource that the API server still takes (1.5 MB)."""
PATIENCE = 120.0


def poison(stage: Stage, devices: int, draw: Draw) -> Findings:
    """Declare so many devices at once, two bad ones among them, then change some, and look at everyone."""
    findings = Findings(f"{devices} devices, a poison resource and a poison event among them")
    tenant = stage.tenants[0]
    good = [_device(tenant, number) for number in range(devices - 2)]
    bad, huge = _refused(tenant), _huge_device(tenant)
    declared = [*good, bad, huge]
    asyncio.run(_apply(stage, [_base(tenant), _clashing_template(tenant), _huge_template(tenant)]))
    middle = len(good) // 2
    draw(f"{devices} devices are declared")
    asyncio.run(_apply(stage, [*good[:middle], bad, huge, *good[middle:]]))
    _look(stage, findings, "after the creation", declared, draw)
    draw("every tenth device is changed")
    changed = [_device(tenant, number, "another label") for number in range(0, len(good), 10)]
    asyncio.run(_apply(stage, changed))
    _look(stage, findings, "after the changes", declared, draw)
    heard = stage.streams.documents()
    relabelled = [one for one in heard.values() if one["label"] == "another label"]
    findings.count("changed devices in Kafka", len(relabelled), len(changed))
    findings.count("holes and disorder in Kafka", len(stage.streams.violations), 0)
    findings.count("ends of the operator by itself", sum(len(one.unplanned) for one in stage.operators), 0)
    return findings


def _look(stage: Stage, findings: Findings, when: str, declared: Sequence[Any], draw: Draw) -> None:
    """Wait until all but the last two are well, and note what these show."""
    *good, bad, huge = declared
    keys = {key_of(one) for one in good}

    def settled() -> bool:
        seen = stage.snapshot()
        well = sum(_true(seen.objects[key], "Ready", "Published") for key in keys)
        draw(f"{when}: {well} of {len(keys)} are Ready and Published")
        return well == len(keys) and seen.quarantined == 1 and seen.unsent == 0

    eventually(settled, within=PATIENCE, what=f"everybody else, {when}")
    seen = stage.snapshot()
    well = sum(_true(seen.objects[key], "Ready", "Published") for key in keys)
    findings.count(f"{when}: others Ready and Published", well, len(good))
    for name, condition, one in (("resource", "Ready", bad), ("event", "Published", huge)):
        told = _condition(seen.objects[key_of(one)], condition)
        findings.note(f"{when}: the poison {name}", f"{condition}={told['status']} {told['reason']}")
    findings.count(f"{when}: events in quarantine", seen.quarantined, 1)


def _true(found: Any, *names: str) -> bool:
    status = found.get("status") or {}
    current = status.get("observedGeneration") == found["metadata"]["generation"]
    return current and all(_condition(found, name)["status"] == "True" for name in names)


def _condition(found: Any, name: str) -> dict[str, str]:
    conditions: list[dict[str, str]] = (found.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == name), {"status": "", "reason": ""})


async def _apply(stage: Stage, manifests: Sequence[Any]) -> None:
    slots = asyncio.Semaphore(AT_ONCE)
    async with Kube(straight(stage.platform.kubeconfig)) as kube:

        async def one(manifest: Any) -> None:
            async with slots:
                await kube.apply(manifest, GIT, force=True)

        await asyncio.gather(*map(one, manifests))


# --- the good, the bad and the huge ---------------------------------------------------------------------


def _base(tenant: str) -> Any:
    return template_manifest(Key(Kind.TEMPLATE, tenant, "base"), Wanted("base", ""))


def _device(tenant: str, number: int, label: str = "a label") -> Any:
    key = Key(Kind.DEVICE, tenant, f"device-number-{number}")
    return device_manifest(key, Wanted(label, f"SN-{number}", ("base",)))


def _refused(tenant: str) -> Any:
    """A device with two templates that both have `serial`: what the API server takes and the registry not."""
    key = Key(Kind.DEVICE, tenant, "poison-resource")
    return device_manifest(key, Wanted("a contradiction", "SN", ("base", "clash")))


def _clashing_template(tenant: str) -> Any:
    manifest = template_manifest(Key(Kind.TEMPLATE, tenant, "base"), Wanted("clash", ""))
    manifest["metadata"]["name"] = "clash"
    return manifest


def _huge_device(tenant: str) -> Any:
    key = Key(Kind.DEVICE, tenant, "poison-event")
    return device_manifest(key, Wanted("a huge device", "SN", ("base", "huge")))


def _huge_template(tenant: str) -> Any:
    manifest = template_manifest(Key(Kind.TEMPLATE, tenant, "huge"), Wanted("huge", ""))
    entries = [
        {"label": f"m{number}", "type": "static", "valueType": "string", "staticValue": "x" * 40}
        for number in range(ENTRIES)
    ]
    manifest["spec"]["attributes"] = [
        {"label": f"a{number}", "type": "dynamic", "valueType": "float", "metadata": entries}
        for number in range(ATTRIBUTES)
    ]
    return manifest
