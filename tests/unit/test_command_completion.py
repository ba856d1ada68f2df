"""What the shell is offered."""

import pytest
from typer.testing import CliRunner

from device_manager import completing
from device_manager.cli import app


def offered(words: str) -> list[str]:
    """What bash gets for a line that is typed as far as this."""
    asked = {"_DEVICE_MANAGER_COMPLETE": "complete_bash", "COMP_WORDS": words}
    asked["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    shown = CliRunner().invoke(app, [], prog_name="device-manager", env=asked)
    return shown.stdout.split()


def test_commands_and_their_options_are_offered() -> None:
    assert offered("device-manager un") == ["unclaimed"]
    assert offered("device-manager unclaimed d") == ["delete"]
    assert "--from-beginning" in offered("device-manager events --f")
    assert offered("device-manager drift -o y") == ["yaml"]


def test_without_a_registry_no_tenant_is_offered_and_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBHOST", "127.0.0.1:1")
    assert offered("device-manager status --tenant ") == completing.tenants("") == []
