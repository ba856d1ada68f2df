"""What end-to-end tests start from: kubectl on a cluster with our resources, and an operator at work."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from local.manifests import Kubectl as Installer
from local.platform import Platform
from tests.support.facades import a_facade, a_judged_client
from tests.support.kubectl import Kubectl
from tests.support.road import Road, a_road
from tests.support.watcher import StatusWatcher

ROOT = Path(__file__).parents[2]
FLEET = ROOT / "examples" / "cold-chain"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what needs an operator first: the other tests leave objects behind that nobody would clear away."""
    items.sort(key=lambda item: "e2e" in item.path.parts and "road" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def kubectl(cluster: Platform) -> Kubectl:
    """Return kubectl on a cluster that serves Device and Template."""
    bound = Kubectl.of(cluster)
    Installer(cluster.kubectl, {"KUBECONFIG": str(cluster.kubeconfig)}).install()
    return bound


@pytest.fixture
def namespace(kubectl: Kubectl) -> str:
    """Return a namespace of the test's own."""
    return kubectl.create_namespace(f"test-{uuid4().hex[:12]}")


@pytest.fixture(scope="module")
def shared_namespace(kubectl: Kubectl) -> str:
    """Return a namespace for tests of one module that do not mind each other's objects."""
    return kubectl.create_namespace(f"test-{uuid4().hex[:12]}")


@pytest.fixture(scope="session")
def watcher(kubectl: Kubectl) -> Iterator[StatusWatcher]:
    """Looks at every status that any operator of the tests writes."""
    with StatusWatcher(kubectl.kubeconfig) as watching:
        yield watching


@pytest.fixture(autouse=True)
def every_status_tells_the_truth(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test during which an operator wrote a status that breaks a rule of kstatus."""
    if "road" not in request.fixturenames:
        yield
        return
    watching: StatusWatcher = request.getfixturevalue("watcher")
    yield
    assert watching.take() == []


@pytest.fixture(scope="module")
def road(platform: Platform, kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[Road]:
    """An operator with an empty registry of its own; it leaves a cluster without devices and templates."""
    name = request.module.__name__.rpartition(".")[2]
    watching: StatusWatcher = request.getfixturevalue("watcher")
    road = a_road(platform, kubectl, f"{name}_{uuid4().hex[:6]}", name)
    road.migrate()
    road.operator.start()
    try:
        yield road
        _leave_nothing(road)
        assert watching.take() == []
    finally:
        road.operator.stop()
        road.engine.dispose()


@pytest.fixture(scope="module")
def facade(road: Road) -> Iterator[str]:
    """A facade beside the operator, on its registry; answers the base URL."""
    with a_facade(road) as url:
        yield url


@pytest.fixture
def tenant() -> str:
    """A tenant that nobody has spoken for yet."""
    return f"t{uuid4().hex[:8]}"


@pytest.fixture
def rest(facade: str, tenant: str) -> Iterator[httpx.Client]:
    """A client of the tenant whose answers must be as /openapi.json says."""
    with a_judged_client(facade, tenant) as client:
        yield client


def _leave_nothing(road: Road) -> None:
    """Have the operator let everything go, whatever the last test has done to it."""
    if not road.operator.alive:
        road.operator.start()
    road.leave_nothing(within=300)


@pytest.fixture
def fleet(road: Road) -> str:
    """The example fleet, settled; answers its namespace."""
    road.kubectl.apply(FLEET, server_side=False)
    road.settled("cold-chain")
    return "cold-chain"
