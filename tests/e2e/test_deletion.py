"""Deletion is a policy: what goes, what stays, what waits, on a real API server."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from device_registry.manifests import FINALIZER
from local.manifests import Kubectl as Installer
from tests.support.facades import a_client, a_facade, answer
from tests.support.kubectl import KubectlError
from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually

FOREIGN = "example.org/inventory"


def a_fleet(road: Road, namespace: str, count: int = 3, **spec: Any) -> list[str]:
    """A template and devices, registered; answers the ids of the devices."""
    names = [f"freezer-{number}" for number in range(count)]
    road.kubectl.apply(fleet_of(namespace, names, **spec))
    for name in names:
        road.ready("device", name, namespace)
    road.ready("template", "thermometer", namespace)
    return [row["id"] for row in rows(road, namespace)]


def fleet_of(namespace: str, names: list[str], **spec: Any) -> list[dict[str, Any]]:
    return [a_template(namespace=namespace, **spec), *(a_device(name, namespace, **spec) for name in names)]


def rows(road: Road, namespace: str) -> list[Any]:
    """The rows of a namespace's devices, claimed or not."""
    return list(road.rows("SELECT * FROM device WHERE claim_namespace = :n ORDER BY id", n=namespace))


def template_rows(road: Road, namespace: str) -> list[Any]:
    return list(road.rows("SELECT * FROM template WHERE claim_namespace = :n", n=namespace))


def told(road: Road, namespace: str, event: str) -> list[str]:
    """Ids of the devices that Kafka has such an event of, as often as it has it."""
    return sorted(one.id for one in road.events(namespace) if one.event == event)


def is_gone(road: Road, kind: str, name: str, namespace: str) -> bool:
    try:
        road.kubectl.get(kind, name, namespace)
    except KubectlError as error:
        return "not found" in str(error)
    return False


@contextmanager
def operator_with(road: Road, **environment: str) -> Iterator[None]:
    """An operator with other settings, and at the end again one without."""
    road.operator.stop()
    road.operator.start(**environment)
    try:
        yield
    finally:
        road.operator.restart()


# --- policies -------------------------------------------------------------------------------------------


def test_resource_namespace_and_setting_say_in_this_order_what_becomes_of_a_row(
    road: Road, namespace: str
) -> None:
    keeping = road.kubectl.create_namespace(f"{namespace}-keeping", **{"dojot.io/deletion-policy": "Retain"})
    with operator_with(road, DELETION_POLICY="Retain"):
        for place in (namespace, keeping):
            road.kubectl.apply([a_template(namespace=place), a_device(namespace=place)])
            road.kubectl.apply(a_device("outspoken", place, deletionPolicy="Delete"))
            for name in ("freezer-7", "outspoken"):
                road.ready("device", name, place)
            road.kubectl.run("delete", "devices,templates", "--all", "-n", place, "--timeout=20s")
    for place in (namespace, keeping):
        (row,) = rows(road, place)
        assert (row["claim_name"], row["unclaimed_since"] is None) == ("freezer-7", False)
        assert len(told(road, place, "remove")) == 1
        assert template_rows(road, place)[0]["unclaimed_since"] is not None


# --- the chart is removed -------------------------------------------------------------------------------


def test_deleting_the_crds_keeps_rows_and_tells_nobody_and_they_are_claimed_back(
    road: Road, namespace: str
) -> None:
    ids = a_fleet(road, namespace)
    definitions = ("devices.dojot.io", "templates.dojot.io")

    road.kubectl.run("delete", "crd", *definitions, "--timeout=20s")

    assert [row["id"] for row in rows(road, namespace)] == ids
    assert all(row["unclaimed_since"] for row in (*rows(road, namespace), *template_rows(road, namespace)))

    Installer(road.kubectl.binary, {"KUBECONFIG": str(road.kubectl.kubeconfig)}).install()
    road.kubectl.apply(fleet_of(namespace, [f"freezer-{number}" for number in range(3)]))
    for number in range(3):
        road.wait_for("device", f"freezer-{number}", namespace, "Ready=True", within=60)
    road.wait_for("template", "thermometer", namespace, "Ready=True")

    assert [row["id"] for row in rows(road, namespace)] == ids
    assert not any(
        row["unclaimed_since"] for row in (*rows(road, namespace), *template_rows(road, namespace))
    )
    assert {one.event for one in road.events(namespace)} == {"create"}
    assert len(told(road, namespace, "create")) == 3


# --- whole namespaces, foreign finalizers, forced removals ----------------------------------------------


@pytest.mark.promise("namespace-deleted")
def test_deleting_a_namespace_removes_and_tells_every_device_once(road: Road, namespace: str) -> None:
    ids = a_fleet(road, namespace)
    road.kubectl.run("delete", "namespace", namespace, "--timeout=40s")
    assert (rows(road, namespace), template_rows(road, namespace)) == ([], [])
    assert told(road, namespace, "remove") == ids


@pytest.mark.promise("foreign-finalizer")
def test_an_object_that_others_hold_stays_for_them_and_its_row_goes_once(road: Road, namespace: str) -> None:
    ids = a_fleet(road, namespace, 1)
    hold = {"metadata": {"finalizers": [FINALIZER, FOREIGN]}}
    road.kubectl.patch("device", "freezer-0", namespace, hold)
    road.kubectl.delete("device", "freezer-0", namespace)

    def finalizers() -> Any:
        return road.kubectl.get("device", "freezer-0", namespace)["metadata"]["finalizers"]

    eventually(lambda: finalizers() == [FOREIGN])
    assert rows(road, namespace) == []
    road.kubectl.patch("device", "freezer-0", namespace, {"metadata": {"labels": {"seen": "twice"}}})
    road.operator.restart()
    assert finalizers() == [FOREIGN]
    assert told(road, namespace, "remove") == ids
    road.kubectl.patch("device", "freezer-0", namespace, {"metadata": {"finalizers": None}})
    eventually(lambda: is_gone(road, "device", "freezer-0", namespace))
    assert told(road, namespace, "remove") == ids


def test_our_finalizer_comes_back_when_somebody_takes_it_off(road: Road, namespace: str) -> None:
    a_fleet(road, namespace, 1)
    for kind, name in (("device", "freezer-0"), ("template", "thermometer")):
        road.kubectl.patch(kind, name, namespace, {"metadata": {"finalizers": None}})
        eventually(
            lambda kind=kind, name=name: (  # type: ignore[misc]  # mypy cannot infer defaults of a lambda
                road.kubectl.get(kind, name, namespace)["metadata"].get("finalizers") == [FINALIZER]
            )
        )


@pytest.mark.parametrize("order", ["templates first", "devices first", "together"])
def test_templates_and_devices_that_are_pruned_together_all_go(
    road: Road, namespace: str, tmp_path: Path, order: str
) -> None:
    ids = a_fleet(road, namespace)
    manifests = fleet_of(namespace, [f"freezer-{number}" for number in range(3)])
    if order == "together":
        road.kubectl.run("delete", "devices,templates", "--all", "-n", namespace, "--timeout=20s")
    else:
        file = tmp_path / "fleet.yaml"
        in_order = manifests if order == "templates first" else [*reversed(manifests)]
        file.write_text(yaml.safe_dump_all(in_order))
        road.kubectl.run("delete", "-f", str(file), "--timeout=20s")
    assert (rows(road, namespace), template_rows(road, namespace)) == ([], [])
    assert told(road, namespace, "remove") == ids


# --- a template that waits ------------------------------------------------------------------------------


def test_a_template_that_waits_for_its_end_serves_its_devices_and_takes_no_new_ones(
    road: Road, namespace: str
) -> None:
    a_fleet(road, namespace, 1)
    road.kubectl.delete("template", "thermometer", namespace)
    road.wait_for("template", "thermometer", namespace, "DeletionBlocked=True:InUse")

    road.kubectl.apply(a_device("newcomer", namespace))
    road.wait_for("device", "newcomer", namespace, "TemplatesResolved=False:TemplateTerminating")
    road.kubectl.apply(a_device("freezer-0", namespace, label="Edited"))
    road.ready("device", "freezer-0", namespace)
    assert road.document(namespace, "freezer-0")["label"] == "Edited"

    road.kubectl.delete("device", "freezer-0", namespace)
    eventually(lambda: is_gone(road, "template", "thermometer", namespace))
    road.wait_for("device", "newcomer", namespace, "TemplatesResolved=False:TemplateNotFound")
    road.kubectl.apply(a_template(namespace=namespace))
    road.ready("device", "newcomer", namespace)


# --- the deletion budget --------------------------------------------------------------------------------


def test_a_mass_deletion_is_held_until_the_namespace_allows_it(road: Road, namespace: str) -> None:
    a_fleet(road, namespace, 7)
    with operator_with(road, DELETION_BUDGET_COUNT="5"):
        road.kubectl.run("delete", "devices", "--all", "-n", namespace, "--wait=false")
        eventually(lambda: len(rows(road, namespace)) == 2 and len(held(road, namespace)) == 2)
        (message, _) = held(road, namespace)
        assert "5 devices of the tenant were deleted within 10 minutes" in message
        assert len(told(road, namespace, "remove")) == 5
        assert road.operator.metrics()["device_manager_deletions_held"] == 2

        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        road.kubectl.run("annotate", "namespace", namespace, f"dojot.io/allow-mass-deletion={until}")
        eventually(lambda: not road.kubectl.list("devices", namespace), within=5)
        assert rows(road, namespace) == []
        assert len(told(road, namespace, "remove")) == 7
        eventually(lambda: road.operator.metrics()["device_manager_deletions_held"] == 0)


def test_who_removes_every_device_over_rest_means_it(road: Road, namespace: str) -> None:
    road.kubectl.run("annotate", "namespace", namespace, f"dojot.io/tenant={namespace}")
    devices = a_fleet(road, namespace, 7)
    budget = {"DELETION_BUDGET_COUNT": "5"}
    with operator_with(road, **budget), a_facade(road, FOREIGN_RESOURCES="overwrite", **budget) as facade:
        with a_client(facade, namespace) as client:
            removed = answer(client.delete("/device"))["removed_devices"]
        assert sorted(one["id"] for one in removed) == devices
        assert rows(road, namespace) == []
        assert told(road, namespace, "remove") == devices


def held(road: Road, namespace: str) -> list[str]:
    """What the held devices say."""
    found = [
        {one["type"]: one for one in device.get("status", {}).get("conditions") or ()}
        for device in road.kubectl.list("devices", namespace)
    ]
    return [one["DeletionHeld"]["message"] for one in found if "DeletionHeld" in one]
