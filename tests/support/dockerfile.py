"""Performs the build steps of the Dockerfile without a container engine, for the image's test.

Only the instructions that the file uses are understood; another one is an error, so that the test and the
image cannot drift apart.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
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

    def read(self) -> None:
        """Know what an image says that was built here before, without performing its steps."""
        self._find_library()
        for name, text in _instructions(self._project / "Dockerfile"):
            if name in {"ENV", "USER", "ENTRYPOINT"}:
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
            self._find_library()

    def runs_as(self, user: int) -> int | None:
        """Who a program for that user can be run as here: without root, as nobody but ourselves."""
        return user if os.getuid() == 0 else None

    def _find_library(self) -> None:
        """Here the interpreter's own library does not lie where the system's loader looks for it."""
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


# --- kept between runs ------------------------------------------------------------------------------------

_KEPT_SECONDS = 86_400.0
_SOURCES = ("Dockerfile", "pyproject.toml", "README.md", "requirements", "operator", "api")
"""Everything that the Dockerfile reads."""


def kept_image(project: Path) -> Image:
    """The image of the project as it is, for every user to read and for nobody to write.

    Building takes a minute of pure work, so an image is kept for a day, below the folder for temporary files,
    where other users reach it, and by a name that changes with everything that goes into it.
    """
    images = Path(tempfile.gettempdir()) / f"device-manager-images-{os.getuid()}"
    images.mkdir(mode=0o755, exist_ok=True)
    root = images / _fingerprint(project)
    with (images / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _forget_old(images)
        image = Image(project, root)
        if (root / "complete").exists():
            image.read()
        else:
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir(mode=0o755)
            image.build()
            _make_read_only(image.path("/app"))
        (root / "complete").touch()
    return image


class Checkout(Image):
    """The working tree in the image's place, for quick rounds while something is being changed."""

    def __init__(self, project: Path) -> None:
        super().__init__(project, project)
        self.read()
        self.environment = {}

    def path(self, inside: str) -> Path:
        """The virtual environment stands for /app."""
        return self._project / ".venv" / inside.removeprefix("/app/")

    def runs_as(self, user: int) -> int | None:
        """Another user may not reach the interpreter of a working tree."""
        return None


def _fingerprint(project: Path) -> str:
    found = hashlib.sha256(f"{sys.version} {sys.base_prefix}".encode())
    for source in _SOURCES:
        path = project / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(f"{file.relative_to(project)}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def _forget_old(images: Path) -> None:
    for root in images.iterdir():
        complete = root / "complete"
        if complete.exists() and time.time() - complete.stat().st_mtime > _KEPT_SECONDS:
            _make_writable(root)
            shutil.rmtree(root, ignore_errors=True)


def _make_read_only(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)


def _make_writable(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)
