"""Keys over REST on the whole road: who gets them, what keeps them, and that nobody else sees them."""

import base64
from typing import Any, NamedTuple

import httpx
import pytest

from tests.support.facades import a_client, a_facade, answer
from tests.support.kubectl import KubectlError
from tests.support.road import Road
from tests.support.waiting import eventually

PSK = {"label": "key", "type": "static", "value_type": "psk"}
OTHER = {"label": "other", "type": "static", "value_type": "psk"}
TEMP = {"label": "temp", "type": "dynamic", "value_type": "float"}


@pytest.fixture
def template(rest: httpx.Client) -> Any:
    """A template with two attributes that take keys."""
    return answer(rest.post("/template", json={"label": "T", "attrs": [PSK, OTHER, TEMP]}))["template"]


def a_device(rest: httpx.Client, device_id: str, template: Any) -> None:
    answer(rest.post("/device", json={"id": device_id, "label": "d", "templates": [template["id"]]}))


def generated(
    rest: httpx.Client, device_id: str, attrs: str | None = None, length: int = 16
) -> dict[str, str]:
    query = {"key_length": length} | ({"attrs": attrs} if attrs is not None else {})
    made = answer(rest.post(f"/device/gen_psk/{device_id}", params=query))
    return {one["attribute"]: one["psk"] for one in made}


def shown(rest: httpx.Client, device_id: str) -> dict[str, str]:
    """The keys that agents see."""
    device = answer(rest.get(f"/internal/device/{device_id}"))
    (listed,) = [one for one in answer(rest.get("/internal/device"))["devices"] if one["id"] == device_id]
    assert listed == device
    every = [one for group in device["attrs"].values() for one in group]
    return {one["label"]: one["static_value"] for one in every if "static_value" in one}


def secret(road: Road, tenant: str, device_id: str) -> dict[str, str]:
    found = road.kubectl.get("secret", f"device-{device_id}-psk", tenant)
    return {label: base64.b64decode(text).decode() for label, text in (found.get("data") or {}).items()}


def test_a_key_is_answered_once_kept_in_a_secret_and_shown_to_agents(
    road: Road, rest: httpx.Client, tenant: str, template: Any
) -> None:
    a_device(rest, "a1", template)
    keys = generated(rest, "a1")
    assert set(keys) == {"key", "other"}
    assert all(len(one) == 32 for one in keys.values())
    assert shown(rest, "a1") == keys
    assert secret(road, tenant, "a1") == keys
    conditions = road.wait_for("device", "device-a1", tenant, "Ready=True", "CredentialsReady=True:Stored")
    assert conditions["CredentialsReady"]["message"] == "2 keys stored"
    new = generated(rest, "a1", "key", 1024)
    assert shown(rest, "a1") == keys | new


@pytest.mark.promise("keys-kept")
def test_nobody_else_sees_a_key(
    road: Road, rest: httpx.Client, facade: str, tenant: str, template: Any
) -> None:
    a_device(rest, "a1", template)
    keys = generated(rest, "a1")
    answer(rest.put("/device/a1", json={"label": "new", "templates": [template["id"]]}))
    answer(rest.put(f"/template/{template['id']}", json={"label": "T", "attrs": [PSK, OTHER]}))
    road.ready("device", "device-a1", tenant)
    seen = [
        rest.get("/device").text,
        rest.get("/device/a1").text,
        rest.get(f"/device/template/{template['id']}").text,
        rest.get("/template").text,
        str([one.value for one in road.events(tenant)]),
        road.kubectl.run(
            "get", "devices,templates,events", "-n", tenant, "-o", "yaml", "--show-managed-fields"
        ),
        road.operator.log.read_text(),
        *(log.read_text() for log in road.operator.log.parent.glob("facade-*.log")),
        str(road.rows("SELECT * FROM device")) + str(road.rows("SELECT * FROM outbox")),
        str([bytes(row["sealed"]) for row in road.rows("SELECT sealed FROM credential")]),
    ]
    for key in keys.values():
        assert not [text for text in seen if key in text]


@pytest.mark.promise("keys-kept")
def test_keys_outlive_changes_of_their_device_and_template(rest: httpx.Client, template: Any) -> None:
    a_device(rest, "a1", template)
    keys = generated(rest, "a1")
    answer(rest.put("/device/a1", json={"label": "renamed", "templates": [template["id"]]}))
    assert shown(rest, "a1") == keys
    answer(rest.put(f"/template/{template['id']}", json={"label": "T2", "attrs": [PSK, OTHER, TEMP]}))
    assert shown(rest, "a1") == keys


def test_a_key_goes_with_its_attribute_and_does_not_come_back_with_one_of_that_name(
    road: Road, rest: httpx.Client, tenant: str, template: Any
) -> None:
    a_device(rest, "a1", template)
    keys = generated(rest, "a1")
    path = f"/template/{template['id']}"
    answer(rest.put(path, json={"label": "T", "attrs": [PSK, OTHER | {"value_type": "string"}]}))
    assert shown(rest, "a1") == {"key": keys["key"]}
    answer(rest.put(path, json={"label": "T", "attrs": [PSK, OTHER]}))
    assert shown(rest, "a1") == {"key": keys["key"]}
    assert secret(road, tenant, "a1") == {"key": keys["key"]}
    (device,) = road.kubectl.list("devices", tenant)
    assert [one["attribute"] for one in device["spec"]["credentials"]] == ["key"]


def test_keys_go_with_the_template_that_is_taken_from_a_device(
    road: Road, rest: httpx.Client, tenant: str, template: Any
) -> None:
    a_device(rest, "a1", template)
    generated(rest, "a1")
    path = f"/device/a1/template/{template['id']}"
    answer(rest.delete(path))
    answer(rest.post(path))
    assert shown(rest, "a1") == {}
    assert secret(road, tenant, "a1") == {}


def test_a_device_that_comes_again_under_the_same_id_has_new_keys_that_stay(
    road: Road, rest: httpx.Client, tenant: str, template: Any
) -> None:
    a_device(rest, "a1", template)
    generated(rest, "a1")
    answer(rest.delete("/device/a1"))
    a_device(rest, "a1", template)
    assert shown(rest, "a1") == {}
    keys = generated(rest, "a1", "key")
    uid = road.kubectl.get("device", "device-a1", tenant)["metadata"]["uid"]
    owner = road.kubectl.get("secret", "device-a1-psk", tenant)["metadata"]["ownerReferences"][0]
    assert owner["uid"] == uid
    assert (secret(road, tenant, "a1"), shown(rest, "a1")) == (keys, keys)


def test_the_secret_goes_with_its_device(road: Road, rest: httpx.Client, tenant: str, template: Any) -> None:
    a_device(rest, "a1", template)
    generated(rest, "a1")
    answer(rest.delete("/device/a1"))

    def is_gone() -> bool:
        try:
            road.kubectl.get("secret", "device-a1-psk", tenant)
        except KubectlError:
            return True
        return False

    eventually(is_gone, within=60, what="the garbage collector")
    assert road.rows("SELECT * FROM credential WHERE tenant = :tenant", tenant=tenant) == []


def test_a_copy_does_not_follow_its_source(
    road: Road, rest: httpx.Client, tenant: str, template: Any
) -> None:
    a_device(rest, "a1", template)
    a_device(rest, "b2", template)
    key = generated(rest, "a1", "key")["key"]
    copied = rest.put("/device/b2/attrs/other/psk", params={"from_dev_id": "a1", "from_attr_label": "key"})
    assert (copied.status_code, copied.content) == (204, b"")
    assert shown(rest, "b2") == {"other": key}
    generated(rest, "a1", "key")
    assert shown(rest, "b2") == {"other": key}
    assert [one.event for one in road.events_of(tenant, "b2")] == ["create", "update"]


class Refusal(NamedTuple):
    """A copy that cannot be made: to, from, and the answer."""

    target: str
    source: tuple[str, str]
    status: int
    message: str


_MISSING = "Missing mandatory parameter: from_dev_id or/and from_attr_label"
_NO_KEY = "Attribute temp is not a 'psk' type_value"
REFUSALS = [
    Refusal("b2/attrs/key", ("", ""), 400, _MISSING),
    Refusal("b2/attrs/key", ("a1", ""), 400, _MISSING),
    Refusal("b2/attrs/key", ("", "key"), 400, _MISSING),
    Refusal("b2/attrs/key", ("ffff", "key"), 404, "No such device: ffff"),
    Refusal("ffff/attrs/key", ("a1", "key"), 404, "No such device: ffff"),
    Refusal("b2/attrs/key", ("a1", "nope"), 404, "Not found attributes nope"),
    Refusal("b2/attrs/nope", ("a1", "key"), 404, "Not found attributes nope"),
    Refusal("b2/attrs/key", ("a1", "temp"), 400, _NO_KEY),
    Refusal("b2/attrs/temp", ("a1", "key"), 400, _NO_KEY),
    Refusal("b2/attrs/key", ("a1", "other"), 400, "There is not a psk generated to other"),
]


def test_a_copy_that_cannot_be_made_says_why_and_changes_nothing(
    road: Road, rest: httpx.Client, tenant: str, template: Any
) -> None:
    a_device(rest, "a1", template)
    a_device(rest, "b2", template)
    generated(rest, "a1", "key")
    before = len(road.events(tenant))
    for case in REFUSALS:
        named = zip(("from_dev_id", "from_attr_label"), case.source, strict=True)
        params = {name: value for name, value in named if value}
        refused = rest.put(f"/device/{case.target}/psk", params=params)
        assert answer(refused, case.status)["message"] == case.message
    assert shown(rest, "b2") == {}
    assert len(road.events(tenant)) == before


def test_a_key_that_is_declared_elsewhere_is_not_replaced_and_may_be_missing_beside_others(
    road: Road, rest: httpx.Client, tenant: str, template: Any
) -> None:
    a_device(rest, "a1", template)
    reference = {"attribute": "key", "secretRef": {"name": "by-git", "key": "psk"}}
    manifest = {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": "Device",
        "metadata": {"name": "device-a1", "namespace": tenant},
        "spec": {"credentials": [reference]},
    }
    road.kubectl.apply(manifest)
    road.wait_for("device", "device-a1", tenant, "CredentialsReady=False:SecretNotFound", "Registered=True")
    other = generated(rest, "a1", "other")
    assert shown(rest, "a1") == other
    road.kubectl.run("create", "secret", "generic", "by-git", "-n", tenant, "--from-literal=psk=0011")
    road.wait_for("device", "device-a1", tenant, "CredentialsReady=True:Stored")
    assert shown(rest, "a1") == other | {"key": "0011"}
    refused = rest.post("/device/gen_psk/a1", params={"key_length": 8, "attrs": "key"})
    assert answer(refused, 409)["message"].startswith(".spec.credentials")
    assert shown(rest, "a1") == other | {"key": "0011"}


def test_without_a_password_no_key_is_made(road: Road, tenant: str) -> None:
    with a_facade(road, DEV_MNGR_CRYPTO_PASS="") as url, a_client(url, tenant) as rest:
        made = answer(rest.post("/template", json={"label": "T", "attrs": [PSK]}))["template"]
        a_device(rest, "a1", made)
        refused = answer(rest.post("/device/gen_psk/a1?key_length=8"), 503)
        assert "DEV_MNGR_CRYPTO_PASS" in refused["message"]
        assert shown(rest, "a1") == {}
    with pytest.raises(KubectlError):
        road.kubectl.get("secret", "device-a1-psk", tenant)
