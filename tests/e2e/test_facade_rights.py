"""The facade works with the rights that docs/security.md lists, and could do nothing else with them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from tests.support.facades import a_client, a_facade, answer
from tests.support.kubectl import KubectlError
from tests.support.road import Road

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
HOME = f"device-manager-{uuid4().hex[:6]}"
"""Where the facade lives."""
USER = f"system:serviceaccount:{HOME}:device-manager-api"


def documented(kind: str, namespace: str) -> list[dict[str, Any]]:
    """The manifests of that kind on the page, for this test's namespaces."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    text = "\n---\n".join(blocks).replace("namespace: device-manager}", f"namespace: {HOME}}}")
    text = text.replace("namespace: acme", f"namespace: {namespace}")
    return [one for one in yaml.safe_load_all(text) if one["kind"] == kind]


@pytest.fixture(scope="module")
def account(road: Road) -> str:
    """The kubeconfig of a service account with the documented rights for the whole cluster."""
    road.kubectl.create_namespace(HOME)
    road.kubectl.run("create", "serviceaccount", "device-manager-api", "-n", HOME)
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        road.kubectl.apply(documented(kind, ""))
    token = road.kubectl.run("create", "token", "device-manager-api", "-n", HOME, "--duration=1h").strip()
    config = json.loads(road.platform.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    file = road.platform.kubeconfig.with_name("kubeconfig-api")
    file.write_text(json.dumps(config))
    return str(file)


@pytest.fixture(scope="module")
def facade(road: Road, account: str) -> Iterator[str]:
    with a_facade(road, KUBECONFIG=account, TENANT_NAMESPACES="existing") as url:
        yield url


def a_tenant(road: Road, *, bound: bool = True) -> str:
    """A namespace that is bound to a tenant; and the facade to it, if so wanted."""
    name = f"tenant-{uuid4().hex[:8]}"
    road.kubectl.create_namespace(name, **{"dojot.io/tenant": name})
    if bound:
        road.kubectl.apply(documented("RoleBinding", name))
    return name


def may(road: Road, verb: str, what: str, *where: str) -> bool:
    resource, _, part = what.partition("/")
    arguments = ("auth", "can-i", verb, resource, f"--subresource={part}", f"--as={USER}", *where)
    try:
        return road.kubectl.run(*arguments).strip() == "yes"
    except KubectlError:
        # kubectl answers "no" with exit code 1; a question that it cannot ask would be no answer to `get`.
        return False


def test_everything_that_rest_offers_works_with_these_rights(road: Road, facade: str, account: str) -> None:
    with a_client(facade, a_tenant(road)) as rest:
        attrs = [
            {"label": "temperature", "type": "dynamic", "value_type": "float"},
            {"label": "valve", "type": "actuator", "value_type": "string"},
            {"label": "key", "type": "static", "value_type": "psk"},
        ]
        body = {"label": "t", "attrs": attrs}
        template = answer(rest.post("/template", json=body))["template"]["id"]
        answer(rest.put(f"/template/{template}", json={**body, "label": "t2"}))
        answer(rest.post("/device?count=3", json={"label": "d", "templates": [template]}))
        answer(rest.post("/device", json={"id": "a1", "label": "d"}))
        answer(rest.post(f"/device/a1/template/{template}"))
        answer(rest.put("/device/a1", json={"label": "e", "templates": [template]}))
        answer(rest.post("/device/gen_psk/a1?key_length=16"))
        answer(rest.post("/device/gen_psk/a1?key_length=16"))
        answer(rest.put("/device/a1/actuate", json={"attrs": {"valve": "open"}}))
        answer(rest.delete(f"/device/a1/template/{template}"))
        answer(rest.delete("/device/a1"))
        imported = {"templates": [{"id": 7, "label": "t", "attrs": []}], "devices": []}
        answer(rest.post("/import", json=imported), 201)
        answer(rest.delete("/device"))
        answer(rest.delete("/template/7"))


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("list", "devices.dojot.io"),
        ("watch", "devices.dojot.io"),
        ("deletecollection", "devices.dojot.io"),
        ("patch", "devices.dojot.io/status"),
        ("list", "secrets"),
        ("delete", "secrets"),
        ("get", "configmaps"),
        ("create", "pods"),
        ("create", "rolebindings.rbac.authorization.k8s.io"),
        ("create", "namespaces"),
        ("patch", "namespaces"),
        ("delete", "namespaces"),
        ("get", "customresourcedefinitions.apiextensions.k8s.io"),
    ],
)
def test_nothing_else_is_allowed(road: Road, account: str, verb: str, what: str) -> None:
    namespace = a_tenant(road)
    assert may(road, "get", "devices.dojot.io", "-n", namespace)
    assert not may(road, verb, what, "-n", namespace)


def test_where_it_is_not_bound_it_touches_nothing_and_says_why(road: Road, facade: str, account: str) -> None:
    tenant = a_tenant(road, bound=False)
    with a_client(facade, tenant) as rest:
        refused = answer(rest.post("/device", json={"label": "d"}), 403)
        assert f'cannot create resource "devices" in API group "dojot.io" in the namespace "{tenant}"' in str(
            refused
        )
        assert road.kubectl.list("devices", tenant) == []
    for what in ("devices.dojot.io", "secrets"):
        assert not may(road, "get", what, "-n", "kube-system")


def test_a_tenant_without_a_namespace_is_told_how_to_get_one(road: Road, facade: str) -> None:
    name = f"stranger-{uuid4().hex[:8]}"
    road.kubectl.create_namespace(name)
    with a_client(facade, name) as rest:
        refused = answer(rest.post("/device", json={"label": "d"}), 403)
        assert f"kubectl annotate namespace <name> dojot.io/tenant={name}" in refused["message"]
