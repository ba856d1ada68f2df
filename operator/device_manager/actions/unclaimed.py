"""Rows that no resource stands behind, and what becomes of them: `device-manager unclaimed`."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

import typer

from device_manager import cluster, registry, terminal
from device_manager.adoption import (
    Adoption,
    declare,
    namespace_for,
    prepare,
    ref_of,
    request_look,
    unclaimed_templates,
)
from device_manager.refs import dependents_first, find
from device_manager.scope import scope_of, tenants_by_namespace
from device_manager.terminal import Column, Exit, Output
from device_manager.waiting import settled
from device_registry.domain.errors import Forbidden, NotFound, Unavailable
from device_registry.domain.model import Key
from device_registry.reconcile.unclaimed import remove
from device_registry.registry.overview import Scope, UnclaimedRow

COLUMNS: Final = (
    Column("tenant", "TENANT"),
    Column("row", "ROW"),
    Column("label", "LABEL", wraps=True),
    Column("resource", "RESOURCE"),
    Column("since", "UNCLAIMED SINCE"),
    Column("origin", "ORIGIN"),
)
_SECONDS: Final = 30.0
"""Until a resource must be Ready that has its row already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which rows somebody means."""

    words: tuple[str, ...]
    """None: every unclaimed row of the tenants."""
    scope: Scope

    @classmethod
    def of(cls, words: list[str] | None, tenants: list[str] | None, *, every: bool) -> Self:
        """The options as a value; ends with USAGE when they do not fit together."""
        if every and (words or not tenants):
            terminal.fail("--all goes with --tenant and without rows; name the tenant.", Exit.USAGE)
        if not every and not words:
            hint = "`device-manager unclaimed list` shows them"
            terminal.fail(f"Name the rows, or use --all; {hint}.", Exit.USAGE)
        return cls(words=tuple(words or ()), scope=scope_of(tenants, None))

    def rows(self, opened: registry.Registry) -> list[UnclaimedRow]:
        """The rows as they are now. Raises NotFound, and Refused for an id that several tenants have."""
        rows = opened.overview.unclaimed(self.scope)
        return [find(word, rows) for word in self.words] if self.words else rows


def show(tenants: list[str] | None, namespaces: list[str] | None, output: Output) -> None:
    """List them."""
    with registry.opened() as opened:
        rows = opened.overview.unclaimed(scope_of(tenants, namespaces))
    if rows or output is not Output.TABLE:
        terminal.show([_record(row) for row in rows], COLUMNS, output)
    else:
        terminal.say("No row is unclaimed.")


def adopt(choice: Choice, namespace: str, name: str) -> None:
    """Give the rows a resource; an empty namespace is that of the tenant."""
    with registry.opened() as opened:
        rows = _with_templates(opened, choice.rows(opened))
        cluster.run(_adopt(opened, rows, namespace, name))


def delete(choice: Choice, *, sure: bool) -> None:
    """Delete the rows; asks first unless they were named or `sure` is set."""
    with registry.opened() as opened:
        rows = dependents_first(choice.rows(opened))
        if not choice.words and not sure:
            typer.confirm(f"Delete {len(rows)} rows and send their `remove` events?", abort=True)
        wake = [key for one in rows for key in _delete(opened, one)]
    if wake:
        _tell_waiting(wake)


def _with_templates(opened: registry.Registry, rows: Sequence[UnclaimedRow]) -> list[UnclaimedRow]:
    """The rows and, before them, the unclaimed templates that their devices use."""
    tenants = sorted({row.tenant for row in rows})
    every = {ref_of(one): one for one in opened.overview.unclaimed(scope_of([*tenants], None))}
    with opened.transaction() as transaction:
        used = unclaimed_templates(transaction, [ref_of(row) for row in rows])
    ordered = [*(every[ref] for ref in used if ref in every), *reversed(dependents_first(rows))]
    return list({ref_of(row): row for row in ordered}.values())


# --- acting -----------------------------------------------------------------------------------------


async def _adopt(opened: registry.Registry, rows: Sequence[UnclaimedRow], namespace: str, name: str) -> None:
    if name and len(rows) > 1:
        terminal.fail("--name is for one row; leave it out, or adopt the templates first.", Exit.USAGE)
    async with cluster.connected() as people:
        tenants = await tenants_by_namespace(people)
        adopted = {}
        for row in rows:
            adoption = _prepare(opened, row, namespace_for(row, namespace, tenants), name)
            await declare(people, adoption)
            adopted[adoption.key] = row
        open_ = await settled(people, adopted.keys(), _SECONDS)
    for key, row in adopted.items():
        if key not in open_:
            terminal.say(f"{ref_of(row)} belongs to the {key} now.")
    if open_:
        problems = [f"{key} is not ready: {one.reason}: {one.message}" for key, one in open_.items()]
        terminal.fail("\n".join(problems))


def _prepare(opened: registry.Registry, row: UnclaimedRow, namespace: str, name: str) -> Adoption:
    with opened.transaction() as transaction:
        return prepare(transaction, row, namespace, name)


def _delete(opened: registry.Registry, row: UnclaimedRow) -> list[Key]:
    ref = ref_of(row)
    with opened.transaction() as transaction:
        wake = remove(transaction, ref, datetime.now(UTC))
    terminal.say(f"{ref} of the tenant {row.tenant} is deleted.")
    return wake


def _tell_waiting(keys: Sequence[Key]) -> None:
    """Have resources looked at that wanted one of the ids; without a cluster that can be done later."""
    try:
        cluster.run(_look(keys))
    except (Unavailable, Forbidden) as error:
        listed = ", ".join(map(str, keys))
        terminal.remark(f"{error.message}; annotate dojot.io/reconcile-requested-at to go on with: {listed}")


async def _look(keys: Sequence[Key]) -> None:
    async with cluster.connected() as people:
        with suppress(NotFound):
            await request_look(people, keys)


# --- showing ----------------------------------------------------------------------------------------


def _record(row: UnclaimedRow) -> dict[str, Any]:
    return {
        "tenant": row.tenant,
        "row": str(ref_of(row)),
        "kind": str(row.kind),
        "id": row.id,
        "label": row.label,
        "resource": f"{row.namespace}/{row.name}" if row.name else "",
        "since": row.since.astimezone(UTC).isoformat(timespec="seconds") if row.since else "",
        "origin": "taken over" if row.imported else "left behind",
    }
