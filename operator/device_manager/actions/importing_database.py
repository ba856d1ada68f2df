"""A dojot database is taken over, tenant by tenant: `device-manager import database`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from device_manager import cluster, registry, terminal
from device_manager.actions.importing_file import unsettled
from device_manager.adoption import ref_of
from device_manager.declaring import Failures, check, declare, remove
from device_manager.dojot import database
from device_manager.dojot.conversion import Conversion, convert
from device_manager.dojot.findings import Finding
from device_manager.dojot.oldkeys import unlocker
from device_manager.dojot.records import OldTenant
from device_manager.homes import Home, homes_of, settle_in
from device_manager.keeping import own_secrets, write_secrets
from device_manager.pinning import template_spec_of
from device_manager.scope import scope_of
from device_manager.terminal import Column, Exit, Output
from device_registry import wiring
from device_registry.domain.errors import Refused
from device_registry.domain.model import DeviceRow, Key, Kind, RegisteredTemplate, Tenant
from device_registry.domain.reasons import Reason
from device_registry.manifests import PAUSED, device_manifest, key_of, template_manifest
from device_registry.reconcile.takeover import TakenOver, take_over
from device_registry.reconcile.unclaimed import Ref
from device_registry.settings import Settings

COLUMNS: Final = (
    Column("tenant", "TENANT"),
    Column("namespace", "NAMESPACE"),
    Column("templates", "TEMPLATES", numeric=True),
    Column("devices", "DEVICES", numeric=True),
    Column("keys", "KEYS", numeric=True),
    Column("written", "WRITTEN", numeric=True),
    Column("same", "SAME", numeric=True),
    Column("claimed", "CLAIMED", numeric=True),
    Column("removed", "REMOVED", numeric=True),
    Column("skipped", "SKIPPED", numeric=True),
    Column("leftOut", "LEFT OUT", numeric=True),
)
FINDINGS: Final = (
    Column("tenant", "TENANT"),
    Column("what", "WHAT"),
    Column("becomes", "BECOMES"),
    Column("problem", "PROBLEM", wraps=True),
)
_ANY_NAMESPACE: Final = "default"
"""Where manifests are judged: it is there in every cluster."""

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a database is taken over."""

    tenants: tuple[str, ...] = ()
    """None: all that are there."""
    namespace: str = ""
    dry_run: bool = False
    observe: bool = False
    paused: bool = False
    leave_out: bool = False
    seconds: float = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One tenant on its way."""

    home: Home
    conversion: Conversion
    manifests: Sequence[Manifest]
    """What is to be declared; what a resource has claimed already is left to it."""
    taken: TakenOver | None = None
    """What became of the rows, once that is known."""
    surplus: Sequence[Key] = ()
    """Resources of rows that were removed: declared by an earlier import, and gone there since."""


def run(url: str, wanted: Wanted, output: Output) -> None:
    """Take over; ends with REMARK when something is left out or does not become ready."""
    if wanted.namespace and len(wanted.tenants) != 1:
        terminal.fail("--namespace goes with one --tenant.", Exit.USAGE)
    old = _read(url, wanted.tenants)
    with registry.opened() as opened:
        failures = cluster.run(_run(opened, old, wanted, output))
    if failures:
        lines = [f"  {key}: {message}" for key, message in sorted(failures.items())]
        terminal.fail("\n".join(["Not ready:", *lines]))


def _read(url: str, tenants: Sequence[str]) -> list[OldTenant]:
    try:
        return _tenants(url, tenants)
    except database.AddressUnusable as error:
        terminal.fail(f"{error}.", Exit.USAGE)


def _tenants(url: str, tenants: Sequence[str]) -> list[OldTenant]:
    with database.opened(url) as source:
        known = source.tenants()
        strange = sorted(set(tenants) - set(known))
        if strange:
            there = ", ".join(known) or "none"
            raise Refused(Reason.INVALID_SPEC, f"there is no tenant {strange[0]}; there are: {there}")
        for one in tenants or known:
            _check_revision(one, source.revision(one))
        return [source.read(one) for one in tenants or known]


def _check_revision(tenant: str, revision: str) -> None:
    if revision != database.REVISION:
        terminal.remark(
            f"The schema of {tenant} is at revision {revision or 'unknown'}; this reads {database.REVISION},"
            " the last one of dojot. Upgrade dojot first if something is missing below."
        )


async def _run(
    opened: registry.Registry, old: Sequence[OldTenant], wanted: Wanted, output: Output
) -> Failures:
    settings = terminal.settings()
    async with cluster.connected() as people:
        names = [Tenant(one.name) for one in old]
        homes = await homes_of(people, names, settings.TENANT_NAMESPACE_PREFIX, wanted.namespace)
        parts = [_part(one, home, settings) for one, home in zip(old, homes, strict=True)]
        parts = [await _judged(people, part) for part in parts]
        blocked = not wanted.leave_out and any(part.conversion.left_out for part in parts)
        keep = not (wanted.dry_run or blocked)
        parts = [_with_rows(opened, part, settings, keep=keep) for part in parts]
        _show(parts, output)
        if blocked:
            terminal.fail(
                "Nothing was written: correct in dojot what would be left out, or go on with --leave-out."
            )
        if not keep:
            return {}
        gone = await remove(people, [key for part in parts for key in part.surplus])
        return gone if wanted.observe else {**gone, **await _declare(people, parts, wanted)}


# --- converting -------------------------------------------------------------------------------------


def _part(old: OldTenant, home: Home, settings: Settings) -> Part:
    try:
        unlock = unlocker(settings) if old.keys else (lambda _: None)
    except Refused as error:
        terminal.fail(f"{error.message}.", Exit.USAGE)
    conversion = convert(old, home.namespace, unlock, datetime.now(UTC))
    return Part(home=home, conversion=conversion, manifests=_manifests(conversion))


def _manifests(conversion: Conversion) -> list[Manifest]:
    inventory = conversion.inventory
    templates = [template_manifest(_key(one), template_spec_of(one)) for one in inventory.templates]
    devices = [device_manifest(_key(row), row.spec) for row in inventory.devices]
    return [*templates, *devices]


async def _judged(people: cluster.People, part: Part) -> Part:
    """What only the API server finds wrong is left out as well, and cannot be gone on without."""
    refused = await check(people, part.manifests, _ANY_NAMESPACE)
    if not refused:
        return part
    lines = [f"  {key}: {message}" for key, message in sorted(refused.items())]
    title = f"The API server refuses resources of the tenant {part.home.tenant}; correct them in dojot:"
    raise Refused(Reason.INVALID_SPEC, "\n".join([title, *lines]))


# --- rows -------------------------------------------------------------------------------------------


def _with_rows(opened: registry.Registry, part: Part, settings: Settings, *, keep: bool) -> Part:
    """Write the rows, or find out what would be written."""
    inventory = part.conversion.inventory
    rows = opened.overview.unclaimed(scope_of([inventory.tenant], None))
    former = {ref_of(row): Key(row.kind, row.namespace, row.name) for row in rows if row.imported}
    vault = wiring.vault(settings) if inventory.keys else None
    with opened.transaction(keep=keep) as transaction:
        taken = take_over(transaction, inventory, vault, datetime.now(UTC), former)
    every: list[DeviceRow | RegisteredTemplate] = [*inventory.templates, *inventory.devices]
    claimed = {_key(one) for one in every if _ref(one) in taken.claimed}
    return replace(
        part,
        taken=taken,
        manifests=[one for one in part.manifests if key_of(one) not in claimed],
        surplus=[former[ref] for ref in taken.removed],
    )


def _ref(row: DeviceRow | RegisteredTemplate) -> Ref:
    kind = Kind.DEVICE if isinstance(row, DeviceRow) else Kind.TEMPLATE
    return Ref(kind, row.tenant, str(row.id))


def _key(row: DeviceRow | RegisteredTemplate) -> Key:
    """The resource that is to have the row."""
    assert row.claim is not None, "each is reserved for one"
    return Key(_ref(row).kind, *row.claim.place)


# --- resources --------------------------------------------------------------------------------------


async def _declare(people: cluster.People, parts: Sequence[Part], wanted: Wanted) -> Failures:
    failures: Failures = {}
    keys: list[Key] = []
    for part in parts:
        await settle_in(people, part.home)
        await write_secrets(people, part.conversion.inventory, {key_of(one) for one in part.manifests})
        manifests = [_paused(one) for one in part.manifests] if wanted.paused else part.manifests
        stored, refused = await declare(people, manifests)
        await own_secrets(people, stored)
        failures |= refused
        keys += [key_of(one) for one in stored]
    if not wanted.paused:
        failures |= await unsettled(people, keys, wanted.seconds)
    return failures


def _paused(manifest: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": {PAUSED: "true"}}}


# --- showing ----------------------------------------------------------------------------------------


def _show(parts: Sequence[Part], output: Output) -> None:
    findings = [_finding(part.home.tenant, one) for part in parts for one in part.conversion.findings]
    if output is not Output.TABLE:
        terminal.show_data({"tenants": [_record(part) for part in parts], "findings": findings}, output)
        return
    terminal.show([_record(part) for part in parts], COLUMNS, output)
    if findings:
        terminal.say("")
        terminal.show(findings, FINDINGS, output)


def _record(part: Part) -> dict[str, Any]:
    inventory, taken = part.conversion.inventory, part.taken or TakenOver()
    return {
        "tenant": part.home.tenant,
        "namespace": part.home.namespace,
        "templates": len(inventory.templates),
        "devices": len(inventory.devices),
        "keys": sum(map(len, inventory.keys.values())),
        "written": len(taken.written),
        "same": len(taken.same),
        "claimed": len(taken.claimed),
        "removed": len(taken.removed),
        "skipped": len(part.conversion.findings) - len(part.conversion.left_out),
        "leftOut": len(part.conversion.left_out),
    }


def _finding(tenant: Tenant, one: Finding) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "what": one.what,
        "becomes": "left out" if one.left_out else "skipped",
        "problem": one.problem,
    }
