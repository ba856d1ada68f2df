"""How every command reads the environment, prints, and ends: the same formats and exit codes everywhere."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from device_registry.domain.errors import RegistryError, SchemaOutdated, Unavailable

if TYPE_CHECKING:
    from device_registry.settings import Settings

_WIDE: Final = 10_000
"""Characters in a line that goes to a file or a pipe: nothing is cut off there for want of width."""


class Exit(IntEnum):
    """What a script can tell from the exit code."""

    DONE = 0
    """Done, and nothing to remark."""
    REMARK = 1
    """Something differs, was refused or was left out; the output says what."""
    USAGE = 2
    """The options or the environment are not usable."""
    AWAY = 3
    """Postgres, Kafka or the API server does not answer; nothing was done, or it is safe to try again."""


EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 something differs, was refused or was left out; 2 options or environment are not"
    " usable; 3 Postgres, Kafka or the Kubernetes API server does not answer."
)


class Output(StrEnum):
    """The formats of `--output`."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the key of the records and the title above it."""

    key: str
    title: str
    numeric: bool = False
    wraps: bool = False
    """Whether it gives way when a terminal is narrow; the others keep their width."""


# --- printing ---------------------------------------------------------------------------------------


def console(*, stderr: bool = False) -> Console:
    """A console on the stream as it is now; without a terminal it is wide enough for every table."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, soft_wrap=True, width=_WIDE)


def say(sentence: str) -> None:
    """A sentence about what was done, on stdout."""
    console().print(sentence, markup=False)


def remark(sentence: str) -> None:
    """A sentence beside the output, on stderr: pipes do not see it."""
    console(stderr=True).print(sentence, markup=False, style="yellow")


def show(records: Sequence[Mapping[str, Any]], columns: Sequence[Column], output: Output) -> None:
    """Records as a table of these columns, or whole as JSON or YAML."""
    if output is Output.TABLE:
        console().print(table(records, columns))
    else:
        show_data([dict(record) for record in records], output)


def show_data(data: Any, output: Output) -> None:
    """Anything made of lists, mappings and texts as JSON or YAML."""
    from . import yamls  # noqa: PLC0415

    sys.stdout.write(yamls.dump(data) if output is Output.YAML else json.dumps(data, indent=2) + "\n")


def table(records: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> Table:
    """A table in the manner of kubectl: titles in capitals, no lines, numbers to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.numeric else "left"
        made.add_column(column.title, justify=justify, no_wrap=not column.wraps, overflow="fold")
    for record in records:
        made.add_row(*(_cell(record.get(column.key, "")) for column in columns))
    return made


def plain_lines(records: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[str]:
    """The table as lines without colours, for who wants to put something between them."""
    wide = Console(width=_WIDE, color_system=None, highlight=False)
    with wide.capture() as captured:
        wide.print(table(records, columns))
    return [line.rstrip() for line in captured.get().splitlines()]


def _cell(value: Any) -> Text:
    """None stands for what is not known."""
    if value is None:
        return Text("?", style="yellow")
    return Text(str(value))


# --- ending -----------------------------------------------------------------------------------------


def fail(message: str, code: Exit = Exit.REMARK) -> NoReturn:
    """Tell what went wrong and what to do next, and end."""
    console(stderr=True).print(message, markup=False, style="red")
    raise typer.Exit(code)


def settings() -> "Settings":
    """The environment, typed; ends with the names of the variables that cannot be read."""
    from pydantic import ValidationError  # noqa: PLC0415

    from device_registry.settings import Settings  # noqa: PLC0415

    try:
        return Settings()
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors()]
        fail("The environment is not usable:\n  " + "\n  ".join(problems), Exit.USAGE)


class Root(typer.core.TyperGroup):
    """Where errors of the core end as one line: no command shows a traceback for what can be foreseen."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Errors that are not ours pass: they are defects, and need their traceback."""
        try:
            return super().invoke(ctx)
        except RegistryError as error:
            fail(error.message, _code(error))
        except BrokenPipeError:
            # The reader of the pipe has seen enough (`| head`); Python would complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Exit.DONE) from None


def group(help_: str) -> typer.Typer:
    """A command with sub-commands."""
    return typer.Typer(help=help_, no_args_is_help=True, pretty_exceptions_enable=False)


def _code(error: RegistryError) -> Exit:
    if isinstance(error, Unavailable):
        return Exit.AWAY
    return Exit.USAGE if isinstance(error, SchemaOutdated) else Exit.REMARK
