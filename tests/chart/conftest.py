"""What the chart's tests start from: a platform of their own, because they install and remove CRDs."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.platform import Platform
from tests.conftest import PROJECT
from tests.support import chartcases
from tests.support.dockerfile import Image
from tests.support.helm import Helm
from tests.support.installation import Installation
from tests.support.kubectl import Kubectl
from tests.support.kubelet import Kubelet
from tests.support.road import Road

Chart = Callable[[str], Installation]

PATIENCE = 900
"""Seconds for a test with its fixtures: the first one may have to build the image."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the chart's tests more time than others."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Everything that the chart does not bring along."""
    with Platform(PROJECT / ".local" / "chart") as running:
        yield running


@pytest.fixture(scope="session")
def kubectl(platform: Platform) -> Kubectl:
    """Return kubectl on a cluster that knows nothing of Device and Template."""
    return Kubectl.of(platform)


@pytest.fixture(scope="session")
def helm(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Return Helm on the cluster."""
    return Helm.of(tmp_path_factory.mktemp("helm"), platform.kubeconfig)


@pytest.fixture(scope="session")
def kubelet(platform: Platform, image: Image) -> Iterator[Kubelet]:
    """What runs the pods; their folder can be reached by the pods' user, which pytest's own cannot."""
    with tempfile.TemporaryDirectory(prefix="device-manager-pods-") as folder:
        Path(folder).chmod(0o755)
        with Kubelet(platform.kubeconfig, image, Path(folder)) as running:
            yield running


@pytest.fixture(scope="session")
def chart(platform: Platform, helm: Helm, kubectl: Kubectl, kubelet: Kubelet) -> Chart:
    """Makes an installation, to be entered: a namespace and a database of its own, nothing installed yet."""

    def made(name: str) -> Installation:
        database = f"{name}_{uuid4().hex[:6]}"
        return Installation(platform, helm, kubectl, kubelet, database.replace("_", "-"), database)

    return made


@pytest.fixture(scope="session")
def lasting(chart: Chart) -> Iterator[Installation]:
    """What several modules share; each begins with an upgrade, which does nothing if nothing is missing."""
    with chart("installed") as installation:
        installation.values = {"monitor": {"enabled": True}, "facade": {"replicas": 1}}
        yield installation


@pytest.fixture(scope="module")
def installed(lasting: Installation) -> Installation:
    """Everything that the chart can install, watching all namespaces."""
    lasting.install()
    return lasting


@pytest.fixture(scope="module")
def road(installed: Installation) -> Iterator[Road]:
    """The road with the installed operator."""
    road = installed.road()
    yield road
    road.engine.dispose()


@pytest.fixture
def evidence(installed: Installation, request: pytest.FixtureRequest) -> Iterator[None]:
    """Show what the programs said when a test fails."""
    yield
    for pod in installed.kubelet.of("operator"):
        request.node.add_report_section("call", pod.name, pod.log.read_text()[-4_000:])


@pytest.fixture(scope="session")
def helm4(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Return Helm 4 without a cluster."""
    return Helm.of(tmp_path_factory.mktemp("helm4"))


@pytest.fixture(scope="session")
def helm3(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Return Helm 3 without a cluster."""
    return Helm.of(tmp_path_factory.mktemp("helm3"), major=3)


@pytest.fixture(scope="session")
def everything(helm4: Helm) -> list[dict[str, Any]]:
    """Return what the chart makes when all of it is asked for."""
    return chartcases.rendered(helm4, "everything")
