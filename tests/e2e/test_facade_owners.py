"""What git, kubectl or another tool declares is not changed behind its back; the rest is free for REST."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.facades import a_client, a_facade, answer
from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually

SERIAL = {"label": "serial", "type": "static", "staticValue": "SN-1"}


@pytest.fixture(scope="module")
def reckless(road: Road) -> Iterator[str]:
    """A facade that may overwrite."""
    with a_facade(road, FOREIGN_RESOURCES="overwrite") as url:
        yield url


@pytest.fixture
def tenant(road: Road) -> str:
    name = f"tenant-{uuid4().hex[:8]}"
    return road.kubectl.create_namespace(name, **{"dojot.io/tenant": name})


@pytest.fixture
def rest(facade: str, tenant: str) -> Iterator[httpx.Client]:
    with a_client(facade, tenant) as client:
        yield client


def template_with_serial(namespace: str, **spec: Any) -> dict[str, Any]:
    attributes = [
        {"label": "serial", "type": "static", "valueType": "string", "staticValue": "none"},
        {"label": "color", "type": "static", "valueType": "string", "staticValue": "none"},
    ]
    return a_template(namespace=namespace, attributes=attributes, **spec)


def declared(road: Road, namespace: str, *, server_side: bool = True, **spec: Any) -> str:
    """A template and a device from git; answers the id of the device."""
    manifests = [template_with_serial(namespace), a_device(namespace=namespace, **spec)]
    for one in manifests:
        road.kubectl.apply(one, manager="git", server_side=server_side)
    return str(road.ready("device", "freezer-7", namespace)["status"]["deviceId"])


def body_of(device: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What a client sends back that got the device: the whole of it."""
    attrs = [one for group in device["attrs"].values() for one in group]
    return {**device, "attrs": attrs, **changes}


def force_apply(road: Road, manifest: dict[str, Any]) -> None:
    """As Argo CD and Flux do."""
    mode = ("--server-side", "--force-conflicts", "--field-manager=git")
    road.kubectl.run("apply", *mode, "-f", "-", stdin=json.dumps(manifest))


@pytest.mark.parametrize(("server_side", "manager"), [(True, "git"), (False, "kubectl-client-side-apply")])
@pytest.mark.promise("owned-by-git")
def test_a_field_that_is_declared_elsewhere_is_refused_by_the_name_of_its_manager(
    road: Road, rest: httpx.Client, tenant: str, server_side: bool, manager: str
) -> None:
    device_id = declared(road, tenant, server_side=server_side, label="From git")
    before = road.kubectl.get("device", "freezer-7", tenant)
    device = answer(rest.get(f"/device/{device_id}"))

    refused = answer(rest.put(f"/device/{device_id}", json=body_of(device, label="From REST")), 409)
    assert f".spec.label of Device {tenant}/freezer-7 is declared by {manager}" in refused["message"]
    gone = answer(rest.put(f"/device/{device_id}", json=body_of(device, attrs=[])), 409)
    assert manager in gone["message"]
    for path in (f"/device/{device_id}", f"/template/{device['templates'][0]}", "/device", "/template"):
        kept = rest.delete(path)
        assert kept.status_code in ({400, 409} if "template" in path else {409}), kept.text
    assert road.kubectl.get("device", "freezer-7", tenant) == before
    assert [one.event for one in road.events_of(tenant, device_id)] == ["create"]


@pytest.mark.promise("owned-by-git")
def test_a_label_that_nobody_declares_may_be_edited_and_git_stays_quiet(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    device_id = declared(road, tenant)
    device = answer(rest.get(f"/device/{device_id}"))
    answer(rest.put(f"/device/{device_id}", json=body_of(device, label="Named over REST")))
    assert answer(rest.get(f"/device/{device_id}"))["label"] == "Named over REST"
    manifest = a_device(namespace=tenant)
    assert not road.kubectl.diff(manifest, manager="git")
    road.kubectl.apply(manifest, manager="git")
    assert answer(rest.get(f"/device/{device_id}"))["label"] == "Named over REST"


def test_overrides_of_git_and_of_rest_live_side_by_side(road: Road, rest: httpx.Client, tenant: str) -> None:
    device_id = declared(road, tenant)
    device = answer(rest.get(f"/device/{device_id}"))
    body = body_of(device)
    next(one for one in body["attrs"] if one["label"] == "color")["static_value"] = "white"
    answer(rest.put(f"/device/{device_id}", json=body))

    # Git edits its own override and knows nothing of the other one.
    edited = a_device(namespace=tenant, attributes=[SERIAL | {"staticValue": "SN-2"}])
    road.kubectl.apply(edited, manager="git")
    road.ready("device", "freezer-7", tenant)
    values = {
        one["label"]: one["static_value"]
        for group in answer(rest.get(f"/device/{device_id}"))["attrs"].values()
        for one in group
    }
    assert values == {"serial": "SN-2", "color": "white"}

    # REST edits its own, and takes it away again.
    for value in ("black", "none"):
        body = body_of(answer(rest.get(f"/device/{device_id}")))
        next(one for one in body["attrs"] if one["label"] == "color")["static_value"] = value
        body["attrs"] = [one for one in body["attrs"] if value != "none" or one["label"] != "color"]
        answer(rest.put(f"/device/{device_id}", json=body))
    (override,) = road.kubectl.get("device", "freezer-7", tenant)["spec"]["attributes"]
    assert override == SERIAL | {"staticValue": "SN-2"}
    assert not road.kubectl.diff(edited, manager="git")


def test_git_takes_over_a_field_by_force_and_rest_is_told_from_then_on(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    answer(rest.post("/device", json={"id": "a1", "label": "REST"}))
    manifest = a_device("device-a1", tenant)
    manifest["spec"] = {"label": "Git", "deviceId": "a1"}
    force_apply(road, manifest)
    road.ready("device", "device-a1", tenant)
    body = {"label": "REST again", "templates": [], "attrs": []}
    assert "declared by git" in answer(rest.put("/device/a1", json=body), 409)["message"]
    assert "declared by git" in answer(rest.delete("/device/a1"), 409)["message"]


def test_a_person_who_edits_by_hand_keeps_nobody_out(road: Road, rest: httpx.Client, tenant: str) -> None:
    answer(rest.post("/device", json={"id": "a1", "label": "REST"}))
    road.kubectl.patch("device", "device-a1", tenant, {"spec": {"label": "by hand"}})
    road.ready("device", "device-a1", tenant)
    assert answer(rest.get("/device/a1"))["label"] == "by hand"
    answer(rest.put("/device/a1", json={"label": "REST again", "templates": [], "attrs": []}))
    assert answer(rest.get("/device/a1"))["label"] == "REST again"
    answer(rest.delete("/device/a1"))


def test_an_installation_may_let_rest_overwrite_and_git_wins_it_back(
    road: Road, reckless: str, tenant: str
) -> None:
    device_id = declared(road, tenant, label="From git")
    with a_client(reckless, tenant) as rest:
        device = answer(rest.get(f"/device/{device_id}"))
        answer(rest.put(f"/device/{device_id}", json=body_of(device, label="From REST")))
        assert answer(rest.get(f"/device/{device_id}"))["label"] == "From REST"
        force_apply(road, a_device(namespace=tenant, label="From git"))
        road.ready("device", "freezer-7", tenant)
        assert answer(rest.get(f"/device/{device_id}"))["label"] == "From git"
        answer(rest.delete(f"/device/{device_id}"))
        answer(rest.get(f"/device/{device_id}"), 404)


def test_a_policy_that_git_declares_survives_what_rest_changes(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    device_id = declared(road, tenant, deletionPolicy="Delete")
    device = answer(rest.get(f"/device/{device_id}"))
    answer(rest.put(f"/device/{device_id}", json=body_of(device, label="other")))
    assert road.kubectl.get("device", "freezer-7", tenant)["spec"]["deletionPolicy"] == "Delete"


def test_what_lies_in_a_namespace_that_nobody_has_bound_can_be_read_and_not_changed(
    road: Road, reckless: str
) -> None:
    unbound = road.kubectl.create_namespace(f"unbound-{uuid4().hex[:8]}")
    device_id = declared(road, unbound)
    with a_client(reckless, unbound) as rest:
        device = answer(rest.get(f"/device/{device_id}"))
        (template,) = device["templates"]
        psk = {"label": "key", "type": "static", "value_type": "psk"}
        for refused in (
            rest.put(f"/device/{device_id}", json=body_of(device, label="From REST")),
            rest.delete(f"/device/{device_id}"),
            rest.delete("/device"),
            rest.post(f"/device/gen_psk/{device_id}?key_length=16"),
            rest.post(f"/device/{device_id}/template/{template}"),
            rest.delete(f"/device/{device_id}/template/{template}"),
            rest.put(f"/template/{template}", json={"label": "T", "attrs": [psk]}),
            rest.delete(f"/template/{template}"),
        ):
            assert f"dojot.io/tenant={unbound}" in answer(refused, 403)["message"]
        assert answer(rest.get(f"/device/{device_id}")) == device
        assert road.kubectl.run("get", "secrets", "-n", unbound, "-o", "name") == ""

        road.kubectl.run("annotate", "namespace", unbound, f"dojot.io/tenant={unbound}")
        path = f"/device/{device_id}"
        renamed = body_of(device, label="From REST")
        eventually(lambda: rest.put(path, json=renamed).status_code == 200, what="the binding")


def test_a_template_whose_resource_is_gone_can_be_taken_from_a_device_but_not_given_to_one(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    road.kubectl.apply(template_with_serial(tenant, deletionPolicy="Retain"))
    name = template_with_serial(tenant)["metadata"]["name"]
    template = road.ready("template", name, tenant)["status"]["templateId"]
    for device_id in ("a1", "a2"):
        answer(rest.post("/device", json={"id": device_id, "label": "d", "templates": [template]}))
    answer(rest.delete(f"/device/a2/template/{template}"))
    road.kubectl.delete("template", name, tenant)
    eventually(lambda: road.kubectl.list("templates", tenant) == [], what="the end of the template")

    assert "no resource declares it" in answer(rest.post(f"/device/a2/template/{template}"), 409)["message"]
    assert answer(rest.delete(f"/device/a1/template/{template}"))["device"]["templates"] == []
    assert answer(rest.get("/device/a1"))["templates"] == []
