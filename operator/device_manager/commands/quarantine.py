"""`device-manager quarantine`: the events that Kafka refused, and what shall become of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from device_manager import terminal
from device_manager.options import OutputOption
from device_manager.terminal import Column, Exit, Output
from device_registry.dispatch import Quarantine, Quarantined
from device_registry.domain.model import Tenant

COLUMNS: Final = (
    Column("id", "ID", numeric=True),
    Column("tenant", "TENANT"),
    Column("subject", "SUBJECT"),
    Column("sequence", "SEQUENCE", numeric=True),
    Column("type", "TYPE"),
    Column("bytes", "BYTES", numeric=True),
    Column("since", "SINCE"),
    Column("state", "STATE"),
    Column("error", "ERROR"),
)

_MOST: Final = 10_000
"""Events in one list: more than anybody decides about one by one."""

app = terminal.group(
    "The events that Kafka can never take as they are (too large), put aside so that later ones flow."
)

IdsArgument = Annotated[
    list[int] | None, typer.Argument(help="Ids from `quarantine list`.", show_default=False)
]
AllOption = Annotated[bool, typer.Option("--all", help="All of them, or all of the tenant.")]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", "-t", help="Only events of this tenant.", show_default=False)
]


@app.command("list")
def list_(tenant: TenantOption = None, output: OutputOption = Output.TABLE) -> None:
    """Show the events in quarantine about which nobody has decided, the oldest first."""
    with _quarantine() as quarantine:
        found = quarantine.quarantined(_MOST, _tenant(tenant))
    if not found and output is Output.TABLE:
        terminal.say("No event is in quarantine.")
        return
    terminal.show([_record(one) for one in found], COLUMNS, output)


@app.command()
def retry(ids: IdsArgument = None, all_: AllOption = False, tenant: TenantOption = None) -> None:
    """Have events sent again, after the broker's limit was raised; the operator does it within seconds.

    An event that a later one of its device has overtaken is left where it is: the later one carries the whole
    device, and the earlier one would bring an old state back. Drop it instead.
    """
    with _quarantine() as quarantine:
        chosen = _chosen(quarantine, ids, tenant, everything=all_)
        done = quarantine.retry([one.recorded.id for one in chosen])
    terminal.say(f"{len(done)} of {len(chosen)} events will be sent again.")
    _account_for([one for one in chosen if one.recorded.id not in done], "was overtaken: drop it")


@app.command()
def drop(
    ids: IdsArgument = None,
    all_: AllOption = False,
    tenant: TenantOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Give events up for good: consumers will see a gap in the sequence of the device."""
    with _quarantine() as quarantine:
        chosen = _chosen(quarantine, ids, tenant, everything=all_)
        if not yes:
            typer.confirm(f"Give up {len(chosen)} events for good?", abort=True)
        done = quarantine.drop([one.recorded.id for one in chosen], datetime.now(UTC))
    terminal.say(f"{len(done)} of {len(chosen)} events are given up.")
    _account_for([one for one in chosen if one.recorded.id not in done], "is not in quarantine any more")


@contextmanager
def _quarantine() -> Iterator[Quarantine]:
    """The quarantine of the registry; its schema must be the one of this version."""
    from device_registry.registry.migrate import check_current
    from device_registry.registry.outbox import PostgresQuarantine
    from device_registry.registry.writer import make_engine

    engine = make_engine(terminal.settings().registry_url)
    try:
        check_current(engine)
        yield PostgresQuarantine(engine)
    finally:
        engine.dispose()


def _chosen(
    quarantine: Quarantine, ids: Sequence[int] | None, tenant: str | None, *, everything: bool
) -> list[Quarantined]:
    """The events that the options name. Ends with what is wrong with them before anything is done."""
    if bool(ids) is everything:
        terminal.fail("Name the ids of events, or say --all.", Exit.USAGE)
    found = quarantine.quarantined(_MOST, _tenant(tenant))
    unknown = sorted(set(ids or ()) - {one.recorded.id for one in found})
    if unknown:
        terminal.fail(f"Not in quarantine: {', '.join(map(str, unknown))}; nothing was done.")
    return [one for one in found if everything or one.recorded.id in (ids or ())]


def _account_for(left: Sequence[Quarantined], why: str) -> None:
    for one in left:
        terminal.remark(f"{one.recorded.id} ({one.recorded.key}, sequence {one.recorded.sequence}) {why}.")
    if left:
        raise typer.Exit(Exit.REMARK)


def _tenant(name: str | None) -> Tenant | None:
    return Tenant(name) if name else None


def _record(one: Quarantined) -> dict[str, Any]:
    event = one.recorded.event
    return {
        "id": one.recorded.id,
        "tenant": event.tenant,
        "subject": event.subject,
        "sequence": one.recorded.sequence,
        "type": str(event.type),
        "bytes": len(event.payload.encode()),
        "since": one.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "state": _state(one),
        "error": one.error,
    }


def _state(one: Quarantined) -> str:
    if one.retrying:
        return "Retrying"
    return "Overtaken" if one.overtaken else "Waiting"
