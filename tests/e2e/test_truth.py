"""Nobody is told "done" before the registry shows it: not kstatus, not `kubectl wait`."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.kstatus import verdict
from tests.support.kubectl import KubectlError
from tests.support.manifests import a_device, a_template, changed
from tests.support.road import Road
from tests.support.waiting import eventually
from tests.support.watcher import StatusWatcher


@pytest.fixture
def doubted(road: Road) -> Iterator[StatusWatcher]:
    """A watcher that looks into the registry whenever a status reads as done."""

    def also(obj: Mapping[str, Any]) -> list[str]:
        meta = obj["metadata"]
        done = verdict(obj.get("status") or {}, meta["generation"]) == "Current"
        if not done or "deletionTimestamp" in meta or _shows(road, obj) or _is_leaving(road, obj):
            return []
        return [f"done at generation {meta['generation']}, and the registry does not show it"]

    with StatusWatcher(road.kubectl.kubeconfig, also) as watching:
        yield watching


def _shows(road: Road, obj: Mapping[str, Any]) -> bool:
    """Whether the row is of this generation or a later one, and no device lags behind its template."""
    meta, table = obj["metadata"], obj["kind"].lower()
    place = {"namespace": meta["namespace"], "name": meta["name"], "generation": meta["generation"]}
    row = road.rows(
        f"SELECT tenant, id FROM {table} WHERE claim_namespace = :namespace AND claim_name = :name"
        " AND generation >= :generation AND unclaimed_since IS NULL",
        **place,
    )
    return bool(row)


def _is_leaving(road: Road, obj: Mapping[str, Any]) -> bool:
    """Whether the object has been deleted since."""
    meta = obj["metadata"]
    try:
        now = road.kubectl.get(obj["kind"].lower(), meta["name"], meta["namespace"])
    except KubectlError:
        return True
    return "deletionTimestamp" in now["metadata"] or now["metadata"]["uid"] != meta["uid"]


def test_no_status_reads_as_done_before_the_row_shows_its_generation(
    road: Road, namespace: str, doubted: StatusWatcher
) -> None:
    names = [f"device-{number}" for number in range(5)]

    def apply(**spec: Any) -> None:
        road.kubectl.apply([a_device(name, namespace, **spec) for name in names])

    def pause(*how: str) -> None:
        road.kubectl.run("annotate", "devices", "--all", "-n", namespace, *how, "--overwrite")

    road.kubectl.apply(a_template(namespace=namespace))
    apply()
    for label in ("One", "Two", "Three"):
        apply(label=label)
    road.kubectl.apply(changed(a_template(namespace=namespace), "spec.attributes.0.valueType", "integer"))
    apply(templates=[{"name": "missing"}])
    pause("dojot.io/paused=true")
    apply(label="While paused")
    pause("dojot.io/paused-")
    road.operator.kill()
    apply(label="While away")
    road.operator.start()
    for name in names:
        road.ready("device", name, namespace)
    road.kubectl.run("delete", "devices,templates", "--all", "-n", namespace, "--timeout=30s")

    seen = doubted.statuses
    eventually(lambda: doubted.statuses == seen, what="a watcher without news")
    assert doubted.take() == []
    assert seen > 5 * len(names)


def test_the_document_is_of_the_edit_that_kubectl_wait_has_waited_for(road: Road, namespace: str) -> None:
    road.kubectl.apply(a_template(namespace=namespace))
    for number in range(20):
        label = f"Label {number}"
        road.kubectl.apply(a_device(namespace=namespace, label=label))
        road.kubectl.wait("device", "freezer-7", "condition=Ready", namespace)
        assert road.document(namespace, "freezer-7")["label"] == label


def test_a_template_edit_is_in_every_document_when_kubectl_wait_says_propagated(
    road: Road, namespace: str
) -> None:
    names = [f"device-{number}" for number in range(50)]
    road.kubectl.apply([a_template(namespace=namespace), *(a_device(name, namespace) for name in names)])
    for name in names:
        road.kubectl.wait("device", name, "condition=Ready", namespace)
    for value_type in ("integer", "string", "bool"):
        edited = changed(a_template(namespace=namespace), "spec.attributes.0.valueType", value_type)
        road.kubectl.apply(edited)
        road.kubectl.wait("template", "thermometer", "condition=Propagated", namespace)
        documents = road.rows("SELECT document FROM device WHERE claim_namespace = :n", n=namespace)
        assert [f'"value_type":"{value_type}"' in row["document"] for row in documents] == [True] * 50
