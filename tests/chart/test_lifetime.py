"""The life of an installation with devices in place: upgraded, taken back, uninstalled, installed again.

There is no published version before this one. What makes up a former one is made here: a chart with another
version and image, CRDs that lack a field, and, on the way back, a schema that is newer than the programs.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from device_registry.manifests import FINALIZER
from tests.e2e.conftest import FLEET
from tests.support.helm import CHART
from tests.support.manifests import a_device
from tests.support.topic import Record, Topic
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.installation import Installation
    from tests.support.road import Road

pytestmark = pytest.mark.usefixtures("evidence")

NAMESPACE, TENANT = "cold-chain", "coldchain"
ROWS = """SELECT id, document, claim_namespace, claim_name, revision FROM device
WHERE tenant = 'coldchain' ORDER BY id"""
NEW_FIELD = "adoptionPolicy"
LATER = (
    "ALTER TABLE device ADD COLUMN later text",
    "UPDATE alembic_version SET version_num = '9999'",
)
"""What a version after this one may have done to the schema."""


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
def later_schema(road: Road) -> Iterator[None]:
    """Leaves the schema of a later version to the test, and that of this one behind it."""
    (known,) = road.rows("SELECT version_num FROM alembic_version")
    with road.engine.begin() as connection:
        for statement in LATER:
            connection.exec_driver_sql(statement)
    yield
    with road.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE device DROP COLUMN later")
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{known['version_num']}'")


def test_the_upgrade_from_the_former_version_changes_nothing_but_the_programs(
    installed: Installation, road: Road, former: Path
) -> None:
    installed.install(str(former))
    eventually(lambda: images(installed) == {"device-manager:0.0.9"}, within=60)
    settle(road)
    before = state(road)
    assert all(before)
    assert missing_fields(road) == 1

    installed.install()
    eventually(lambda: images(installed) == {"device-manager:0.1.0"}, within=60)
    assert NEW_FIELD in fields(crd_of(road))
    assert missing_fields(road) == 0
    assert state(road) == before


@pytest.mark.usefixtures("later_schema")
def test_the_way_back_changes_nothing_and_the_former_programs_work_on_the_later_schema(
    installed: Installation, road: Road
) -> None:
    before = state(road)
    installed.helm.run("rollback", "dm", f"--namespace={installed.namespace}", "--wait", "--timeout=120s")
    eventually(lambda: images(installed) == {"device-manager:0.0.9"}, within=60)
    eventually(lambda: missing_fields(road) == 1, within=60)
    assert state(road) == before

    road.kubectl.apply(a_device("newcomer", NAMESPACE) | {"spec": {"label": "Newcomer"}})
    road.ready("device", "newcomer", NAMESPACE, within=60)
    road.kubectl.run("delete", "device", "newcomer", "-n", NAMESPACE, "--timeout=60s")


def test_rows_and_events_do_not_notice_that_the_chart_and_its_crds_were_away(
    installed: Installation, road: Road
) -> None:
    installed.install()
    road.kubectl.apply(FLEET, server_side=False)
    road.kubectl.apply(a_device("spare", NAMESPACE) | {"spec": {"label": "Spare"}})
    road.settled(NAMESPACE)
    rows, records = road.rows(ROWS), kept_records(road)
    assert len(rows) > 1
    assert len(records) >= len(rows)

    installed.uninstall()
    assert remaining(installed) == {
        "CustomResourceDefinition devices.dojot.io",
        "CustomResourceDefinition templates.dojot.io",
    }
    assert len(objects(road)) > len(rows)
    assert not [one for one in objects(road) if FINALIZER in one["metadata"].get("finalizers", [])]

    # Nobody is there who could let an object go: nothing may have to wait for it.
    road.kubectl.run("delete", "device", "spare", "-n", NAMESPACE, "--timeout=30s")
    road.kubectl.run("delete", "crd", "devices.dojot.io", "templates.dojot.io", "--timeout=60s")
    assert road.rows(ROWS) == rows

    installed.install()
    settle(road)
    assert road.rows(ROWS) == rows
    assert kept_records(road) == records
    assert all(FINALIZER in one["metadata"]["finalizers"] for one in objects(road))
    unclaimed = "SELECT claim_name FROM device WHERE tenant = 'coldchain' AND unclaimed_since IS NOT NULL"
    eventually(lambda: road.rows(unclaimed) == [{"claim_name": "spare"}], within=60, what="an unclaimed row")


# --- looking ----------------------------------------------------------------------------------------------


def settle(road: Road) -> None:
    """Apply the example fleet and wait until it is registered and published."""
    road.kubectl.apply(FLEET, server_side=False)
    road.settled(NAMESPACE)


def state(road: Road) -> tuple[Any, Any, Any]:
    """Rows, records, and the resources with their versions."""
    versions = {
        f"{one['kind']} {one['metadata']['name']}": one["metadata"]["resourceVersion"]
        for one in objects(road)
    }
    return road.rows(ROWS), kept_records(road), versions


def kept_records(road: Road) -> list[tuple[str, str, int]]:
    """Everything that Kafka holds for the fleet's tenant."""
    return [told(one) for one in Topic(road.platform.kafka_bootstrap, TENANT).records()]


def told(record: Record) -> tuple[str, str, int]:
    return record.event, record.id, record.sequence


def objects(road: Road) -> list[dict[str, Any]]:
    text = road.kubectl.run("get", "devices,templates", "-n", NAMESPACE, "-o", "json")
    found: list[dict[str, Any]] = json.loads(text)["items"]
    return found


def images(installed: Installation) -> set[str]:
    """What the programs run from."""
    return {
        pod.spec["spec"]["containers"][0]["image"]
        for program in ("operator", "facade", "monitor")
        for pod in installed.kubelet.of(program)
        if pod.ready
    }


def missing_fields(road: Road) -> float:
    return road.operator.metrics()["device_manager_crd_fields_missing"]


def crd_of(road: Road) -> dict[str, Any]:
    return road.kubectl.get("customresourcedefinition", "devices.dojot.io", "default")


def fields(definition: dict[str, Any]) -> dict[str, Any]:
    (version,) = definition["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return found


def remaining(installed: Installation) -> set[str]:
    """What is left of the release, without what its controllers are about to remove."""
    kinds = (
        "deployments,jobs,services,configmaps,secrets,serviceaccounts,roles,rolebindings,clusterroles,"
        "clusterrolebindings,customresourcedefinitions,mutatingadmissionpolicies,poddisruptionbudgets"
    )
    label = f"app.kubernetes.io/instance={installed.release}"
    text = installed.kubectl.run("get", kinds, "--all-namespaces", "-l", label, "-o", "json")
    found = json.loads(text)["items"]
    return {f"{one['kind']} {one['metadata']['name']}" for one in found}
