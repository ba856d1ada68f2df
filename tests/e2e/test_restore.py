"""A registry that is restored to yesterday: what the cluster declares wins, and nothing is removed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine

from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually


def copy_database(road: Road, source: str, target: str) -> None:
    """Replace a database by a copy of another; nobody may be connected to either."""
    road.engine.dispose()
    server = create_engine(road.engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {target}")
        connection.exec_driver_sql(f"CREATE DATABASE {target} TEMPLATE {source}")
    server.dispose()


@contextmanager
def operator_stopped(road: Road) -> Iterator[None]:
    assert road.operator.stop() == 0
    yield
    road.operator.start()


def heard(road: Road, namespace: str) -> Counter[tuple[str, str, int]]:
    """How often Kafka holds each event."""
    return Counter((one.event, one.id, one.sequence) for one in road.events(namespace))


@pytest.fixture
def registry(road: Road) -> str:
    return str(road.engine.url.database)


def test_a_registry_of_yesterday_is_brought_up_to_what_is_declared_today(
    road: Road, namespace: str, registry: str
) -> None:
    devices = [a_device("same", namespace), a_device("edited", namespace)]
    # A row without a resource that used the template would keep the template from being deleted.
    devices.append(a_device("deleted", namespace, templates=[], attributes=[]))
    road.kubectl.apply([a_template(namespace=namespace), *devices])
    ids = {
        name: road.ready("device", name, namespace)["status"]["deviceId"]
        for name in ("same", "edited", "deleted")
    }
    road.wait_until_sent()
    with operator_stopped(road):
        copy_database(road, registry, f"{registry}_dump")

    road.kubectl.apply([a_device("edited", namespace, label="Edited"), a_device("new", namespace)])
    ids["new"] = road.ready("device", "new", namespace)["status"]["deviceId"]
    road.ready("device", "edited", namespace)
    road.kubectl.run("delete", "device", "deleted", "-n", namespace)
    road.wait_until_sent()
    before = heard(road, namespace)
    with operator_stopped(road):
        copy_database(road, f"{registry}_dump", registry)

    eventually(lambda: road.row(namespace, "new"), what="the new device")
    eventually(lambda: road.document(namespace, "edited")["label"] == "Edited", what="the edit")
    unclaimed = "SELECT id FROM device WHERE tenant = :n AND unclaimed_since IS NOT NULL"
    eventually(lambda: road.rows(unclaimed, n=namespace), what="the row without a resource")
    assert [one["id"] for one in road.rows(unclaimed, n=namespace)] == [ids["deleted"]]
    assert road.row(namespace, "new")["id"] == ids["new"]  # type: ignore[index]
    assert heard(road, namespace) - before == {("update", ids["edited"], 2): 1, ("create", ids["new"], 1): 1}
