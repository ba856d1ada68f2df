"""Reads files of named SQL statements: `-- name: …` begins one, other comment lines explain it."""

import re
from importlib.resources import files
from types import SimpleNamespace

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def load(filename: str) -> SimpleNamespace:
    """The statements of a file beside this module, as attributes by their names."""
    text = files(__package__).joinpath(filename).read_text("utf-8")
    _, *parts = _NAME.split(text)
    return SimpleNamespace(**{name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)})
