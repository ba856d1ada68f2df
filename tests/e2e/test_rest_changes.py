"""REST on the whole road, what its words say of changes: what stays, what goes, who hears of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from tests.support.facades import a_client, a_facade, answer
from tests.support.road import Road
from tests.support.waiting import eventually

TEMP = {"label": "temp", "type": "dynamic", "value_type": "float"}
HUM = {"label": "hum", "type": "dynamic", "value_type": "float"}
UNIT = {"label": "unit", "type": "meta", "value_type": "string"}
SERIAL = {"label": "serial", "type": "static", "value_type": "string", "static_value": "none"}
LED = {"label": "led", "type": "actuator", "value_type": "string"}


def a_template(rest: httpx.Client, *attributes: Any, label: str = "T") -> Any:
    return answer(rest.post("/template", json={"label": label, "attrs": list(attributes)}))["template"]


def a_device(rest: httpx.Client, device_id: str, *templates: Any, **more: Any) -> Any:
    used = [one["id"] for one in templates]
    body = {"id": device_id, "label": device_id, "templates": used, **more}
    return answer(rest.post("/device?verbose=true", json=body))["devices"][0]


def an_override(template: Any, label: str, value: str) -> Any:
    number = next(one["id"] for one in template["attrs"] if one["label"] == label)
    return {"id": number, "template_id": template["id"], "label": label, "static_value": value}


def values(device: Any) -> dict[str, Any]:
    every = [one for group in device["attrs"].values() for one in group]
    return {one["label"]: one.get("static_value") for one in every}


def told(road: Road, tenant: str) -> list[tuple[str, str]]:
    return [(one.event, one.id) for one in road.events(tenant)]


# --- templates --------------------------------------------------------------------------------------


def test_an_edit_that_clashes_with_another_template_of_a_device_changes_nothing(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    one, two = a_template(rest, TEMP), a_template(rest, HUM)
    a_device(rest, "a1", one, two)
    before = told(road, tenant)
    refused = rest.put(f"/template/{one['id']}", json={"label": "new", "attrs": [TEMP, HUM]})
    assert (
        answer(refused, 400)["message"] == f"Attribute hum ({two['attrs'][0]['id']}) has standing conflicts"
    )
    assert answer(rest.get(f"/template/{one['id']}")) == one
    assert told(road, tenant) == before
    also_free = HUM | {"type": "actuator"}
    answer(rest.put(f"/template/{one['id']}", json={"label": "new", "attrs": [TEMP, also_free]}))


def test_metadata_that_is_left_out_stays_and_an_empty_list_removes_it(rest: httpx.Client) -> None:
    template = a_template(rest, TEMP | {"metadata": [UNIT | {"static_value": "K"}]})
    path = f"/template/{template['id']}"
    kept = answer(rest.put(path, json={"label": "T", "attrs": [TEMP]}))["updated"]
    assert kept["attrs"][0]["metadata"] == template["attrs"][0]["metadata"]
    changed = TEMP | {"metadata": [UNIT | {"static_value": "C"}]}
    (entry,) = answer(rest.put(path, json={"label": "T", "attrs": [changed]}))["updated"]["attrs"][0][
        "metadata"
    ]
    assert (entry["id"], entry["static_value"]) == (kept["attrs"][0]["metadata"][0]["id"], "C")
    gone = answer(rest.put(path, json={"label": "T", "attrs": [TEMP | {"metadata": []}]}))["updated"]
    assert "metadata" not in gone["attrs"][0]


def test_what_get_gave_can_be_put_back_and_changes_nothing(rest: httpx.Client) -> None:
    template = a_template(rest, SERIAL, TEMP | {"metadata": [UNIT]})
    path = f"/template/{template['id']}"
    assert answer(rest.put(path, json=answer(rest.get(path))))["updated"] == template
    a_device(rest, "a1", template, attrs=[an_override(template, "serial", "SN-1")])
    before = answer(rest.get("/device/a1"))
    after = answer(rest.put("/device/a1", json=before))["device"]
    assert {**after, "updated": None} == {**before, "updated": None}


def test_a_whole_device_with_what_a_screen_adds_can_be_put_back_with_one_value_changed(
    rest: httpx.Client,
) -> None:
    template = a_template(rest, SERIAL, TEMP)
    device = a_device(rest, "a1", template)
    (serial,) = [one for one in device["attrs"][str(template["id"])] if one["label"] == "serial"]
    body = {
        **device,
        "attrs": [serial | {"static_value": "SN-2"}],
        "status": "online",
        "tags": [],
        "loading": 1,
    }
    assert values(answer(rest.put("/device/a1", json=body))["device"])["serial"] == "SN-2"


def test_a_template_can_be_copied_as_it_was_shown(rest: httpx.Client) -> None:
    template = a_template(rest, SERIAL, TEMP | {"metadata": [UNIT]})
    copy = answer(rest.post("/template", json=template))["template"]
    assert copy["id"] != template["id"]
    assert {one["id"] for one in copy["attrs"]}.isdisjoint(one["id"] for one in template["attrs"])


def test_overrides_of_what_an_edit_took_away_do_not_come_back(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    template = a_template(rest, SERIAL, TEMP)
    a_device(rest, "a1", template, attrs=[an_override(template, "serial", "SN-1")])
    path = f"/template/{template['id']}"
    answer(rest.put(path, json={"label": "T", "attrs": [TEMP]}))
    (device,) = road.kubectl.list("devices", tenant)
    assert "attributes" not in device["spec"]
    answer(rest.put(path, json={"label": "T", "attrs": [SERIAL, TEMP]}))
    assert values(answer(rest.get("/device/a1")))["serial"] == "none"


def test_they_do_not_come_back_either_when_the_edit_was_answered_before_it_had_reached_the_devices(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    template = a_template(rest, SERIAL, TEMP)
    a_device(rest, "a1", template, attrs=[an_override(template, "serial", "SN-1")])
    path = f"/template/{template['id']}"
    with a_facade(road, REST_WAIT_SECONDS="0.001") as url, a_client(url, tenant) as hasty:
        eventually(
            lambda: hasty.put(path, json={"label": "T", "attrs": [TEMP]}).status_code == 202,
            what="an operator that the new facade has seen",
        )
    answer(rest.put(path, json={"label": "T", "attrs": [SERIAL, TEMP]}))
    assert values(answer(rest.get("/device/a1")))["serial"] == "none"


def test_overrides_that_others_declare_outlive_an_edit(road: Road, rest: httpx.Client, tenant: str) -> None:
    template = a_template(rest, SERIAL, TEMP)
    a_device(rest, "a1", template)
    override = {"label": "serial", "type": "static", "staticValue": "by git"}
    manifest = {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": "Device",
        "metadata": {"name": "device-a1", "namespace": tenant},
        "spec": {"attributes": [override]},
    }
    road.kubectl.apply(manifest)
    road.ready("device", "device-a1", tenant)
    answer(rest.put(f"/template/{template['id']}", json={"label": "T", "attrs": [TEMP]}))
    (device,) = road.kubectl.list("devices", tenant)
    assert device["spec"]["attributes"] == [override]


def test_templates_are_deleted_all_or_none_and_a_refusal_names_the_devices(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    templates = [a_template(rest, TEMP), a_template(rest, HUM)]
    a_device(rest, "a1", templates[0])
    refused = rest.delete("/template")
    message = "Templates cannot be removed as they are being used by devices"
    assert answer(refused, 400) == {"message": message, "status": 400}
    assert "a1" in refused.headers["X-Detail"]
    named = answer(rest.delete(f"/template/{templates[0]['id']}?verbose=true"), 400)
    assert (named["devices"], named["total"]) == (["a1"], 1)
    assert len(answer(rest.get("/template"))["templates"]) == 2
    answer(rest.delete("/device"))
    removed = answer(rest.delete("/template"))
    assert removed == {"removed": templates, "result": "ok"}
    assert road.kubectl.list("templates", tenant) == []


# --- devices ----------------------------------------------------------------------------------------


def test_all_devices_go_at_once_and_each_is_told(road: Road, rest: httpx.Client, tenant: str) -> None:
    template = a_template(rest, TEMP)
    made = answer(rest.post("/device?count=30", json={"label": "d", "templates": [template["id"]]}))[
        "devices"
    ]
    removed = answer(rest.delete("/device"))["removed_devices"]
    assert [one["id"] for one in removed] == sorted(one["id"] for one in made)
    assert sorted(id_ for event, id_ in told(road, tenant) if event == "remove") == sorted(
        one["id"] for one in made
    )
    assert answer(rest.get("/device"))["devices"] == []
    assert len(answer(rest.get("/template"))["templates"]) == 1
    assert answer(rest.delete("/device")) == {"removed_devices": [], "result": "ok"}


def test_a_template_comes_and_goes_with_its_overrides_and_each_change_is_told(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    one, two = a_template(rest, TEMP), a_template(rest, SERIAL)
    a_device(rest, "a1", one)
    path = f"/device/a1/template/{two['id']}"
    attached = answer(rest.post(path))["device"]
    assert attached["templates"] == [one["id"], two["id"]]
    assert answer(rest.post(path))["device"] == attached
    answer(rest.put("/device/a1", json={**attached, "attrs": [an_override(two, "serial", "SN-1")]}))
    detached = answer(rest.delete(path))["device"]
    assert detached["templates"] == [one["id"]]
    assert (
        answer(rest.delete(path), 404)["message"] == f"Device a1 is not associated with template {two['id']}"
    )
    assert values(answer(rest.post(path))["device"])["serial"] == "none"
    answer(rest.delete(path))
    assert answer(rest.delete(f"/device/a1/template/{one['id']}"))["device"]["attrs"] == {}
    assert [event for event, _ in told(road, tenant)] == ["create"] + ["update"] * 6


@pytest.mark.parametrize("template_id", ["abc", "99999999999", "0", "-1", "1.5"])
def test_what_can_be_no_template_is_not_there(rest: httpx.Client, template_id: str) -> None:
    a_device(rest, "a1")
    path = f"/device/a1/template/{template_id}"
    assert answer(rest.post(path), 404)["message"] == f"No such template: {template_id}"
    assert (
        answer(rest.delete(path), 404)["message"]
        == f"Device a1 is not associated with template {template_id}"
    )


def together(requests: list[Callable[[], httpx.Response]]) -> list[int]:
    with ThreadPoolExecutor(len(requests)) as pool:
        return sorted(one.result().status_code for one in [pool.submit(request) for request in requests])


def test_many_who_change_one_device_or_template_at_once_all_succeed(
    rest: httpx.Client, road: Road, tenant: str
) -> None:
    template = a_template(rest, TEMP)
    a_device(rest, "a1", template)
    bodies = [{"label": f"label {number}", "templates": [template["id"]]} for number in range(8)]
    assert together([lambda body=one: rest.put("/device/a1", json=body) for one in bodies]) == [200] * 8  # type: ignore[misc]
    path = f"/template/{template['id']}"
    added = {"label": "T", "attrs": [TEMP, HUM]}
    assert together([lambda: rest.put(path, json=added)] * 8) == [200] * 8
    assert [one["label"] for one in answer(rest.get(path))["attrs"]] == ["temp", "hum"]
    sequences = [one.sequence for one in road.events_of(tenant, "a1")]
    assert sequences == list(range(1, len(sequences) + 1))


def test_of_two_templates_of_a_device_only_one_gets_an_attribute_that_both_are_to_get_at_once(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    one, two = a_template(rest, TEMP), a_template(rest, LED)
    a_device(rest, "a1", one, two)
    for label in ("a", "b", "c", "d"):
        attribute = HUM | {"label": label}
        edits = (partial(_with_one_more, rest, template, attribute) for template in (one, two))
        assert together([*edits]) == [200, 400]
        road.ready("device", "device-a1", tenant)


def _with_one_more(rest: httpx.Client, template: Any, attribute: Any) -> httpx.Response:
    body = {"label": "T", "attrs": [*template["attrs"], attribute]}
    return rest.put(f"/template/{template['id']}", json=body)


def test_of_many_who_delete_one_device_one_does(rest: httpx.Client, road: Road, tenant: str) -> None:
    a_device(rest, "a1")
    assert together([lambda: rest.delete("/device/a1")] * 8) == [200] + [404] * 7
    assert told(road, tenant) == [("create", "a1"), ("remove", "a1")]


def test_actuations_are_events_in_the_order_of_the_device(
    road: Road, rest: httpx.Client, tenant: str
) -> None:
    a_device(rest, "a1", a_template(rest, LED))
    for value in ("on", "off"):
        answer(rest.put("/device/a1/actuate", json={"attrs": {"led": value}}))
    answer(rest.delete("/device/a1"))
    records = road.events_of(tenant, "a1")
    assert [(one.event, one.sequence) for one in records] == [
        ("create", 1),
        ("configure", 2),
        ("configure", 3),
        ("remove", 4),
    ]
    assert records[1].headers["ce_type"] == "io.dojot.device.configure"


# --- from 1.0 ---------------------------------------------------------------------------------------


def test_a_batch_makes_numbered_devices(rest: httpx.Client) -> None:
    template = a_template(rest, TEMP)
    body = {"devicesPrefix": "f", "quantity": 3, "initialSuffixNumber": 9, "templates": [str(template["id"])]}
    made = answer(rest.post("/device/batch", json=body))
    assert made["failures"] == []
    assert [one["label"] for one in made["successes"]] == ["f-9", "f-10", "f-11"]
    assert all(answer(rest.get(f"/device/{one['id']}")) == one for one in made["successes"])


def test_in_a_batch_what_is_wrong_with_one_device_stops_no_other(rest: httpx.Client) -> None:
    a_device(rest, "a1")
    bodies = [
        {"label": "good", "id": "b2"},
        {"label": "taken", "id": "a1"},
        {"label": "lost", "templates": [424242]},
        {"id": "c3"},
        "text",
        {"label": "x" * 129},
    ]
    made = answer(rest.post("/device/batch", json={"devices": bodies}))
    assert [one["id"] for one in made["successes"]] == ["b2"]
    assert [(one["label"], one["reason"].partition(":")[0]) for one in made["failures"]] == [
        ("taken", "The device id a1 is already in use"),
        ("lost", "No such template"),
        ("", "failed to parse input"),
        ("", "failed to parse input"),
        ("x" * 129, "failed to parse input"),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({}, 400),
        ({"devices": {}}, 400),
        ({"devicesPrefix": "f"}, 400),
        ({"devicesPrefix": "", "quantity": 1}, 400),
        ({"devicesPrefix": "f", "quantity": 0}, 400),
        ({"devicesPrefix": "f", "quantity": True}, 400),
        ({"devicesPrefix": "f", "quantity": 1, "initialSuffixNumber": -1}, 400),
        ({"devicesPrefix": "f" * 127, "quantity": 1}, 400),
        ({"devicesPrefix": "f", "quantity": 1, "templates": [424242]}, 422),
    ],
)
def test_a_batch_is_refused_before_anything_is_made(rest: httpx.Client, body: Any, status: int) -> None:
    answer(rest.post("/device/batch", json=body), status)
    assert answer(rest.get("/device"))["devices"] == []


def test_lists_are_sorted_by_what_is_asked_for(rest: httpx.Client) -> None:
    for device_id, label in (("a1", "z"), ("b2", "A"), ("c3", "m")):
        a_device(rest, device_id, label=label)
    answer(rest.put("/device/b2", json={"label": "A", "templates": []}))
    orders = {
        "": "a1 b2 c3",
        "label": "b2 c3 a1",
        "desc:label": "a1 c3 b2",
        "desc:created": "c3 b2 a1",
        "updated": "a1 c3 b2",
        "desc:updated": "b2 a1 c3",
    }
    for order, ids in orders.items():
        assert answer(rest.get("/device", params={"idsOnly": "1", "sortBy": order})) == ids.split()


# --- the process ------------------------------------------------------------------------------------


def test_the_level_of_logging_is_changed_and_shown_as_it_was_said(rest: httpx.Client) -> None:
    assert answer(rest.get("/log")) == {"level": "INFO"}
    for level in ("warn", "Debug", "INFO"):
        response = rest.put("/log", json={"level": level})
        assert (response.status_code, response.content) == (200, b"")
        assert answer(rest.get("/log")) == {"level": level.upper()}


@pytest.mark.parametrize(
    ("level", "message"),
    [
        ("LOUD", "Unknown level: LOUD valid are ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG']"),
        ("", "Unknown level:  valid are ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG']"),
        (None, "failed to parse input"),
        (5, "failed to parse input"),
    ],
)
def test_a_level_that_is_none_is_refused(rest: httpx.Client, level: Any, message: str) -> None:
    assert answer(rest.put("/log", json={"level": level}), 400)["message"] == message
