"""Where one platform keeps its things: the only place that knows the layout of `.local/`.

Every other module of this package is given a `Folder` and asks it for paths.
"""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The root of the project's source tree."""


def cache_folder() -> Path:
    """Return the user's cache folder of this project, where built programs stay between clones.

    Source: XDG Base Directory Specification, `$XDG_CACHE_HOME`, default `~/.cache`.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "device-manager"


@dataclass(frozen=True)
class Folder:
    """The folder of one platform.

    Attributes:
        root: absolute path, `.local` for `make up`.
    """

    root: Path

    @property
    def env(self) -> Path:
        """Shell file that people source to talk to the platform."""
        return self.root / "env"

    @property
    def ports(self) -> Path:
        """The addresses, kept so that a restart does not move anything."""
        return self.root / "ports.json"

    @property
    def kubeconfig(self) -> Path:
        """Credentials of the cluster's administrator."""
        return self.root / "kubeconfig"

    @property
    def kubectl(self) -> Path:
        """A link to the kubectl in use, for people who put `.local/bin` on their PATH."""
        return self.root / "bin" / "kubectl"

    def log(self, part: str) -> Path:
        """Return the file that a part's output goes to."""
        return self.root / "log" / f"{part}.log"

    def record(self, part: str) -> Path:
        """Return the file that says which process a part is."""
        return self.root / "run" / f"{part}.json"

    def data(self, part: str) -> Path:
        """Return the folder of a part's own data, which it makes when it needs it."""
        return self.root / "data" / part

    def make(self) -> None:
        """Make the folders that every part relies on."""
        for name in ("bin", "log", "run", "data"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
