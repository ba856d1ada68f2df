"""The fleet as manifests, or as dojot's own export: `device-manager export`."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_manager import cluster, registry, terminal
from device_manager.cleaning import clean, is_pinned, pinned
from device_manager.dojot.exportfile import export_body
from device_manager.keeping import secrets_in_cluster, secrets_of_rows
from device_manager.kinds import Form, Source
from device_manager.pinning import device_spec_of, template_spec_of
from device_manager.places import key_for
from device_manager.scope import objects_in, tenants_by_namespace
from device_manager.terminal import Exit, Output
from device_manager.writing import as_text, has_keys, ordered, to_file, to_folder
from device_registry import wiring
from device_registry.domain.model import DeviceRow, Key, Kind, RegisteredTemplate, Tenant
from device_registry.manifests import device_manifest, key_of, template_manifest
from device_registry.registry.overview import Scope, Snapshot

Manifest = Mapping[str, Any]
Rows = Mapping[Key, DeviceRow | RegisteredTemplate]


@dataclass(frozen=True, slots=True, kw_only=True)
class What:
    """What is exported."""

    scope: Scope
    source: Source = Source.CLUSTER
    pin: bool = False
    keys: bool = False
    namespaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where it goes: a file, a folder, else stdout."""

    file: Path | None = None
    folder: Path | None = None
    output: Output = Output.YAML


def run(what: What, where: Where, form: Form) -> None:
    """Export; ends with USAGE for options that do not go together."""
    _check(what, where, form)
    if form is Form.DOJOT:
        _export_dojot(what.scope, where)
        return
    manifests = ordered(cluster.run(_manifests(what)))
    if where.folder:
        to_folder(manifests, where.folder, where.output)
    else:
        to_file(as_text(manifests, where.output), where.file, private=has_keys(manifests))
    _tell(manifests, where)


def _check(what: What, where: Where, form: Form) -> None:
    if where.output is Output.TABLE:
        terminal.fail("An export is written as yaml or json, not as a table.", Exit.USAGE)
    if where.file and where.folder:
        terminal.fail("Choose --file or --folder.", Exit.USAGE)
    if form is Form.DOJOT and (what.scope.namespaces or len(what.scope.tenants) != 1 or where.folder):
        terminal.fail(
            "dojot's export is one file of one tenant: name it with --tenant, and use --file.", Exit.USAGE
        )


def _tell(manifests: Sequence[Manifest], where: Where) -> None:
    """On stderr: how much went where, and what a backup must know."""
    place = where.folder or where.file
    if place:
        terminal.remark(f"{len(manifests)} manifests written to {place}.")
    loose = sum(1 for one in manifests if one["kind"] in list(Kind) and not is_pinned(one))
    if loose:
        terminal.remark(
            f"{loose} of {len(manifests)} manifests leave ids to the registry, as they were declared;"
            " for a backup that keeps every id use --pin."
        )


# --- manifests --------------------------------------------------------------------------------------


async def _manifests(what: What) -> list[Manifest]:
    if what.source is Source.REGISTRY and not what.namespaces:
        return _from_registry(what)
    async with cluster.connected() as people:
        if what.source is Source.REGISTRY:
            found = _from_registry(what)
        else:
            found = [one async for one in _from_cluster(people, what)]
            found += await secrets_in_cluster(people, found) if what.keys else []
        return [*found, *(await _namespaces(people, found) if what.namespaces else ())]


async def _from_cluster(people: cluster.People, what: What) -> AsyncIterator[Manifest]:
    """What is being deleted is left out: applied again it would come back."""
    rows = _rows(_snapshot(what.scope)) if what.pin else {}
    tenants = await tenants_by_namespace(people)
    for kind in Kind:
        async for obj in objects_in(people, kind, what.scope, tenants):
            if "deletionTimestamp" not in obj["metadata"]:
                yield _pinned(clean(obj), rows)


def _pinned(manifest: Manifest, rows: Rows) -> Manifest:
    row = rows.get(key_of(manifest))
    return pinned(manifest, row) if row else manifest


async def _namespaces(people: cluster.People, manifests: Iterable[Manifest]) -> list[Manifest]:
    names = sorted({one["metadata"]["namespace"] for one in manifests})
    return [
        clean({"apiVersion": "v1", "kind": "Namespace", **await people.namespace(name)}) for name in names
    ]


# --- rows -------------------------------------------------------------------------------------------


def _snapshot(scope: Scope) -> Snapshot:
    with registry.opened() as opened:
        return opened.overview.snapshot(scope)


def _rows(snapshot: Snapshot) -> Rows:
    rows: list[DeviceRow | RegisteredTemplate] = [*snapshot.templates, *snapshot.devices]
    return {key_for(row, {}): row for row in rows if row.claim}


def _from_registry(what: What) -> list[Manifest]:
    with registry.opened() as opened:
        snapshot = opened.overview.snapshot(what.scope)
        namespaces = {one.tenant: one.namespace for one in opened.overview.tenants()}
        devices = {key_for(row, namespaces): row for row in snapshot.devices}
        secrets = _stored_secrets(opened, devices) if what.keys else []
    keys = {(one.tenant, one.id): key_for(one, namespaces) for one in snapshot.templates}
    names = {ref: key.name for ref, key in keys.items()}
    return [
        *(template_manifest(keys[one.tenant, one.id], template_spec_of(one)) for one in snapshot.templates),
        *(device_manifest(key, device_spec_of(row, _names(row, names))) for key, row in devices.items()),
        *secrets,
    ]


def _stored_secrets(opened: registry.Registry, devices: Mapping[Key, DeviceRow]) -> list[dict[str, Any]]:
    vault = wiring.vault(terminal.settings())
    if vault is None:
        terminal.fail(
            "To export keys set DEV_MNGR_CRYPTO_PASS and _SALT as the operator has them.", Exit.USAGE
        )
    with opened.transaction(keep=False) as transaction:
        return secrets_of_rows(transaction, vault, devices)


def _names(row: DeviceRow, names: Mapping[tuple[Tenant, int], str]) -> dict[int, str]:
    return {one: names[row.tenant, one] for one in row.templates}


def _export_dojot(scope: Scope, where: Where) -> None:
    snapshot = _snapshot(scope)
    body = export_body(snapshot.templates, snapshot.devices)
    to_file(json.dumps(body, indent=2) + "\n", where.file)
    if where.file:
        terminal.remark(
            f"{len(body['templates'])} templates and {len(body['devices'])} devices written to {where.file};"
            " keys are not part of dojot's format."
        )
