"""`device-manager rotate-key`: encrypts the stored keys anew after the password was changed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from device_manager import progress, terminal
from device_manager.options import OutputOption
from device_manager.terminal import Column, Exit, Output

if TYPE_CHECKING:
    from device_registry.registry.rekeying import PostgresStoredKeys
    from device_registry.rekeying import Rekeyed

COLUMNS: Final = (
    Column("keyId", "KEY ID"),
    Column("keys", "KEYS", numeric=True),
    Column("password", "PASSWORD"),
)

_NAMED: Final = 10
"""Keys that nothing opens and that are named; the rest is counted."""

CheckOption = Annotated[
    bool, typer.Option("--check", help="Only show by which passwords keys are encrypted.")
]


def run(check: CheckOption = False, output: OutputOption = Output.TABLE) -> None:
    """Encrypt the keys of all devices by DEV_MNGR_CRYPTO_PASS; those of DEV_MNGR_CRYPTO_FORMER can be read.

    Operator and facade need both variables while this goes on. It may be stopped and begun again at any time.
    """
    from device_registry import wiring
    from device_registry.rekeying import rekey

    vault = wiring.vault(terminal.settings())
    if vault is None:
        terminal.fail(
            "Set DEV_MNGR_CRYPTO_PASS, the password that keys are to be encrypted with.", Exit.USAGE
        )
    with _stored_keys() as keys:
        if not check:
            left = sum(count for key_id, count in keys.counts().items() if key_id != vault.key_id)
            with progress.bar("keys", left) as advance:
                done = rekey(keys, vault, vault.key_id, advance)
            terminal.remark(f"Keys encrypted anew: {done.done}.")
            _tell_unreadable(done)
        counts = keys.counts()
    _show(counts, vault.key_id, output)
    if counts.keys() - {vault.key_id}:
        raise typer.Exit(Exit.REMARK)


@contextmanager
def _stored_keys() -> "Iterator[PostgresStoredKeys]":
    from device_registry.registry.migrate import check_current
    from device_registry.registry.rekeying import PostgresStoredKeys
    from device_registry.registry.writer import make_engine

    engine = make_engine(terminal.settings().registry_url)
    try:
        check_current(engine)
        yield PostgresStoredKeys(engine)
    finally:
        engine.dispose()


def _tell_unreadable(done: "Rekeyed") -> None:
    for place, key_id in done.unreadable[:_NAMED]:
        terminal.remark(f"The key of {'/'.join(place)} cannot be opened (key id {key_id}).")
    if done.unreadable:
        terminal.remark(
            f"{len(done.unreadable)} keys were left as they are: give their password in"
            " DEV_MNGR_CRYPTO_FORMER and start again, or generate them anew."
        )


def _show(counts: Mapping[str, int], current: str, output: Output) -> None:
    records = [
        {"keyId": key_id, "keys": count, "password": "current" if key_id == current else "another"}
        for key_id, count in sorted(counts.items())
    ]
    if not records and output is Output.TABLE:
        terminal.say("No key is stored.")
        return
    terminal.show(records, COLUMNS, output)
