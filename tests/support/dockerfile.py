"""Performs the build steps of the Dockerfile without a container engine, for the image's test.

Only the instructions that the file uses are understood; another one is an error, so that the test and the
image cannot drift apart.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_ROOTS = ("app", "tools", "dist")
"""Folders that the build makes at the root of the image; here they lie below a folder of the test."""


_NOT_THE_LIBRARY = shutil.ignore_patterns("site-packages", "test", "__pycache__", "config-*", "idlelib")


class Image:
    """The image's file system below `root`, as the Dockerfile of `project` makes it."""

    def __init__(self, project: Path, root: Path) -> None:
        self._project = project
        self._root = root
        self.environment: dict[str, str] = {}
        self.entrypoint: list[str] = []
        self.user = 0

    def build(self) -> None:
        """Perform every instruction in order."""
        for name, text in _instructions(self._project / "Dockerfile"):
            getattr(self, f"_{name.lower()}")(text)

    def path(self, inside: str) -> Path:
        """Where a path of the image lies here."""
        return self._root / inside.lstrip("/")

    def _from(self, text: str) -> None:
        """The base image is an interpreter that every user can reach; later stages share its place here."""
        if not self.path("/usr").exists():
            self.path("/usr/local/lib").mkdir(parents=True)
            stdlib = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
            shutil.copytree(stdlib, self.path("/usr/local/lib") / stdlib.name, ignore=_NOT_THE_LIBRARY)
            self.path("/usr/local/bin").mkdir()
            base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
            shutil.copy(base.resolve(), self.path("/usr/local/bin/python"))
            for library in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
                shutil.copy(library, self.path("/usr/local/lib"))
            # Here the interpreter's own library does not lie where the system's loader looks for it.
            self.environment["LD_LIBRARY_PATH"] = str(self.path("/usr/local/lib"))

    def _arg(self, text: str) -> None:
        """What says nothing about the steps."""

    _label = _expose = _cmd = _arg

    def _workdir(self, text: str) -> None:
        self.path(text).mkdir(parents=True)

    def _copy(self, text: str) -> None:
        if text.startswith("--from"):
            return
        *sources, target = text.split()
        for source in sources:
            self._copy_one(self._project / source, self.path("/src") / target)

    def _copy_one(self, source: Path, target: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)

    def _run(self, text: str) -> None:
        subprocess.run(
            ["/bin/sh", "-ec", self._located(text)],
            cwd=self.path("/src"),
            env={
                **os.environ,
                **self.environment,
                "PATH": f"{self.path('/usr/local/bin')}:{os.environ['PATH']}",
            },
            check=True,
        )

    def _env(self, text: str) -> None:
        for assignment in self._located(text).split():
            name, _, value = assignment.partition("=")
            self.environment[name] = value.replace("$PATH", os.defpath)

    def _user(self, text: str) -> None:
        self.user = int(text.partition(":")[0])

    def _entrypoint(self, text: str) -> None:
        self.entrypoint = json.loads(text)

    def _located(self, text: str) -> str:
        """The text with the image's folders replaced by where they lie here."""
        return re.sub(rf"(?<![\w/])/({'|'.join(_ROOTS)})\b", rf"{self._root}/\1", text)


def _instructions(dockerfile: Path) -> Iterator[tuple[str, str]]:
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    for line in filter(None, joined.splitlines()):
        name, _, text = line.partition(" ")
        yield name, text.strip()
