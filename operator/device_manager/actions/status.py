"""How the fleet is, by namespace, with outbox and leader: `device-manager status`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import typer

from device_manager import cluster, registry, terminal
from device_manager.scope import objects_in, scope_of, tenants_by_namespace
from device_manager.standing import standing
from device_manager.terminal import Column, Exit, Output
from device_registry.domain.errors import Unavailable
from device_registry.domain.model import Kind, Tenant
from device_registry.registry.overview import Leader, Scope, TenantFigures, Waiting

COLUMNS: Final = (
    Column("namespace", "NAMESPACE"),
    Column("tenant", "TENANT"),
    Column("templates", "TEMPLATES", numeric=True),
    Column("devices", "DEVICES", numeric=True),
    Column("ready", "READY", numeric=True),
    Column("notReady", "NOT READY", wraps=True),
    Column("unpublished", "UNPUBLISHED", numeric=True),
    Column("unclaimed", "UNCLAIMED", numeric=True),
)


@dataclass(kw_only=True)
class Fleet:
    """The resources of one namespace, counted."""

    templates: int = 0
    devices: int = 0
    ready: int = 0
    """Devices that are Ready."""
    unpublished: int = 0
    """Devices that are Ready and whose event Kafka does not have yet."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why the others, devices and templates, are not Ready."""

    def add(self, obj: Mapping[str, Any]) -> None:
        """Count one object."""
        found, is_device = standing(obj), obj["kind"] == Kind.DEVICE
        self.devices += is_device
        self.templates += not is_device
        if not found.ready:
            self.reasons[found.reason] += 1
        elif is_device:
            self.ready += 1
            self.unpublished += not found.published


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What the registry says about the same fleet."""

    tenants: Sequence[TenantFigures]
    waiting: Sequence[Waiting]
    leader: Leader | None


def run(tenants: list[str] | None, namespaces: list[str] | None, output: Output) -> None:
    """Show the report; ends with AWAY when one half of it is missing."""
    scope = scope_of(tenants, namespaces)
    away: list[Unavailable] = []
    fleets, bindings = _declared(scope, away)
    report = report_of(scope, fleets, bindings, _registered(away))
    if output is Output.TABLE:
        show(report, whole=not away)
    else:
        terminal.show_data(report, output)
    for error in away:
        terminal.remark(error.message)
    if away:
        raise typer.Exit(Exit.AWAY)


def _declared(scope: Scope, away: list[Unavailable]) -> tuple[dict[str, Fleet] | None, Mapping[str, Tenant]]:
    try:
        return cluster.run(_count(scope))
    except Unavailable as error:
        away.append(error)
        return None, {}


async def _count(scope: Scope) -> tuple[dict[str, Fleet], dict[str, Tenant]]:
    async with cluster.connected() as people:
        tenants = await tenants_by_namespace(people)
        fleets: dict[str, Fleet] = {}
        for kind in Kind:
            async for obj in objects_in(people, kind, scope, tenants):
                fleets.setdefault(obj["metadata"]["namespace"], Fleet()).add(obj)
        return fleets, tenants


def _registered(away: list[Unavailable]) -> Records | None:
    try:
        with registry.opened() as opened:
            overview = opened.overview
            return Records(tenants=overview.tenants(), waiting=overview.waiting(), leader=overview.leader())
    except Unavailable as error:
        away.append(error)
        return None


# --- the report -------------------------------------------------------------------------------------


def report_of(
    scope: Scope,
    fleets: Mapping[str, Fleet] | None,
    tenants: Mapping[str, Tenant],
    records: Records | None,
) -> dict[str, Any]:
    """What is shown, as data. A half that is not known (its system is away) is null."""
    figures = {one.tenant: one for one in records.tenants} if records else {}
    rows = {name: (tenants.get(name, Tenant(name)), fleet) for name, fleet in (fleets or {}).items()}
    shown = {tenant for tenant, _ in rows.values()}
    lines = [_line(name, tenant, fleet, figures.get(tenant)) for name, (tenant, fleet) in rows.items()]
    lines += [
        _line(one.namespace, one.tenant, None if fleets is None else Fleet(), one)
        for one in figures.values()
        if one.tenant not in shown and scope.covers(one.tenant, one.namespace) and _matters(one)
    ]
    return {
        "namespaces": sorted(lines, key=lambda one: (one["namespace"], one["tenant"])),
        "outbox": _outbox(records.waiting) if records else None,
        "leader": _leader(records.leader) if records and records.leader else None,
    }


def _matters(figures: TenantFigures) -> bool:
    """A tenant without any row has nothing to show."""
    return bool(figures.devices or figures.templates)


def _line(
    namespace: str, tenant: Tenant, fleet: Fleet | None, figures: TenantFigures | None
) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "tenant": tenant,
        "templates": fleet.templates if fleet else None,
        "devices": fleet.devices if fleet else None,
        "ready": fleet.ready if fleet else None,
        "notReady": dict(sorted(fleet.reasons.items())) if fleet else None,
        "unpublished": fleet.unpublished if fleet else None,
        "unclaimed": figures.unclaimed if figures else None,
        "rows": {"templates": figures.templates, "devices": figures.devices} if figures else None,
    }


def _outbox(waiting: Sequence[Waiting]) -> dict[str, Any]:
    return {
        "waiting": sum(one.waiting for one in waiting),
        "oldestSeconds": round(max((one.age for one in waiting), default=0), 1),
        "quarantined": sum(one.quarantined for one in waiting),
        "tenants": {one.tenant: one.waiting for one in waiting if one.waiting},
    }


def _leader(leader: Leader) -> dict[str, Any]:
    return {
        "holder": leader.holder,
        "epoch": leader.epoch,
        "since": leader.since.astimezone(UTC).isoformat(timespec="seconds"),
    }


# --- as a table -------------------------------------------------------------------------------------


def show(report: Mapping[str, Any], *, whole: bool) -> None:
    """Print it; `whole` says that neither half of it is missing."""
    lines = [{**one, "notReady": _reasons(one["notReady"])} for one in report["namespaces"]]
    if lines:
        terminal.console().print(terminal.table(lines, COLUMNS))
    elif whole:
        terminal.say("No device and no template is there.")
    if report["outbox"] is not None:
        terminal.say("\n" + "\n".join(sentences(report, datetime.now(UTC))))


def sentences(report: Mapping[str, Any], now: datetime) -> list[str]:
    """What is told about outbox and leader below the table."""
    return [_outbox_sentence(report["outbox"]), _leader_sentence(report["leader"], now)]


def _reasons(counted: Mapping[str, int] | None) -> str | None:
    if counted is None:
        return None
    total = sum(counted.values())
    told = ", ".join(f"{reason} {count}" for reason, count in counted.items())
    return f"{total}: {told}" if total else "0"


def _outbox_sentence(outbox: Mapping[str, Any]) -> str:
    waiting, quarantined = outbox["waiting"], outbox["quarantined"]
    oldest = _duration(outbox["oldestSeconds"])
    told = f"{waiting} waiting, the oldest for {oldest}" if waiting else "nothing waits"
    aside = f"; {quarantined} in quarantine, see device-manager quarantine list" if quarantined else ""
    return f"Outbox: {told}{aside}."


def _leader_sentence(leader: Mapping[str, Any] | None, now: datetime) -> str:
    if leader is None:
        return "Leader: no operator has led yet."
    length = _duration((now - datetime.fromisoformat(leader["since"])).total_seconds())
    return f"Leader: {leader['holder']}, epoch {leader['epoch']}, for {length}."


def _duration(seconds: float) -> str:
    """A length of time in its largest two units."""
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        count, seconds = divmod(int(seconds), size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
