"""What events do not tell: rows changed by SQL, resources that vanished, a cluster built anew."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually

SWEEPS = "device_manager_sweep_seconds_count"
OFTEN = "1"
"""Seconds between sweeps, instead of ten minutes."""


@pytest.fixture(scope="module", autouse=True)
def _sweeping_often(road: Road) -> Iterator[None]:
    """The road's operator with many sweeps."""
    road.operator.stop()
    road.operator.start(SWEEP_INTERVAL_SECONDS=OFTEN)
    yield
    if not road.operator.alive:
        road.operator.start(SWEEP_INTERVAL_SECONDS=OFTEN)


def sql(road: Road, *statements: str, **parameters: str) -> None:
    """Change the registry behind the operator's back."""
    with road.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), parameters)


def registered(road: Road, namespace: str, *names: str) -> list[str]:
    """Apply a template and devices; answers their ids, once everything is told."""
    road.kubectl.apply([a_template(namespace=namespace), *(a_device(name, namespace) for name in names)])
    return [road.ready("device", name, namespace)["status"]["deviceId"] for name in names]


def swept(road: Road, times: int = 2) -> None:
    """Wait until sweeps have begun and ended from now on: the second begins after the first has ended."""
    before = road.operator.metrics()[SWEEPS]
    eventually(lambda: road.operator.metrics()[SWEEPS] >= before + times, what="sweeps")


def vanish(road: Road, namespace: str, *things: str) -> None:
    """Remove objects by force while nobody looks: without their finalizers nobody is asked."""
    road.operator.stop()
    release = '{"metadata":{"finalizers":null}}'
    road.kubectl.run("patch", *things, "-n", namespace, "--type=merge", "-p", release)
    road.kubectl.run("delete", *things, "-n", namespace)
    road.operator.start(SWEEP_INTERVAL_SECONDS=OFTEN)


def heard(road: Road, namespace: str) -> list[tuple[str, str, int]]:
    """What Kafka holds for the tenant of a namespace."""
    return [(one.event, one.id, one.sequence) for one in road.events(namespace)]


def unclaimed(road: Road, namespace: str) -> list[str]:
    """Ids of the devices of a tenant that no resource stands behind."""
    rows = "SELECT id FROM device WHERE tenant = :n AND unclaimed_since IS NOT NULL ORDER BY id"
    return [one["id"] for one in road.rows(rows, n=namespace)]


def snapshot(road: Road) -> str:
    """All rows with the transactions that wrote them, and the versions of all objects."""
    tables = ("device", "template", "template_attribute", "device_template", "outcome", "outbox", "tenant")
    rows = [road.rows(f"SELECT xmin::text, * FROM {table} ORDER BY 1, 2, 3") for table in tables]
    versions: Sequence[Any] = road.kubectl.run(
        "get", "devices,templates", "-A", "-o", "jsonpath={.items[*].metadata.resourceVersion}"
    ).split()
    return json.dumps([rows, versions], default=str)


# --- drift ----------------------------------------------------------------------------------------------


def test_a_settled_fleet_is_swept_without_a_write(road: Road, namespace: str) -> None:
    registered(road, namespace, "d1", "d2", "d3")
    swept(road)
    before = snapshot(road)
    swept(road)
    assert snapshot(road) == before


def test_rows_changed_by_sql_are_restored_with_exactly_one_update_each(road: Road, namespace: str) -> None:
    names = ["label", "document", "spec", "odd", "text", "list", "nothing"]
    ids = registered(road, namespace, *names)
    before = [road.document(namespace, name) for name in names]
    where = "WHERE claim_namespace = :n AND claim_name"
    sql(
        road,
        f"UPDATE device SET label = 'forged' {where} = 'label'",
        f"UPDATE device SET document = '{{}}' {where} = 'document'",
        f"UPDATE device SET spec = '{{}}', terms = '{{}}' {where} = 'spec'",
        f"UPDATE device SET spec = '{{\"label\": 7}}' {where} = 'odd'",
        f"UPDATE device SET spec = 'no JSON' {where} = 'text'",
        f"UPDATE device SET spec = '[]' {where} = 'list'",
        f"UPDATE device SET spec = 'null' {where} = 'nothing'",
        n=namespace,
    )
    swept(road, 3)
    after = [road.document(namespace, name) for name in names]
    assert [one | {"updated": None} for one in after] == [one | {"updated": None} for one in before]
    rows = [road.row(namespace, name) for name in names]
    assert [row["label"] for row in rows if row] == names
    for device_id in ids:
        told = [one for one in heard(road, namespace) if one[1] == device_id]
        assert told == [("create", device_id, 1), ("update", device_id, 2)]


def test_a_row_deleted_by_sql_comes_back_under_its_id_with_exactly_one_create(
    road: Road, namespace: str
) -> None:
    (device_id,) = registered(road, namespace, "freezer-7")
    sql(road, "DELETE FROM device WHERE claim_namespace = :n", n=namespace)
    eventually(lambda: road.row(namespace, "freezer-7"), within=5, what="the row")
    swept(road)
    assert heard(road, namespace) == [("create", device_id, 1), ("create", device_id, 2)]
    assert road.operator.metrics()["device_manager_drift_repaired_total"] >= 1


def test_a_template_changed_by_sql_is_restored(road: Road, namespace: str) -> None:
    registered(road, namespace, "freezer-7")
    before = road.document(namespace, "freezer-7")
    sql(
        road,
        "UPDATE template_attribute a SET value_type = 'forged' FROM template t"
        " WHERE t.claim_namespace = :n AND (t.tenant, t.id) = (a.tenant, a.template_id)",
        n=namespace,
    )
    swept(road, 3)
    forged = road.rows(
        "SELECT * FROM template_attribute WHERE tenant = :n AND value_type = 'forged'", n=namespace
    )
    assert forged == []
    after = json.dumps(road.document(namespace, "freezer-7"))
    assert "forged" not in after
    assert before["attrs"].keys() == road.document(namespace, "freezer-7")["attrs"].keys()


def test_templates_and_devices_deleted_by_sql_come_back_under_their_ids(road: Road, namespace: str) -> None:
    (device_id,) = registered(road, namespace, "freezer-7")
    template_id = road.kubectl.get("template", "thermometer", namespace)["status"]["templateId"]
    sql(
        road,
        "DELETE FROM device WHERE claim_namespace = :n",
        "DELETE FROM template WHERE claim_namespace = :n",
        n=namespace,
    )
    eventually(lambda: road.row(namespace, "freezer-7"), what="the row")
    row = road.row(namespace, "freezer-7")
    assert row
    assert row["id"] == device_id
    assert road.document(namespace, "freezer-7")["templates"] == [template_id]


def test_a_paused_device_says_that_it_drifted_and_is_restored_afterwards(road: Road, namespace: str) -> None:
    (device_id,) = registered(road, namespace, "freezer-7")
    road.kubectl.run("annotate", "device/freezer-7", "-n", namespace, "dojot.io/paused=true")
    road.wait_for("device", "freezer-7", namespace, "Paused=True")
    sql(road, "UPDATE device SET label = 'forged' WHERE claim_namespace = :n", n=namespace)
    road.wait_for("device", "freezer-7", namespace, "Drifted=True:Drifted", "Paused=True", "Ready=True")
    assert heard(road, namespace) == [("create", device_id, 1)]

    road.kubectl.run("annotate", "device/freezer-7", "-n", namespace, "dojot.io/paused-")
    eventually(lambda: "Drifted" not in road.conditions("device", "freezer-7", namespace))
    assert heard(road, namespace) == [("create", device_id, 1), ("update", device_id, 2)]


# --- absence --------------------------------------------------------------------------------------------


def test_absence_is_never_deletion_and_the_same_manifests_take_the_rows_back_in_silence(
    road: Road, namespace: str
) -> None:
    ids = registered(road, namespace, "d1", "d2")
    before = heard(road, namespace)
    vanish(road, namespace, "device/d1", "device/d2", "template/thermometer")

    eventually(lambda: unclaimed(road, namespace) == sorted(ids), what="unclaimed rows")
    assert heard(road, namespace) == before
    swept(road)
    assert road.operator.metrics()['device_manager_unclaimed_rows{kind="Device"}'] == len(ids)
    assert road.operator.metrics()['device_manager_unclaimed_rows{kind="Template"}'] == 1

    assert registered(road, namespace, "d1", "d2") == ids
    assert unclaimed(road, namespace) == []
    assert heard(road, namespace) == before


def test_a_cluster_built_anew_gets_the_same_ids_and_nobody_is_told(road: Road, namespace: str) -> None:
    ids = registered(road, namespace, "d1", "d2")
    before = heard(road, namespace)
    template_id = road.kubectl.get("template", "thermometer", namespace)["status"]["templateId"]
    vanish(road, namespace, "device/d1", "device/d2", "template/thermometer")

    assert registered(road, namespace, "d1", "d2") == ids
    assert road.ready("template", "thermometer", namespace)["status"]["templateId"] == template_id
    swept(road)
    assert heard(road, namespace) == before
    assert unclaimed(road, namespace) == []


# --- adoption -------------------------------------------------------------------------------------------


def test_an_unclaimed_row_is_adopted_as_the_policy_says(road: Road, namespace: str) -> None:
    road.kubectl.apply(
        [a_template(namespace=namespace), a_device("first", namespace, deviceId="abc123", label="F")]
    )
    road.ready("device", "first", namespace)
    vanish(road, namespace, "device/first")
    eventually(lambda: unclaimed(road, namespace), what="an unclaimed row")

    def second(policy: str, label: str) -> dict[str, Any]:
        return a_device("second", namespace, deviceId="abc123", label=label, adoptionPolicy=policy)

    road.kubectl.apply(second("Never", "F"))
    refused = road.wait_for("device", "second", namespace, "Ready=False:AlreadyExists", "Stalled=True")
    assert "device-manager unclaimed delete abc123" in refused["Ready"]["message"]
    road.kubectl.apply(second("IfIdentical", "G"))
    road.wait_for("device", "second", namespace, "Ready=False:AlreadyExists")

    road.kubectl.apply(second("IfIdentical", "F"))
    road.wait_for("device", "second", namespace, "Ready=True")
    assert heard(road, namespace) == [("create", "abc123", 1)]

    vanish(road, namespace, "device/second")
    eventually(lambda: unclaimed(road, namespace), what="an unclaimed row")
    road.kubectl.apply(a_device("third", namespace, deviceId="abc123", label="G", adoptionPolicy="Adopt"))
    road.ready("device", "third", namespace)
    assert heard(road, namespace) == [("create", "abc123", 1), ("update", "abc123", 2)]
