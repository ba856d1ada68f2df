"""Uninstalling takes the programs away and nothing else; installed again, everything is as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from device_registry.manifests import FINALIZER
from tests.e2e.conftest import FLEET
from tests.support.topic import Record, Topic
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chart.conftest import Chart
    from tests.support.installation import Installation
    from tests.support.kubectl import Kubectl
    from tests.support.road import Road

NAMESPACE = "cold-chain"
ROWS = "SELECT id, document, claim_namespace, claim_name, revision FROM device ORDER BY id"


@pytest.fixture(scope="module")
def installed(chart: Chart) -> Iterator[Installation]:
    with chart("uninstalling") as installation:
        installation.install()
        yield installation


@pytest.fixture(scope="module")
def road(installed: Installation) -> Iterator[Road]:
    road = installed.road()
    yield road
    road.engine.dispose()


def test_rows_and_events_do_not_notice_that_the_chart_and_its_crds_were_away(
    installed: Installation, road: Road
) -> None:
    settle(road)
    rows, records = road.rows(ROWS), kept_records(road)
    assert rows

    installed.uninstall()
    assert remaining(installed) == {
        "CustomResourceDefinition devices.dojot.io",
        "CustomResourceDefinition templates.dojot.io",
    }
    assert len(objects(road.kubectl)) > len(rows)
    assert not [one for one in objects(road.kubectl) if FINALIZER in one["metadata"].get("finalizers", [])]

    # Nobody is there who could let an object go: nothing may have to wait for it.
    crds = ("crd", "devices.dojot.io", "templates.dojot.io")
    road.kubectl.run("delete", *crds, "--timeout=60s")
    assert road.rows(ROWS) == rows

    installed.install()
    settle(road)
    assert road.rows(ROWS) == rows
    assert kept_records(road) == records
    assert all(FINALIZER in one["metadata"]["finalizers"] for one in objects(road.kubectl))


def test_a_device_that_is_deleted_while_nothing_is_installed_keeps_its_row_unclaimed(
    installed: Installation, road: Road
) -> None:
    settle(road)
    records = kept_records(road)
    (name, *_) = [one["metadata"]["name"] for one in objects(road.kubectl) if one["kind"] == "Device"]
    installed.uninstall()
    road.kubectl.run("delete", "device", name, "-n", NAMESPACE, "--timeout=30s")
    installed.install()
    unclaimed = "SELECT id FROM device WHERE claim_name IS NULL"
    eventually(lambda: road.rows(unclaimed), within=60, what="an unclaimed row")
    assert kept_records(road) == records


def settle(road: Road) -> None:
    """Apply the example fleet and wait until it is registered and published."""
    road.kubectl.apply(FLEET, server_side=False)
    for condition in ("Ready", "Published"):
        kinds = "devices,templates" if condition == "Ready" else "devices"
        road.kubectl.run(
            "wait", kinds, "--all", "-n", NAMESPACE, f"--for=condition={condition}", "--timeout=120s"
        )
    road.wait_until_sent()


def kept_records(road: Road) -> list[tuple[str, str, int]]:
    """Everything that Kafka holds for the fleet's tenant."""
    return [told(one) for one in Topic(road.platform.kafka_bootstrap, NAMESPACE).records()]


def told(record: Record) -> tuple[str, str, int]:
    return record.event, record.id, record.sequence


def objects(kubectl: Kubectl) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        kubectl.run("get", "devices,templates", "-n", NAMESPACE, "-o", "json")
    )["items"]
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
