"""`device-manager quarantine` on a real registry: list, retry, drop, and what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import URL
from typer.testing import CliRunner

from device_manager.cli import app
from device_registry.domain.model import Tenant
from device_registry.registry.writer import PostgresRegistry
from tests.contract.test_outbox import an_event, append
from tests.support.builders import NOON

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(url: URL, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a sub-command; answers exit code and output."""
    monkeypatch.setenv("DBHOST", f"{url.host}:{url.port}")
    monkeypatch.setenv("DBNAME", str(url.database))
    monkeypatch.setenv("DBUSER", str(url.username))
    monkeypatch.setenv("DBPASS", str(url.password))

    def run(*arguments: str, answer: str = "") -> tuple[int, str]:
        done = CliRunner().invoke(app, ["quarantine", *arguments], input=answer)
        return done.exit_code, done.output

    return run


def aside(registry: PostgresRegistry, tenant: str = "acme") -> int:
    (written,) = append(registry, [an_event(tenant=Tenant(tenant), payload='{"x":1}')])
    registry.outbox.quarantine(written.id, "MessageSizeTooLargeError: too large", NOON)
    return written.id


def listed(command: Command, *arguments: str) -> list[dict[str, Any]]:
    _, output = command("list", "--output", "json", *arguments)
    found: list[dict[str, Any]] = json.loads(output)
    return found


def test_an_empty_quarantine_is_told_in_words_to_people_and_as_a_list_to_programs(
    registry: PostgresRegistry, command: Command
) -> None:
    assert command("list") == (0, "No event is in quarantine.\n")
    assert listed(command) == []


def test_the_list_tells_everything_that_a_decision_needs(
    registry: PostgresRegistry, command: Command
) -> None:
    event_id = aside(registry)
    aside(registry, "other")
    assert listed(command, "--tenant", "acme") == [
        {
            "id": event_id,
            "tenant": "acme",
            "subject": "a1",
            "sequence": 1,
            "type": "update",
            "bytes": 7,
            "since": "2026-01-01T12:00:00Z",
            "state": "Waiting",
            "error": "MessageSizeTooLargeError: too large",
        }
    ]
    code, table = command("list")
    assert code == 0
    assert next(line.split()[:3] for line in table.splitlines()) == ["ID", "TENANT", "SUBJECT"]


def test_what_is_retried_is_sent_again_by_the_relay(registry: PostgresRegistry, command: Command) -> None:
    event_id = aside(registry)
    assert command("retry", str(event_id)) == (0, "1 of 1 events will be sent again.\n")
    assert [one["state"] for one in listed(command)] == ["Retrying"]
    assert registry.outbox.readmit() == 1
    assert [one.id for one in registry.outbox.unsent(10)] == [event_id]


def test_an_overtaken_event_is_left_alone_and_said_so(registry: PostgresRegistry, command: Command) -> None:
    event_id = aside(registry)
    (later,) = append(registry, [an_event()])
    registry.outbox.mark_sent([later.id], NOON)
    code, output = command("retry", "--all")
    assert code == 1
    assert "0 of 1 events will be sent again." in output
    assert f"{event_id} (acme:a1, sequence 1) was overtaken: drop it." in output
    assert [one["state"] for one in listed(command)] == ["Overtaken"]


def test_dropping_asks_first(registry: PostgresRegistry, command: Command) -> None:
    event_id = aside(registry)
    code, _ = command("drop", str(event_id), answer="n\n")
    assert code == 1
    assert len(listed(command)) == 1
    code, output = command("drop", str(event_id), answer="y\n")
    assert code == 0
    assert "1 of 1 events are given up." in output
    assert listed(command) == []


def test_all_of_a_tenant_can_be_dropped_without_a_question(
    registry: PostgresRegistry, command: Command
) -> None:
    aside(registry)
    aside(registry, "other")
    assert command("drop", "--all", "--tenant", "acme", "--yes") == (0, "1 of 1 events are given up.\n")
    assert [one["tenant"] for one in listed(command)] == ["other"]


@pytest.mark.parametrize("arguments", [[], ["7", "--all"]])
def test_what_is_meant_must_be_clear(
    registry: PostgresRegistry, command: Command, arguments: list[str]
) -> None:
    code, output = command("drop", "--yes", *arguments)
    assert code == 2
    assert "Name the ids of events, or say --all." in output


def test_an_unknown_id_is_named_and_nothing_is_done(registry: PostgresRegistry, command: Command) -> None:
    event_id = aside(registry)
    code, output = command("retry", str(event_id), "999")
    assert (code, output) == (1, "Not in quarantine: 999; nothing was done.\n")
    assert [one["state"] for one in listed(command)] == ["Waiting"]
