"""Helm, bound to a cluster or to none, as people call it."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local import binaries
from local.progress import Silent

CHART = Path(__file__).parents[2] / "charts" / "device-manager"
MINUTES = "5m"
# Without a cluster Helm takes one for granted that is as old as itself.
_RENDERING = (str(CHART), "--namespace=iot", f"--kube-version={binaries.KUBERNETES}")


class HelmError(Exception):
    """Helm refused or failed; the text is what it wrote."""


@dataclass(frozen=True)
class Helm:
    """One Helm.

    Attributes:
        program: path of Helm.
        home: folder for what it keeps.
        kubeconfig: of the cluster; None for rendering without one.
    """

    program: Path
    home: Path
    kubeconfig: Path | None = None

    @classmethod
    def of(cls, home: Path, kubeconfig: Path | None = None, major: int = 4) -> "Helm":
        """The one that `make test` has fetched."""
        return cls(binaries.helm(Silent(), major), home, kubeconfig)

    def run(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """Run a command, with values if some are given; answers stdout, raises HelmError."""
        given = [] if values is None else ["--values", "-"]
        done = subprocess.run(
            [str(self.program), *arguments, *given],
            input="" if values is None else json.dumps(values),
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise HelmError(f"{done.stdout}\n{done.stderr}")
        return done.stdout

    def template(
        self, values: Mapping[str, Any] | None = None, *arguments: str, release: str = "dm"
    ) -> list[dict[str, Any]]:
        """The objects of a release in the namespace iot, as the chart makes them of the values."""
        text = self.run("template", release, *_RENDERING, *arguments, values=values or {})
        return [one for one in yaml.safe_load_all(text) if one]

    @property
    def _environment(self) -> dict[str, str]:
        config = {} if self.kubeconfig is None else {"KUBECONFIG": str(self.kubeconfig)}
        folders = {f"HELM_{name}_HOME": str(self.home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), **folders, **config}
