"""What is declared, registered and published, side by side: `device-manager drift`."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer

from device_manager import cluster, registry, terminal
from device_manager.comparison import Line, compare
from device_manager.lastwords import last_documents, with_last_word
from device_manager.sides import damaged_templates, declared, paired
from device_manager.terminal import Column, Exit, Output
from device_registry.registry.overview import Scope

COLUMNS: Final = (
    Column("namespace", "NAMESPACE"),
    Column("resource", "RESOURCE"),
    Column("id", "ID"),
    Column("declared", "DECLARED"),
    Column("registered", "REGISTERED"),
    Column("published", "PUBLISHED"),
)
_AGAIN_SECONDS: Final = 1.0
"""After that a difference is looked at again: what was only on its way has arrived."""


def run(scope: Scope, output: Output, *, every: bool, topics: bool) -> None:
    """Show what differs, or everything; ends with REMARK when anything differs."""
    lines = cluster.run(_compare(scope, topics=topics))
    different = [line for line in lines if line.differences]
    shown = [record(line) for line in (lines if every else different)]
    if output is not Output.TABLE:
        terminal.show_data(shown, output)
    else:
        for line in table_lines(shown):
            terminal.say(line)
        terminal.say(("\n" if shown else "") + summary(lines))
    if different:
        raise typer.Exit(Exit.REMARK)


async def _compare(scope: Scope, *, topics: bool) -> list[Line]:
    with registry.opened() as opened:
        lines = await _look(opened, scope, topics=topics)
        if any(line.differences for line in lines):
            await asyncio.sleep(_AGAIN_SECONDS)
            lines = await _look(opened, scope, topics=topics)
    return lines


async def _look(opened: registry.Registry, scope: Scope, *, topics: bool) -> list[Line]:
    async with cluster.connected() as people:
        resources = await declared(people, scope)
    snapshot = opened.overview.snapshot(scope)
    found = paired(resources, snapshot, damaged_templates(opened))
    told = last_documents({one.tenant for one in found}) if topics else {}
    return [compare(with_last_word(one, told) if topics else one) for one in found]


# --- showing ----------------------------------------------------------------------------------------


def record(line: Line) -> dict[str, Any]:
    """A line as data."""
    found = line.found
    row, resource, publication = found.row, found.resource, found.publication
    return {
        "kind": str(found.kind),
        "tenant": found.tenant,
        "namespace": found.key.namespace if found.key else "",
        "name": found.key.name if found.key else "",
        "id": str(row.id) if row else "",
        "declared": {"generation": resource.declared.generation} if resource else None,
        "registered": {"generation": row.generation, "revision": row.revision, "claimed": row.claimed}
        if row
        else None,
        "published": {"sequence": publication.sequence, "waiting": publication.waiting}
        if publication
        else None,
        "reserved": line.reserved,
        "differences": list(line.differences),
    }


def table_lines(shown: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each resource or row, and below it, further in, one for each difference."""
    if not shown:
        return []
    title, *rows = terminal.plain_lines([_flat(one) for one in shown], COLUMNS)
    told = [title]
    for row, one in zip(rows, shown, strict=True):
        told += [row, *(f"    {difference}" for difference in one["differences"])]
    return told


def _flat(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A line for people."""
    return {
        "namespace": shown["namespace"],
        "resource": f"{shown['kind'].lower()}/{shown['name']}" if shown["name"] else "",
        "id": shown["id"],
        "declared": _declared(shown["declared"]),
        "registered": _registered(shown["registered"], reserved=shown["reserved"]),
        "published": _published(shown["published"]),
    }


def _declared(side: Mapping[str, Any] | None) -> str:
    return f"gen {side['generation']}" if side else "-"


def _registered(side: Mapping[str, Any] | None, *, reserved: bool) -> str:
    if side is None:
        return "-"
    if not side["claimed"]:
        return "reserved" if reserved else "unclaimed"
    return f"gen {side['generation']}, rev {side['revision']}"


def _published(side: Mapping[str, Any] | None) -> str:
    if side is None:
        return "-"
    return f"event {side['sequence']}" + (f", {side['waiting']} waiting" if side["waiting"] else "")


def summary(lines: Sequence[Line]) -> str:
    """One sentence about the whole comparison."""
    resources = sum(1 for line in lines if line.found.resource)
    rows = sum(1 for line in lines if line.found.row)
    different = sum(1 for line in lines if line.differences)
    reserved = sum(1 for line in lines if line.reserved and not line.differences)
    told = f"{_count(resources, 'resource')} and {_count(rows, 'row')} compared: "
    told += f"{different} {'differs' if different == 1 else 'differ'}." if different else "no difference."
    if reserved:
        told += f" {_count(reserved, 'paused resource')} would take over their rows without an event."
    return told


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
