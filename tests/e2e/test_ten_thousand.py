"""A fleet beyond what a list holds in one page, and beyond what rivals could register."""

from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from device_registry.domain.model import Kind
from tests.support.crowd import Crowd, reasons
from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually

COUNT = 10_001
MALFORMED = "device-05000"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def namespace(road: Road) -> str:
    """A namespace with a fleet that was applied and has settled."""
    name = road.kubectl.create_namespace(f"test-{uuid4().hex[:12]}")
    twin = a_template("twin", name)
    road.kubectl.apply([a_template(namespace=name), twin])
    road.ready("template", "thermometer", name)
    road.ready("template", "twin", name)
    Crowd(road.kubectl.kubeconfig).apply(manifests(name))
    eventually(lambda: rows(road, name) == COUNT - 1, within=300, what="rows of all devices")
    road.wait_until_sent(within=120)
    eventually(lambda: settled(road), within=120, what="an operator without work")
    return name


def manifests(namespace: str) -> list[dict[str, Any]]:
    """The fleet; one device names two templates that declare the same attribute."""
    both = [{"name": "thermometer"}, {"name": "twin"}]
    names = [f"device-{number:05}" for number in range(COUNT)]
    return [a_device(name, namespace, **({"templates": both} if name == MALFORMED else {})) for name in names]


def rows(road: Road, namespace: str) -> int:
    found = road.rows("SELECT count(*) AS n FROM device WHERE claim_namespace = :n", n=namespace)
    return int(found[0]["n"])


def settled(road: Road) -> bool:
    metrics = road.operator.metrics()
    return not metrics["device_manager_queue_depth"] and not metrics["device_manager_in_hand"]


def written(road: Road) -> Counter[str]:
    """Rows that any transaction has written to any table of the registry, by table."""
    tables = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del AS n FROM pg_stat_user_tables"
    road.rows("SELECT pg_stat_force_next_flush()")
    return Counter({row["relname"]: row["n"] for row in road.rows(tables)})


@pytest.mark.promise("many-devices")
def test_ten_thousand_and_one_devices_are_registered_and_told_once(road: Road, namespace: str) -> None:
    told = Counter(record.event for record in road.events(namespace))
    assert told == {"create": COUNT - 1}


@pytest.mark.promise("one-malformed")
def test_one_device_that_cannot_be_registered_holds_up_none_of_the_others(road: Road, namespace: str) -> None:
    found = reasons(road.kubectl.run("get", "devices", "-n", namespace, "-o", "json"))
    assert found.pop(MALFORMED) == "AttributeConflict"
    assert Counter(found.values()) == {"Registered": COUNT - 1}


@pytest.mark.promise("apply-again")
def test_applying_ten_thousand_unchanged_manifests_again_writes_nothing(road: Road, namespace: str) -> None:
    crowd = Crowd(road.kubectl.kubeconfig)
    versions, before = crowd.versions(Kind.DEVICE, namespace), written(road)
    crowd.apply(manifests(namespace))
    eventually(lambda: settled(road), within=60)
    assert crowd.versions(Kind.DEVICE, namespace) == versions
    assert written(road) == before
    assert len(road.events(namespace)) == COUNT - 1
