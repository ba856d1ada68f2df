"""The command as a whole: how it prints, and how it ends."""

import json

import pytest
import typer
import yaml
from typer.testing import CliRunner

from device_manager import terminal
from device_manager.options import OutputOption
from device_manager.terminal import Column, Exit, Output
from device_registry.domain.errors import (
    BrokerUnavailable,
    Forbidden,
    RegistryError,
    RegistryUnavailable,
    SchemaOutdated,
)

COLUMNS = [Column("name", "NAME"), Column("count", "COUNT", numeric=True)]
RECORDS: list[dict[str, object]] = [
    {"name": "freezer", "count": 3, "more": ["a"]},
    {"name": "[red]", "count": None, "more": []},
]


def a_command(error: Exception | None = None) -> typer.Typer:
    """A root with one command, which shows records or fails."""
    app = typer.Typer(cls=terminal.Root, pretty_exceptions_enable=False)

    @app.command()
    def run(output: OutputOption = Output.TABLE) -> None:
        if error:
            raise error
        terminal.show(RECORDS, COLUMNS, output)

    @app.command()
    def other() -> None:
        """With a second command the first one keeps its name."""

    return app


def test_a_table_shows_the_columns_and_takes_no_text_for_markup() -> None:
    shown = CliRunner().invoke(a_command(), ["run"])
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines == [["NAME", "COUNT"], ["freezer", "3"], ["[red]", "?"]]


def test_json_and_yaml_carry_the_whole_records() -> None:
    as_json = CliRunner().invoke(a_command(), ["run", "-o", "json"]).stdout
    as_yaml = CliRunner().invoke(a_command(), ["run", "--output", "yaml"]).stdout
    assert json.loads(as_json) == yaml.safe_load(as_yaml) == RECORDS


def test_a_long_cell_is_not_cut_where_nobody_looks_at_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show([{"name": "x" * 150, "count": 1}], COLUMNS, Output.TABLE)
    assert "x" * 150 in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RegistryUnavailable("Postgres does not answer: refused"), Exit.AWAY),
        (BrokerUnavailable("Kafka does not answer"), Exit.AWAY),
        (SchemaOutdated("the schema is old; run `device-manager migrate`"), Exit.USAGE),
        (Forbidden("devices is forbidden"), Exit.REMARK),
        (RegistryError("something else"), Exit.REMARK),
    ],
)
def test_an_error_of_the_core_is_one_line_and_an_exit_code(error: RegistryError, code: Exit) -> None:
    ended = CliRunner().invoke(a_command(error), ["run"])
    assert (ended.exit_code, ended.stdout, ended.stderr) == (code, "", f"{error.message}\n")


def test_a_defect_keeps_its_traceback() -> None:
    ended = CliRunner().invoke(a_command(ZeroDivisionError()), ["run"])
    assert isinstance(ended.exception, ZeroDivisionError)


def test_an_environment_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from device_manager.cli import app

    monkeypatch.setenv("KAFKA_PORT", "many")
    ended = CliRunner().invoke(app, ["migrate"])
    assert ended.exit_code == Exit.USAGE
    assert "KAFKA_PORT" in ended.stderr
