"""kubectl, bound to the platform's cluster, and the manifests that every cluster of this project needs."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.errors import PlatformError
from local.folder import PROJECT

CRDS = PROJECT / "crds"
FINALIZER_POLICY = PROJECT / "charts" / "device-manager" / "files" / "finalizer-policy.yaml"

EXAMPLE = PROJECT / "examples" / "first-device.yaml"
"""One object of each kind."""

DELAY = "There can be a delay"
"""What the API server says of a kind that it is about to know."""

PATIENCE = 60.0
INTERVAL = 0.2


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the credentials of one cluster.

    Attributes:
        program: path of kubectl.
        environment: with KUBECONFIG.
    """

    program: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """Run a command and return what it prints; raises PlatformError with what it complains about."""
        done = subprocess.run(
            [str(self.program), *arguments],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PlatformError(f"kubectl {' '.join(arguments)} failed:\n{done.stderr.strip()}")
        return done.stdout

    def install(self) -> None:
        """Apply resource definitions and finalizer policy, and wait until resources can be written."""
        apply = ("apply", "--server-side", "--force-conflicts", "--recursive")
        for path in (CRDS, FINALIZER_POLICY):
            self.run(*apply, "--filename", str(path))
        self.run("wait", "--for=condition=Established", "--timeout=60s", "--filename", str(CRDS))
        self._wait_until_writable()

    def _wait_until_writable(self) -> None:
        # An established definition is not enough: admission policies learn of a new kind some seconds later,
        # and the API server refuses its objects until then.
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.run("apply", "--dry-run=server", "--filename", str(EXAMPLE))
            except PlatformError as refused:
                if DELAY not in str(refused) or time.monotonic() > deadline:
                    raise
                time.sleep(INTERVAL)
            else:
                return
