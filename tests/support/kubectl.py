"""Talk to a cluster the way people and pipelines do: with kubectl, strictly validated.

The end-to-end tests call this; it knows nothing of devices. Every call runs the real program
against the cluster's kubeconfig, and a refusal is raised with what kubectl printed.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

Manifest: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | Path
"""One object, several, a file or folder of manifests, or a folder with a kustomization."""

DIFFERS = 1
"""Exit code of `kubectl diff` when something would change."""


class Cluster(Protocol):
    """What the fixture `cluster` offers."""

    @property
    def kubeconfig(self) -> Path:
        """Credentials of an administrator."""

    @property
    def kubectl(self) -> Path:
        """The program to run."""


class KubectlError(Exception):
    """kubectl refused or failed; the text is what it wrote to stderr."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl, bound to one cluster.

    Attributes:
        binary: the program.
        kubeconfig: credentials and address of the cluster.
    """

    binary: Path
    kubeconfig: Path

    @classmethod
    def of(cls, cluster: Cluster) -> Kubectl:
        """Bind the cluster's own kubectl to its administrator's credentials."""
        return cls(cluster.kubectl, cluster.kubeconfig)

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run any command and return what it printed; raises KubectlError if it fails."""
        done = self._call(*arguments, stdin=stdin)
        if done.returncode:
            raise KubectlError(done.stderr)
        return done.stdout

    def answers(self, *arguments: str) -> str:
        """What a command prints, without the line's end, also when it fails: for questions."""
        return self._call(*arguments, stdin="").stdout.strip()

    def apply(self, manifest: Manifest, *, manager: str = "git", server_side: bool = True) -> str:
        """Apply under strict validation, as `manager`; client side if not `server_side`."""
        return self._send("apply", manifest, *_mode(manager, server_side=server_side))

    def dry_run(self, manifest: Manifest) -> str:
        """Have the API server validate in full what would be applied; raises KubectlError."""
        return self._send("apply", manifest, "--server-side", "--force-conflicts", "--dry-run=server")

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> str:
        """Create under strict validation; a dry run is validated in full but not stored."""
        return self._send("create", manifest, *(["--dry-run=server"] if dry_run else []))

    def diff(self, manifest: Manifest, *, manager: str = "git", server_side: bool = True) -> str:
        """Return what applying would change, as a unified diff; empty if nothing."""
        source, stdin = _source(manifest)
        mode = _mode(manager, server_side=server_side)
        done = self._call("diff", *source, *mode, stdin=stdin)
        if done.returncode > DIFFERS:
            raise KubectlError(done.stderr)
        return done.stdout

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """Return one object, with its managed fields."""
        found: dict[str, Any] = self._json("get", kind, name, "-n", namespace)
        return found

    def list(self, kind: str, namespace: str, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects of a kind in a namespace, narrowed by selectors in `arguments`."""
        found: list[dict[str, Any]] = self._json("get", kind, "-n", namespace, *arguments)["items"]
        return found

    def patch(self, kind: str, name: str, namespace: str, change: Mapping[str, Any], *arguments: str) -> str:
        """Merge `change` into an object; `--subresource=status` in `arguments` reaches status."""
        body = json.dumps(change)
        return self.run("patch", kind, name, "-n", namespace, "--type=merge", "-p", body, *arguments)

    def delete(self, kind: str, name: str, namespace: str, *, wait: bool = False) -> str:
        """Ask for an object's deletion; finalizers decide when it is gone."""
        return self.run("delete", kind, name, "-n", namespace, f"--wait={str(wait).lower()}")

    def wait(self, kind: str, name: str, condition: str, namespace: str = "", *, timeout: float = 30) -> str:
        """Wait until `--for=condition` holds; raises KubectlError after `timeout` seconds."""
        where = ["-n", namespace] if namespace else []
        return self.run("wait", kind, name, f"--for={condition}", f"--timeout={timeout}s", *where)

    def create_namespace(self, name: str, **annotations: str) -> str:
        """Create a namespace and return its name."""
        meta = {"name": name, "annotations": annotations}
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        return name

    def _send(self, verb: str, manifest: Manifest, *arguments: str) -> str:
        source, stdin = _source(manifest)
        return self.run(verb, *source, "--validate=strict", *arguments, stdin=stdin)

    def _json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "-o", "json", "--show-managed-fields"))

    def _call(self, *arguments: str, stdin: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.binary), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def _source(manifest: Manifest) -> tuple[list[str], str]:
    """Where kubectl finds the manifests: arguments, and what to write to its stdin."""
    if isinstance(manifest, Path):
        kustomized = (manifest / "kustomization.yaml").exists()
        return (["-k" if kustomized else "-f", str(manifest)], "")
    items = [manifest] if isinstance(manifest, Mapping) else list(manifest)
    # A stream and not a List: for a List, kubectl validates by itself instead of asking the server.
    return ["-f", "-"], "\n".join(json.dumps(item) for item in items)


def _mode(manager: str, *, server_side: bool) -> list[str]:
    """Client-side apply has one well-known manager, so a name is given to server-side only."""
    return ["--server-side", f"--field-manager={manager}"] if server_side else []
