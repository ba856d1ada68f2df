"""What people do with `device-manager` on a running installation, and what they see."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.command import Command
from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually

AWAY = 3


@pytest.fixture(scope="module")
def command(road: Road) -> Command:
    """`device-manager` with the settings of the operator."""
    return Command(road.platform.environment(str(road.engine.url.database)))


@pytest.fixture
def fleet_of_three(road: Road, command: Command, namespace: str) -> Iterator[str]:
    """Two devices that are fine and one that lacks its template; answers the namespace.

    Rows that a test leaves behind are deleted: otherwise they would hold the template for ever.
    """
    road.kubectl.apply(
        [
            a_template(namespace=namespace),
            a_device("one", namespace, deviceId="0001"),
            a_device("two", namespace, deviceId="0002"),
            a_device("lost", namespace, templates=[{"name": "nowhere"}]),
        ]
    )
    for name in ("one", "two"):
        road.ready("device", name, namespace)
    road.wait_for("device", "lost", namespace, "Ready=False:TemplateNotFound")
    yield namespace
    command("unclaimed", "delete", "--all", "-t", namespace, "--yes")


def left_behind(road: Road, namespace: str, *names: str) -> None:
    """Delete resources and keep their rows."""
    road.kubectl.run("annotate", "namespace", namespace, "dojot.io/deletion-policy=Retain")
    for name in names:
        kind, _, name_ = name.partition("/")
        road.kubectl.delete(kind, name_, namespace, wait=True)
    road.kubectl.run("annotate", "namespace", namespace, "dojot.io/deletion-policy-")


def heard(road: Road, tenant: str) -> list[tuple[str, str]]:
    """Events and devices; only those of one device are in an order."""
    return [(record.event, record.id) for record in road.events(tenant)]


def heard_of(road: Road, tenant: str, device: str) -> list[str]:
    """The events of one device, in their order."""
    return [record.event for record in road.events_of(tenant, device)]


# --- status ---------------------------------------------------------------------------------------------


def test_status_shows_what_is_ready_what_is_not_and_why(
    road: Road, command: Command, fleet_of_three: str
) -> None:
    road.wait_until_sent()
    shown = command.ok("status", "-n", fleet_of_three)
    assert shown.rows[0] == [fleet_of_three, fleet_of_three, "1", "3", "2", "1: TemplateNotFound 1", "0", "0"]
    assert "Outbox: nothing waits." in shown.out
    assert "Leader: " in shown.out
    (line,) = command.ok("status", "-t", fleet_of_three, "-o", "json").data["namespaces"]
    assert (line["devices"], line["notReady"]) == (3, {"TemplateNotFound": 1})


def test_while_one_half_is_away_the_other_is_shown_and_the_exit_code_says_so(
    command: Command, fleet_of_three: str
) -> None:
    no_registry = command("status", "-n", fleet_of_three, DBHOST="127.0.0.1:1")
    assert (no_registry.code, no_registry.rows[0][:3]) == (AWAY, [fleet_of_three, fleet_of_three, "1"])
    assert no_registry.err.startswith("Postgres does not answer")
    no_cluster = command("status", "-t", fleet_of_three, KUBECONFIG="/nowhere")
    assert (no_cluster.code, no_cluster.rows[0][:3]) == (AWAY, [fleet_of_three, fleet_of_three, "?"])
    assert "KUBECONFIG" in no_cluster.err


@pytest.mark.parametrize(
    ("arguments", "away"),
    [
        (["unclaimed", "list"], {"DBHOST": "127.0.0.1:1"}),
        (["drift"], {"DBHOST": "127.0.0.1:1"}),
        (["drift"], {"KUBECONFIG": "/nowhere"}),
        (["export"], {"KUBECONFIG": "/nowhere"}),
        (["export", "--from", "registry"], {"DBHOST": "127.0.0.1:1"}),
        (["bench"], {"KUBECONFIG": "/nowhere"}),
        (["release"], {"KUBECONFIG": "/nowhere"}),
        (["check", "-n", "default"], {"KUBECONFIG": "/nowhere"}),
        (["events", "-t", "acme"], {"KAFKA_PORT": "1"}),
    ],
)
def test_a_system_that_is_away_is_one_line_and_exit_code_3(
    command: Command, arguments: list[str], away: dict[str, str]
) -> None:
    ended = command(*arguments, **away)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (AWAY, "", 1)


# --- drift ----------------------------------------------------------------------------------------------


def test_a_settled_namespace_has_no_drift(road: Road, command: Command, namespace: str) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device("one", namespace)])
    road.ready("device", "one", namespace)
    road.wait_until_sent()
    compared = command.ok("drift", "-n", namespace, "--topics")
    assert compared.out == "2 resources and 2 rows compared: no difference.\n"
    everything = command.ok("drift", "-n", namespace, "--all", "-o", "json").data
    assert [line["name"] for line in everything] == ["thermometer", "one"]
    assert everything[1]["published"] == {"sequence": 1, "waiting": 0}


def test_drift_names_what_differs_between_resource_row_and_topic(
    road: Road, command: Command, fleet_of_three: str
) -> None:
    road.kubectl.patch(
        "device", "one", fleet_of_three, {"metadata": {"annotations": {"dojot.io/paused": "true"}}}
    )
    road.kubectl.patch("device", "one", fleet_of_three, {"spec": {"label": "another"}})
    left_behind(road, fleet_of_three, "device/two")
    compared = command("drift", "-n", fleet_of_three, "-o", "json")
    assert compared.code == 1
    told = {line["name"]: line["differences"] for line in compared.data}
    assert told == {
        "one": [
            "behind: generation 1 is registered, 2 declared (Paused: it is paused)",
            'label: declared "another", registered "one"',
        ],
        "two": ["not declared: no resource stands behind the row"],
        "lost": told["lost"],
    }
    assert told["lost"][0].startswith("not registered: TemplateNotFound: ")


def test_drift_finds_what_was_changed_behind_the_operators_back(
    road: Road, command: Command, namespace: str
) -> None:
    road.kubectl.apply([a_template(namespace=namespace), a_device("one", namespace, deviceId="0001")])
    road.ready("device", "one", namespace)
    with road.engine.begin() as connection:
        connection.exec_driver_sql(
            'UPDATE device SET document = replace(document, \'"label":"one"\', \'"label":"two"\')'
            f" WHERE tenant = '{namespace}'"
        )
    compared = command("drift", "-n", namespace, "--topics", "-o", "json")
    (line,) = compared.data
    assert line["differences"] == [
        "drifted: the row was changed by hand",
        "published otherwise: the last record shows another document",
    ]


# --- unclaimed ------------------------------------------------------------------------------------------


def test_a_row_that_was_left_behind_is_listed_and_adopted_without_an_event(
    road: Road, command: Command, fleet_of_three: str
) -> None:
    left_behind(road, fleet_of_three, "device/one", "device/two", "device/lost", "template/thermometer")
    before = heard(road, fleet_of_three)
    listed = command.ok("unclaimed", "list", "-t", fleet_of_three)
    assert [row[:4] for row in listed.rows] == [
        [fleet_of_three, "template/1", "thermometer", f"{fleet_of_three}/thermometer"],
        [fleet_of_three, "device/0001", "one", f"{fleet_of_three}/one"],
        [fleet_of_three, "device/0002", "two", f"{fleet_of_three}/two"],
    ]

    adopted = command.ok("unclaimed", "adopt", "0001", "-t", fleet_of_three)
    assert adopted.out.splitlines() == [
        f"template/1 belongs to the Template {fleet_of_three}/thermometer now.",
        f"device/0001 belongs to the Device {fleet_of_three}/one now.",
    ]
    command.ok("unclaimed", "adopt", "0002", "-t", fleet_of_three, "--name", "second")
    road.wait_for("device", "second", fleet_of_three, "Ready=True", "Published=True")
    assert heard(road, fleet_of_three) == before
    assert command.ok("drift", "-n", fleet_of_three).out.endswith("no difference.\n")
    assert command.ok("unclaimed", "list", "-t", fleet_of_three).out == "No row is unclaimed.\n"


def test_a_resource_that_waits_for_the_id_is_given_the_row(
    road: Road, command: Command, fleet_of_three: str
) -> None:
    left_behind(road, fleet_of_three, "device/one")
    road.kubectl.apply(a_device("rival", fleet_of_three, deviceId="0001", label="new"))
    refused = road.wait_for("device", "rival", fleet_of_three, "Ready=False:AlreadyExists")
    hint = f"device-manager unclaimed delete 0001 --tenant {fleet_of_three}"
    assert hint in refused["Ready"]["message"]

    command.ok("unclaimed", "adopt", "0001", "-t", fleet_of_three)
    road.ready("device", "rival", fleet_of_three)
    assert heard_of(road, fleet_of_three, "0001")[-1] == "update"


def test_deleting_a_row_as_the_message_says_tells_the_world_and_frees_the_id(
    road: Road, command: Command, fleet_of_three: str
) -> None:
    left_behind(road, fleet_of_three, "device/one")
    road.kubectl.apply(a_device("rival", fleet_of_three, deviceId="0001"))
    road.wait_for("device", "rival", fleet_of_three, "Ready=False:AlreadyExists")

    deleted = command.ok("unclaimed", "delete", "0001", "--tenant", fleet_of_three)
    assert deleted.out == f"device/0001 of the tenant {fleet_of_three} is deleted.\n"
    road.ready("device", "rival", fleet_of_three)
    assert heard_of(road, fleet_of_three, "0001")[-2:] == ["remove", "create"]


def test_everything_unclaimed_of_a_tenant_is_deleted_at_once_when_that_is_confirmed(
    road: Road, command: Command, fleet_of_three: str
) -> None:
    left_behind(road, fleet_of_three, "device/one", "device/two", "device/lost", "template/thermometer")
    asked = command("unclaimed", "delete", "--all", "-t", fleet_of_three, stdin="n\n")
    assert asked.code == 1
    assert "Delete 3 rows" in asked.out
    command.ok("unclaimed", "delete", "--all", "-t", fleet_of_three, "--yes")
    assert command.ok("unclaimed", "list", "-t", fleet_of_three, "-o", "json").data == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["delete", "beef"], 1, "unclaimed list"),
        (["adopt", "pod/1"], 1, "device/<id>"),
        (["delete"], 2, "--all"),
        (["delete", "--all"], 2, "name the tenant"),
    ],
)
def test_a_row_that_is_not_there_or_not_named_says_what_to_do(
    command: Command, arguments: list[str], code: int, told: str
) -> None:
    ended = command("unclaimed", *arguments)
    assert ended.code == code
    assert told in ended.err


# --- events ---------------------------------------------------------------------------------------------


def test_events_shows_what_the_topic_holds_and_then_what_comes(
    road: Road, command: Command, fleet_of_three: str
) -> None:
    road.wait_until_sent()
    shown = command.ok("events", "-t", fleet_of_three, "--from-beginning", "--no-follow", "-d", "0001")
    (line,) = shown.out.splitlines()
    assert line[21:] == "create           0001  one  #1  by git"
    (record,) = command.ok(
        "events", "-t", fleet_of_three, "--from-beginning", "--no-follow", "-d", "0001", "--json"
    ).lines
    assert (record["value"]["event"], record["headers"]["dojot_sequence"]) == ("create", "1")

    with following(command, fleet_of_three) as lines:
        next(lines)
        next(lines)
        road.kubectl.patch("device", "one", fleet_of_three, {"spec": {"label": "One"}})
        assert 'label: "one" -> "One"' in next(lines)


def test_a_topic_that_is_not_there_is_told(command: Command) -> None:
    shown = command.ok("events", "-t", "nobody", "--no-follow")
    assert (shown.out, shown.err) == (
        "",
        "The topic nobody.dojot.device-manager.device is not there: nothing was ever sent.\n",
    )


@contextmanager
def following(command: Command, tenant: str) -> Iterator[Iterator[str]]:
    """The lines of `events` as they come, until the block ends it."""
    process = command.begin("events", "-t", tenant, "--from-beginning")
    assert process.stdout is not None
    try:
        yield iter(process.stdout)
    finally:
        process.terminate()
        process.communicate(timeout=30)


# --- export and import ----------------------------------------------------------------------------------


def versions(road: Road, namespace: str) -> dict[str, str]:
    found = [one for kind in ("templates", "devices") for one in road.kubectl.list(kind, namespace)]
    return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in found}


def test_applying_an_export_changes_nothing(road: Road, command: Command, fleet: str, tmp_path: Path) -> None:
    before, told_before = versions(road, fleet), heard(road, "coldchain")
    exported = tmp_path / "fleet.yaml"
    written = command.ok("export", "-n", fleet, "--with-namespaces", "--file", str(exported))
    assert "leave ids to the registry" in written.err
    assert road.kubectl.diff(exported, server_side=False) == ""
    road.kubectl.apply(exported, server_side=False)
    assert versions(road, fleet) == before
    assert exported.read_text() == command.ok("export", "-t", "coldchain", "--with-namespaces").out

    pinned = tmp_path / "pinned"
    assert "leave ids" not in command.ok("export", "-n", fleet, "--pin", "--folder", str(pinned)).err
    assert len(list(pinned.rglob("*.yaml"))) == len(before)
    road.kubectl.run("apply", "-R", "-f", str(pinned))
    for kind in ("devices", "templates"):
        road.kubectl.run("wait", kind, "--all", "-n", fleet, "--for=condition=Ready", "--timeout=60s")
    eventually(lambda: command("drift", "-n", fleet).code == 0, within=60, what="the pins in the registry")
    assert heard(road, "coldchain") == told_before
    assert road.kubectl.diff(tmp_path / "pinned" / fleet / "devices", server_side=False) == ""


def test_rows_that_nobody_declares_any_more_are_exported_and_taken_back(
    road: Road, command: Command, fleet_of_three: str, tmp_path: Path
) -> None:
    left_behind(road, fleet_of_three, "device/one", "device/two", "device/lost", "template/thermometer")
    before = heard(road, fleet_of_three)
    exported = tmp_path / "rows.yaml"
    command.ok("export", "--from", "registry", "-t", fleet_of_three, "--file", str(exported))
    road.kubectl.apply(exported)
    for name in ("one", "two"):
        road.wait_for("device", name, fleet_of_three, "Ready=True")
    assert command.ok("unclaimed", "list", "-t", fleet_of_three).out == "No row is unclaimed.\n"
    assert heard(road, fleet_of_three) == before


BODY: dict[str, Any] = {
    "templates": [
        {
            "id": 10,
            "label": "Sensor",
            "attrs": [
                {"id": 100, "label": "temperature", "type": "dynamic", "value_type": "float"},
                {
                    "id": 101,
                    "label": "serial",
                    "type": "static",
                    "value_type": "string",
                    "static_value": "none",
                    "metadata": [
                        {
                            "id": 102,
                            "label": "unit",
                            "type": "meta",
                            "value_type": "string",
                            "static_value": "u",
                        }
                    ],
                },
            ],
        },
        {"id": 11, "label": "Empty", "attrs": []},
    ],
    "devices": [
        {
            "id": "aa11",
            "label": "one",
            "templates": [10],
            "attrs": [
                {
                    "id": 101,
                    "template_id": "10",
                    "label": "serial",
                    "type": "static",
                    "value_type": "string",
                    "static_value": "SN-1",
                    "metadata": [
                        {
                            "id": 102,
                            "label": "unit",
                            "type": "meta",
                            "value_type": "string",
                            "static_value": "v",
                        }
                    ],
                }
            ],
        },
        {"id": "12e456", "label": "two", "templates": [10, 11], "attrs": []},
    ],
}


def without_owners(body: Any) -> Any:
    """Attributes of templates without the id of their template, which an export adds."""
    for attribute in (one for template in body["templates"] for one in template["attrs"]):
        attribute.pop("template_id", None)
    return body


def test_an_export_file_of_dojot_becomes_resources_and_an_export_again(
    road: Road, command: Command, tmp_path: Path
) -> None:
    tenant = f"imported-{uuid4().hex[:6]}"
    file = tmp_path / "dojot.json"
    file.write_text(json.dumps(BODY))
    looked = command.ok("import", "file", str(file), "-t", tenant, "--dry-run")
    assert looked.out == (
        f"{tenant} in the namespace {tenant}: 4 to create, 0 to change, 0 are as they should be.\n"
    )
    command.ok("import", "file", str(file), "-t", tenant)
    assert sorted(heard(road, tenant)) == [("create", "12e456"), ("create", "aa11")]
    exported = json.loads(command.ok("export", "-t", tenant, "--format", "dojot").out)
    exported["devices"].sort(key=lambda one: str(one["label"]))
    assert without_owners(exported) == BODY

    again = command.ok("import", "file", "-", "-t", tenant, stdin=json.dumps(exported))
    assert "0 to create, 0 to change, 4 are as they should be." in again.out
    assert len(heard(road, tenant)) == 2

    file.write_text(json.dumps({**BODY, "devices": BODY["devices"][:1]}))
    kept = command.ok("import", "file", str(file), "-t", tenant)
    assert "1 more are there and stay." in kept.out
    command.ok("import", "file", str(file), "-t", tenant, "--replace", "--yes")
    eventually(lambda: [one["spec"]["deviceId"] for one in road.kubectl.list("devices", tenant)] == ["aa11"])
    assert heard_of(road, tenant, "12e456") == ["create", "remove"]


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("{", 2, "is no JSON"),
        ("[]", 1, "this is no export of dojot"),
        (json.dumps({**BODY, "templates": []}), 1, "device aa11 uses the template 10"),
        (json.dumps({**BODY, "devices": [{**BODY["devices"][0], "id": "-"}]}), 1, "devices[0].id"),
    ],
)
def test_a_file_that_is_none_of_dojots_says_where_it_is_wrong(
    command: Command, text: str, code: int, told: str
) -> None:
    ended = command("import", "file", "-", "-t", "nobody", stdin=text)
    assert ended.code == code
    assert told in ended.err


def test_bench_measures_and_leaves_nothing(road: Road, command: Command) -> None:
    measured = command.ok("bench", "--devices", "5", "-o", "json").data
    assert [(one["step"].split(",")[0], one["devices"]) for one in measured] == [
        ("create", 5),
        ("change", 5),
        ("delete", 5),
    ]
    names = ("get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}")
    eventually(lambda: "device-manager-bench" not in road.kubectl.run(*names), within=60)
