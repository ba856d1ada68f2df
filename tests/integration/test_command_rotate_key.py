"""`device-manager rotate-key` on a real registry: keys change their password, and nothing else changes."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text
from typer.testing import CliRunner

from device_manager.cli import app
from device_registry import rekeying
from device_registry.crypto import KeyRing, PasswordVault
from device_registry.domain.model import DeviceId, Tenant
from device_registry.domain.psk import Psk, Sealed
from device_registry.registry.rekeying import PostgresStoredKeys
from device_registry.registry.writer import PostgresRegistry
from tests.support.builders import NOON, a_device, a_template
from tests.support.clock import Clock
from tests.support.postgres import Databases, registry_on
from tests.support.story import Story

ACME = Tenant("acme")
OLD, NEW = PasswordVault("old", "salt"), PasswordVault("new", "salt")
DEVICES = [DeviceId(f"d{number}") for number in range(5)]
FORMER = json.dumps([{"pass": "old"}])

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def url(databases: Databases) -> URL:
    return databases.registry()


@pytest.fixture
def registry(url: URL) -> Iterator[PostgresRegistry]:
    """Five devices, each with two keys that the old password has sealed."""
    with registry_on(url) as registry:
        registry.lead("test")
        story = Story(registry, registry.outbox, Clock())
        story.apply(a_template("t"))
        for device in DEVICES:
            story.apply(a_device(device, id=device, templates=["t"]))
        with registry.transaction() as transaction:
            for device in DEVICES:
                sealed = {label: OLD.seal(key_of(device), (ACME, device, label)) for label in ("one", "two")}
                transaction.save_keys((ACME, device), sealed, NOON)
        yield registry


@pytest.fixture
def command(url: URL, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run it with variables; answers exit code and output."""
    monkeypatch.setenv("DBHOST", f"{url.host}:{url.port}")
    monkeypatch.setenv("DBNAME", str(url.database))
    monkeypatch.setenv("DBUSER", str(url.username))
    monkeypatch.setenv("DBPASS", str(url.password))
    monkeypatch.setenv("DEV_MNGR_CRYPTO_SALT", "salt")

    def run(*arguments: str, **variables: str) -> tuple[int, str]:
        for name in ("DEV_MNGR_CRYPTO_PASS", "DEV_MNGR_CRYPTO_FORMER"):
            monkeypatch.setenv(name, variables.get(name, ""))
        done = CliRunner().invoke(app, ["rotate-key", *arguments])
        return done.exit_code, done.output

    return run


def key_of(device: DeviceId) -> Psk:
    return Psk(device.encode().hex())


def stored(registry: PostgresRegistry) -> dict[tuple[DeviceId, str], Sealed]:
    with registry.transaction() as transaction:
        found = transaction.keys([(ACME, device) for device in DEVICES])
    return {(device, label): one for (_, device), keys in found.items() for label, one in keys.items()}


def everything_else(url: URL) -> list[Any]:
    """What must not change: rows, events, and when keys were stored."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = ("device", "template", "outbox", "outcome", "event_stream")
        found = [connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables]
        found.append(connection.execute(text("SELECT device_id, attribute, stored FROM credential")).all())
    engine.dispose()
    return [sorted(map(str, rows)) for rows in found]


def test_every_key_is_sealed_anew_and_opens_as_before(
    registry: PostgresRegistry, url: URL, command: Command
) -> None:
    before = everything_else(url)
    code, output = command(DEV_MNGR_CRYPTO_PASS="new", DEV_MNGR_CRYPTO_FORMER=FORMER)
    assert code == 0, output
    assert "Keys encrypted anew: 10." in output
    for (device, label), sealed in stored(registry).items():
        assert NEW.open(sealed, (ACME, device, label)) == key_of(device)
        assert key_of(device).digits not in output
    assert everything_else(url) == before
    assert command("--check", DEV_MNGR_CRYPTO_PASS="new")[0] == 0


def test_what_is_encrypted_by_which_password_can_be_seen_first(
    registry: PostgresRegistry, command: Command
) -> None:
    before = stored(registry)
    code, output = command("--check", "--output", "json", DEV_MNGR_CRYPTO_PASS="new")
    assert code == 1
    assert json.loads(output) == [{"keyId": OLD.key_id, "keys": 10, "password": "another"}]
    assert stored(registry) == before


def test_keys_that_no_password_opens_are_named_and_left(registry: PostgresRegistry, command: Command) -> None:
    before = stored(registry)
    code, output = command(DEV_MNGR_CRYPTO_PASS="new")
    assert code == 1
    assert "acme/d0/one cannot be opened" in output
    assert "10 keys were left as they are" in output
    assert stored(registry) == before


def test_without_a_password_nothing_is_done(registry: PostgresRegistry, command: Command) -> None:
    code, output = command(DEV_MNGR_CRYPTO_FORMER=FORMER)
    assert (code, "DEV_MNGR_CRYPTO_PASS" in output) == (2, True)


def test_what_was_stopped_goes_on_where_it_was(
    registry: PostgresRegistry, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rekeying, "PORTION", 3)
    engine = create_engine(url)
    keys, ring = PostgresStoredKeys(engine), KeyRing(NEW, [OLD])

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rekeying.rekey(keys, ring, NEW.key_id, stop)
    assert keys.counts() == {OLD.key_id: 7, NEW.key_id: 3}
    assert rekeying.rekey(keys, ring, NEW.key_id, lambda _: None).done == 7
    engine.dispose()


def test_a_key_that_was_stored_meanwhile_is_not_overwritten(registry: PostgresRegistry, url: URL) -> None:
    engine = create_engine(url)
    keys = PostgresStoredKeys(engine)
    (place, sealed), *_ = keys.others(NEW.key_id, ("", "", ""), 1)
    newer = OLD.seal(Psk("ff"), place)
    with registry.transaction() as transaction:
        transaction.save_keys((ACME, DeviceId(place[1])), {place[2]: newer}, NOON)
    assert keys.replace([(place, sealed, NEW.seal(Psk("00"), place))]) == 0
    assert stored(registry)[DeviceId(place[1]), place[2]] == newer
    engine.dispose()
