"""Namespaces and tenants: who stands for whom, and what happens when that changes."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.kubectl import Kubectl
from tests.support.manifests import a_device, a_template
from tests.support.road import Road

TENANT = "dojot.io/tenant"


@pytest.fixture
def tenant() -> str:
    """A tenant that is nobody's yet, with a capital and a dot in its name."""
    return f"Cold.{uuid4().hex[:8]}"


def a_namespace(kubectl: Kubectl, **annotations: str) -> str:
    return kubectl.create_namespace(f"test-{uuid4().hex[:12]}", **annotations)


def age_of(road: Road, namespace: str) -> str:
    """When it was created, in whole seconds: of two of one second the name decides."""
    return str(road.kubectl.get("namespace", namespace, "")["metadata"]["creationTimestamp"])


def annotate(road: Road, namespace: str, value: str) -> None:
    road.kubectl.run("annotate", "namespace", namespace, f"{TENANT}{value}", "--overwrite")


def declare(road: Road, namespace: str, name: str = "freezer-7", **spec: object) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device(name, namespace, **spec)])


def refused(road: Road, namespace: str, name: str = "freezer-7") -> str:
    """Wait until a device is stalled by its tenant; answers the message."""
    found = road.wait_for("device", name, namespace, "Stalled=True:TenantConflict", "Ready=False")
    return str(found["Ready"]["message"])


def test_a_bound_namespace_stands_for_its_tenant_and_another_for_that_of_its_name(
    road: Road, namespace: str, tenant: str
) -> None:
    bound = a_namespace(road.kubectl, **{TENANT: tenant})
    for one in (bound, namespace):
        declare(road, one, deviceId="same")
        road.ready("device", "freezer-7", one)
    rows = road.rows("SELECT tenant, claim_namespace FROM device WHERE id = 'same'")
    assert {row["claim_namespace"]: row["tenant"] for row in rows} == {bound: tenant, namespace: namespace}
    assert [record.event for record in road.events_of(tenant, "same")] == ["create"]
    assert [record.event for record in road.events_of(namespace, "same")] == ["create"]


def test_an_annotation_goes_before_a_name_and_the_loser_comes_back_when_it_is_gone(
    road: Road, namespace: str
) -> None:
    declare(road, namespace)
    road.ready("device", "freezer-7", namespace)
    bound = a_namespace(road.kubectl, **{TENANT: namespace})
    declare(road, bound)
    road.ready("device", "freezer-7", bound)
    assert bound in refused(road, namespace)
    assert road.row(namespace, "freezer-7") is not None, "its row stays"

    road.kubectl.run("delete", "namespace", bound, "--wait=false")
    road.ready("device", "freezer-7", namespace)


def test_the_older_namespace_stands_until_its_annotation_goes(road: Road, tenant: str) -> None:
    pair = [a_namespace(road.kubectl, **{TENANT: tenant}) for _ in range(2)]
    older, newer = sorted(pair, key=lambda name: (age_of(road, name), name))
    declare(road, older)
    road.ready("device", "freezer-7", older)
    declare(road, newer)
    assert older in refused(road, newer)

    road.kubectl.run("delete", "devices,templates", "--all", "-n", older)
    annotate(road, older, "-")
    road.ready("device", "freezer-7", newer)


def test_a_namespace_with_rows_does_not_change_its_tenant_and_heals_when_changed_back(
    road: Road, tenant: str
) -> None:
    namespace = a_namespace(road.kubectl, **{TENANT: tenant})
    declare(road, namespace)
    road.ready("device", "freezer-7", namespace)
    before = road.row(namespace, "freezer-7")

    annotate(road, namespace, "=another")
    assert f'"{tenant}"' in refused(road, namespace)
    declare(road, namespace, "new")
    assert "still has rows" in refused(road, namespace, "new")
    assert road.row(namespace, "freezer-7") == before

    annotate(road, namespace, f"={tenant}")
    for name in ("freezer-7", "new"):
        road.ready("device", name, namespace)
    assert road.row(namespace, "freezer-7") == before


def test_a_change_while_no_operator_ran_is_found_at_its_start(road: Road, tenant: str) -> None:
    namespace = a_namespace(road.kubectl, **{TENANT: tenant})
    declare(road, namespace)
    road.ready("device", "freezer-7", namespace)
    road.operator.stop()
    annotate(road, namespace, "=another")
    road.operator.start()
    refused(road, namespace)
    annotate(road, namespace, f"={tenant}")
    road.ready("device", "freezer-7", namespace)


@pytest.mark.parametrize("name", ["a b", "-x", "a/b"])
def test_a_name_that_breaks_the_rule_is_never_used(road: Road, name: str) -> None:
    namespace = a_namespace(road.kubectl, **{TENANT: name})
    declare(road, namespace)
    message = refused(road, namespace)
    assert TENANT in message
    assert name in message
    assert road.rows("SELECT name FROM tenant WHERE name = :name", name=name) == []


@pytest.fixture
def strict(road: Road) -> Iterator[Road]:
    """The operator with REQUIRE_TENANT_BINDING."""
    road.operator.stop()
    road.operator.start(REQUIRE_TENANT_BINDING="true")
    yield road
    road.operator.restart()


def test_where_bindings_are_required_a_namespace_waits_for_its_own(
    strict: Road, namespace: str, tenant: str
) -> None:
    declare(strict, namespace)
    assert TENANT in refused(strict, namespace)
    annotate(strict, namespace, f"={tenant}")
    strict.ready("device", "freezer-7", namespace)
