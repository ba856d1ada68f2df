"""Who leads in the registry: a leader that is frozen or lost is succeeded, whatever it was doing."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import URL

from device_registry import wiring
from device_registry.domain.errors import Fenced, RegistryUnavailable
from device_registry.registry.transaction import PostgresTransaction
from device_registry.registry.writer import PostgresRegistry, make_engine
from device_registry.settings import Settings
from tests.support.postgres import Databases

SILENCE_SECONDS = 1.0


@pytest.fixture
def url(databases: Databases) -> URL:
    return databases.registry()


@contextmanager
def an_operators_registry(url: URL) -> Iterator[PostgresRegistry]:
    registry = PostgresRegistry(make_engine(url, SILENCE_SECONDS))
    try:
        yield registry
    finally:
        registry.close()


def test_a_leader_that_is_frozen_within_a_transaction_is_succeeded_and_writes_nothing_when_it_wakes_up(
    url: URL,
) -> None:
    with an_operators_registry(url) as frozen, an_operators_registry(url) as successor, ExitStack() as asleep:
        frozen.lead("frozen")
        transaction = asleep.enter_context(frozen.transaction())
        began = time.monotonic()

        epoch = successor.lead("successor")

        assert epoch == 2
        assert time.monotonic() - began < SILENCE_SECONDS + 5
        with pytest.raises(RegistryUnavailable):
            _wake_up(asleep, transaction)
        with pytest.raises(Fenced), frozen.transaction():
            pass
        with successor.transaction() as going_on:
            going_on.execute("SELECT 1")


def _wake_up(asleep: ExitStack, transaction: PostgresTransaction) -> None:
    """Go on where the frozen leader was."""
    with asleep.pop_all():
        transaction.execute("SELECT 1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("idle_in_transaction_session_timeout", "10s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "20000"),
    ],
)
def test_the_server_is_told_how_soon_to_notice_that_an_operator_is_lost_by_each_of_its_sessions(
    url: URL, name: str, value: str
) -> None:
    where = {"DBHOST": f"{url.host}:{url.port}", "DBNAME": url.database, "DBUSER": url.username}
    registry = wiring.registry(Settings.model_validate({**where, "DBPASS": url.password or ""}))
    try:
        registry.lead("the test")
        assert registry._read(f"SHOW {name}")[0][name] == value
        on_duty = registry._lead._duty._session
        assert on_duty is not None
        with on_duty.cursor() as cursor:
            cursor.execute(f"SHOW {name}")
            assert cursor.fetchone() == (value,)
    finally:
        registry.close()
