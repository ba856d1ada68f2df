"""POST /import on the whole road: everything is replaced, or nothing has changed."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.facades import a_client, a_facade, answer
from tests.support.refused_imports import DEVICE, FAILED, IMPORTS, SERIAL, TEMP, TEMPLATE, RefusedImport
from tests.support.road import Road
from tests.support.waiting import eventually

EXPORT = {"templates": [TEMPLATE], "devices": [DEVICE, {"id": "any-name", "label": "e", "templates": ["10"]}]}


def everything(rest: httpx.Client) -> Any:
    return [answer(rest.get(path, params={"page_size": 99})) for path in ("/template", "/internal/device")]


def without_times(value: Any) -> Any:
    if isinstance(value, list):
        return [without_times(one) for one in value]
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if key not in ("created", "updated")}
        return {key: without_times(one) for key, one in kept.items()}
    return value


def imported(rest: httpx.Client, body: Any = EXPORT) -> None:
    assert answer(rest.post("/import", json=body), 201) == {"message": "data imported!"}


def events(road: Road, tenant: str) -> list[tuple[str, str]]:
    return [(one.event, one.id) for one in road.events(tenant)]


def test_ids_are_kept_also_of_attributes_and_metadata_and_later_ones_are_larger(rest: httpx.Client) -> None:
    imported(rest)
    (template,) = answer(rest.get("/template"))["templates"]
    assert [one["id"] for one in template["attrs"]] == [11, 12]
    assert template["attrs"][0]["metadata"][0]["id"] == 13
    assert answer(rest.get("/device?idsOnly")) == ["aa11", "any-name"]
    new = answer(rest.post("/template", json={"label": "n", "attrs": [SERIAL]}))["template"]
    assert new["id"] > 10
    assert new["attrs"][0]["id"] > 13


def test_the_same_import_again_replaces_everything_by_the_same(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    imported(rest)
    first = without_times(everything(rest))
    imported(rest)
    assert without_times(everything(rest)) == first
    for device_id in ("aa11", "any-name"):
        told = [one.event for one in road.events_of(tenant, device_id)]
        assert told == ["create", "remove", "create"]


def test_an_empty_import_leaves_nothing(road: Road, rest: httpx.Client, tenant: str) -> None:
    imported(rest)
    imported(rest, {"templates": [], "devices": []})
    assert answer(rest.get("/device"))["devices"] == []
    assert answer(rest.get("/template"))["templates"] == []
    assert road.kubectl.list("devices,templates", tenant) == []


@pytest.mark.parametrize("case", IMPORTS, ids=lambda one: one.detail)
@pytest.mark.promise("import-fails")
def test_an_import_that_is_refused_changes_nothing_and_tells_nobody(
    road: Road, rest: httpx.Client, tenant: str, case: RefusedImport
) -> None:
    answer(rest.post("/device", json={"id": "a1", "label": "d"}))
    before, told = everything(rest), events(road, tenant)
    refused = rest.post("/import", json=case.body)
    assert answer(refused, 400) == {"message": case.message, "status": 400}
    assert case.detail in refused.headers["X-Detail"]
    assert everything(rest) == before
    assert events(road, tenant) == told


@pytest.mark.parametrize("content", [b"", b"{", b"null"])
def test_what_is_not_json_is_refused_in_the_words_of_the_import(rest: httpx.Client, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    refused = rest.post("/import", content=content, headers=headers)
    assert answer(refused, 400) == {"message": FAILED, "status": 400}
    assert answer(rest.post("/import", content=b"{}"), 400) == {"message": FAILED, "status": 400}


@pytest.mark.promise("import-fails")
def test_an_import_that_fails_half_way_leaves_what_was_there_with_ids_and_keys(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    psk = {"label": "key", "type": "static", "value_type": "psk"}
    template = answer(rest.post("/template", json={"label": "old", "attrs": [psk, TEMP]}))["template"]
    answer(rest.post("/device", json={"id": "a1", "label": "old", "templates": [template["id"]]}))
    answer(rest.post("/device/gen_psk/a1?key_length=8"))
    before = without_times(everything(rest))
    # A resource that nobody has registered yet has the name that the import needs.
    in_the_way = {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": "Device",
        "metadata": {"name": "device-aa11", "namespace": tenant},
        "spec": {"templates": [{"name": "not-there"}]},
    }
    road.kubectl.apply(in_the_way)
    assert rest.post("/import", json=EXPORT).status_code == 400
    eventually(lambda: without_times(everything(rest)) == before, what="keys and all", within=30)
    road.kubectl.delete("device", "device-aa11", tenant, wait=True)
    imported(rest)
    assert answer(rest.get("/device?idsOnly")) == ["aa11", "any-name"]


def test_imports_at_once_at_two_facades_end_as_one_of_them(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    patient = {"REST_WAIT_SECONDS": "60"}
    with (
        a_facade(road, **patient) as one,
        a_facade(road, **patient) as other,
        ThreadPoolExecutor(4) as pool,
    ):

        def import_it(number: int) -> int:
            ids = [f"{name}{number}" for name in "abcd"]
            devices = [{"id": id_, "label": str(number), "templates": ["10"]} for id_ in ids]
            with a_client((one, other)[number % 2], tenant) as client:
                return client.post("/import", json={"templates": [TEMPLATE], "devices": devices}).status_code

        assert [*pool.map(import_it, range(4))] == [201] * 4
    present = answer(rest.get("/device"))["devices"]
    (label,) = {one["label"] for one in present}
    assert [one["id"] for one in present] == [f"{name}{label}" for name in "abcd"]
    assert {one["spec"]["deviceId"] for one in road.kubectl.list("devices", tenant)} == {
        one["id"] for one in present
    }
    told = Counter(one.event for one in road.events(tenant) if one.id in {f"a{n}" for n in range(4)})
    assert told == {"create": 4, "remove": 3}


def test_what_is_declared_elsewhere_is_not_replaced(road: Road, rest: httpx.Client, tenant: str) -> None:
    answer(rest.post("/device", json={"id": "a1", "label": "d"}))
    by_git = {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": "Device",
        "metadata": {"name": "by-git", "namespace": tenant},
        "spec": {"deviceId": "b2"},
    }
    road.kubectl.apply(by_git)
    road.ready("device", "by-git", tenant)
    before, told = everything(rest), events(road, tenant)
    assert "git" in answer(rest.post("/import", json=EXPORT), 409)["message"]
    assert everything(rest) == before
    assert events(road, tenant) == told
    assert "git" in answer(rest.delete("/device"), 409)["message"]
    assert everything(rest) == before
