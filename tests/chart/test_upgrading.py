"""From the former version to this one and back, with devices in place: nothing changes but the programs.

There is no published version before this one. What makes up a former one is made here: a chart with another
version and image, CRDs that lack a field, and, on the way back, a schema that is newer than the programs.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart.test_uninstalling import NAMESPACE, ROWS, kept_records, objects, settle
from tests.support.helm import CHART
from tests.support.manifests import a_device
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chart.conftest import Chart
    from tests.support.installation import Installation
    from tests.support.road import Road

NEW_FIELD = "adoptionPolicy"
LATER = (
    "ALTER TABLE device ADD COLUMN later text",
    "UPDATE alembic_version SET version_num = '9999'",
)


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart of the version before."""
    chart = tmp_path_factory.mktemp("former") / "device-manager"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about | {"version": "0.0.9", "appVersion": "0.0.9"}))
    crd = chart / "files" / "crds" / "devices.yaml"
    definition = yaml.safe_load(crd.read_text())
    del fields(definition)[NEW_FIELD]
    crd.write_text(yaml.safe_dump(definition))
    return chart


@pytest.fixture
def installed(chart: Chart) -> Iterator[Installation]:
    with chart("upgrading") as installation:
        yield installation


@pytest.fixture
def road(installed: Installation) -> Iterator[Road]:
    road = installed.road()
    yield road
    road.engine.dispose()


def test_upgrade_and_rollback_leave_rows_resources_and_events_as_they_are(
    installed: Installation, road: Road, former: Path
) -> None:
    installed.install(str(former))
    settle(road)
    before = state(road)

    installed.install()
    eventually(lambda: images(installed) == {"device-manager:0.1.0"}, within=60)
    assert NEW_FIELD in fields(crd_of(road))
    assert road.operator.metrics()["device_manager_crd_fields_missing"] == 0
    assert state(road) == before

    with road.engine.begin() as connection:
        for statement in LATER:  # what a version after this one may have done
            connection.exec_driver_sql(statement)
    installed.helm.run("rollback", "dm", f"--namespace={installed.namespace}", "--wait", "--timeout=120s")
    eventually(lambda: images(installed) == {"device-manager:0.0.9"}, within=60)
    eventually(lambda: road.operator.metrics()["device_manager_crd_fields_missing"] == 1, within=60)
    assert state(road) == before

    road.kubectl.apply(a_device("newcomer", NAMESPACE) | {"spec": {"label": "Newcomer"}})
    road.ready("device", "newcomer", NAMESPACE, within=60)


def state(road: Road) -> tuple[Any, Any, Any]:
    """Rows, records, and the resources with their versions."""
    versions = {
        f"{one['kind']} {one['metadata']['name']}": one["metadata"]["resourceVersion"]
        for one in objects(road.kubectl)
    }
    return road.rows(ROWS), kept_records(road), versions


def images(installed: Installation) -> set[str]:
    """What the programs run from."""
    return {
        pod.spec["spec"]["containers"][0]["image"]
        for program in ("operator", "facade")
        for pod in installed.kubelet.of(program)
        if pod.ready
    }


def crd_of(road: Road) -> dict[str, Any]:
    return road.kubectl.get("customresourcedefinition", "devices.dojot.io", "default")


def fields(definition: dict[str, Any]) -> dict[str, Any]:
    (version,) = definition["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return found
