"""`device-manager` as people run it: a process with an environment, its output and its exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PATIENCE = 120
"""Seconds until a command must have ended, also on two busy cores."""


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table, without its titles; columns are three blanks apart at least."""
        lines = [line for line in self.out.splitlines() if line.strip()]
        return [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in lines[1:]]

    @property
    def data(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The output as JSON, one value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Command:
    """`device-manager` with an environment; called with its arguments."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {"PATH": os.environ["PATH"], **environment}

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Answer:
        """Run it to its end; more variables may be given."""
        done = subprocess.run(
            self.line(*arguments),
            env={**self._environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: str = "") -> Answer:
        """Run it, and see it succeed."""
        answer = self(*arguments, stdin=stdin)
        assert answer.code == 0, answer.err + answer.out
        return answer

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it and let it run; its output can be read."""
        return subprocess.Popen(
            self.line(*arguments), env=self._environment, stdout=subprocess.PIPE, text=True
        )

    @staticmethod
    def line(*arguments: str) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "device_manager", *arguments]
