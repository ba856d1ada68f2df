"""A dojot database is taken over: the same answers over REST before and after, and nobody is told."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.command import Answer, Command
from tests.support.dojot import OldTables, a_tenant, documents, without_order
from tests.support.facades import a_client, a_facade, answer
from tests.support.road import Road
from tests.support.topic import Topic
from tests.support.waiting import eventually

TENANTS = {"plant_a": 300, "plant_b": 150, "office": 50}
EVERYTHING = sum(TENANTS.values()) + 4 * len(TENANTS)
"""Devices and templates."""
LONG = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def command(road: Road) -> Command:
    return Command(road.platform.environment(str(road.engine.url.database)))


@pytest.fixture(scope="module")
def facade(road: Road) -> Iterator[str]:
    with a_facade(road) as url:
        yield url


@pytest.fixture(scope="module")
def address(road: Road) -> str:
    """A database for the tenants of dojot."""
    return road.platform.database_url("dojot_devm_old")


@pytest.fixture(scope="module")
def tenants(address: str) -> dict[str, OldTables]:
    """Three tenants with 500 devices, overrides, metadata, keys and orphans."""
    written = {name: a_tenant(name, devices) for name, devices in TENANTS.items()}
    for one in written.values():
        one.write(address)
    return written


class Rest:
    """What REST shows of a tenant."""

    def __init__(self, facade: str, tenant: str) -> None:
        self._facade, self._tenant = facade, tenant

    def _get(self, *paths: str) -> list[httpx.Response]:
        with a_client(self._facade, self._tenant) as client:
            return [client.get(path) for path in paths]

    def devices(self, path: str = "/device") -> dict[str, Any]:
        listed = answer(self._get(f"{path}?page_size=1000")[0])
        found = listed["devices"] if isinstance(listed, dict) else listed
        return {one["id"]: one for one in found}

    def templates(self) -> dict[str, Any]:
        listed = answer(self._get("/template?page_size=1000")[0])["templates"]
        return {str(one["id"]): one for one in listed}

    def bytes(self) -> list[bytes]:
        """Exactly what is sent."""
        paths = [
            "/device?page_size=1000",
            "/template?page_size=1000",
            *(f"/device/{one}" for one in self.ids()),
        ]
        return [one.content for one in self._get(*paths)]

    def ids(self) -> list[str]:
        return sorted(self.devices())

    def keys(self) -> dict[tuple[str, str], str]:
        """By device and label."""
        every = self.devices("/internal/device").items()
        entries = [
            (device, one) for device, view in every for group in view["attrs"].values() for one in group
        ]
        psks = [(device, one) for device, one in entries if one["value_type"] == "psk"]
        return {(device, one["label"]): one["static_value"] for device, one in psks if "static_value" in one}


def told(road: Road, tenant: str) -> int:
    return len(Topic(road.platform.kafka_bootstrap, tenant).records())


def assert_same_as_there(facade: str, address: str, tenants: dict[str, OldTables]) -> None:
    """Devices, templates and keys are what the tables of dojot say."""
    for name, tables in tenants.items():
        rest = Rest(facade, name)
        devices, templates = documents(address, name)
        assert without_order(rest.devices()) == without_order(devices)
        assert without_order(rest.templates()) == without_order(templates)
        assert rest.keys() == tables.plain_keys


def exported_keys(command: Command, tenant: str) -> dict[tuple[str, str], str]:
    """The keys in an export, by device and label, from the Secrets and again from the registry."""
    items = command.ok("export", "-t", tenant, "--keys", "-o", "json").data["items"]
    rows = command.ok("export", "-t", tenant, "--keys", "--from", "registry", "-o", "json").data["items"]
    secrets = {one["metadata"]["name"]: one["data"] for one in items if one["kind"] == "Secret"}
    assert secrets == {one["metadata"]["name"]: one["data"] for one in rows if one["kind"] == "Secret"}
    refs = [
        (one["spec"]["deviceId"], credential["attribute"], credential["secretRef"])
        for one in items
        for credential in one.get("spec", {}).get("credentials", ())
    ]
    return {
        (device, label): base64.b64decode(secrets[ref["name"]][ref["key"]]).decode()
        for device, label, ref in refs
    }


def namespaces(answered: Answer) -> dict[str, str]:
    return {one["tenant"]: one["namespace"] for one in answered.data["tenants"]}


@LONG
def test_a_dojot_installation_is_rehearsed_taken_over_rolled_back_and_taken_over_again(
    road: Road, command: Command, facade: str, address: str, tenants: dict[str, OldTables]
) -> None:
    # Look: nothing is written.
    looked = command.ok("import", "database", address, "--dry-run", "-o", "json")
    found = {one["tenant"]: one for one in looked.data["tenants"]}
    assert {name: one["devices"] for name, one in found.items()} == TENANTS
    assert {name: one["keys"] for name, one in found.items()} == {
        name: len(one.plain_keys) for name, one in tenants.items()
    }
    assert {one["written"] for one in found.values()} == {304, 154, 54}
    assert {one["becomes"] for one in looked.data["findings"]} == {"skipped"}
    assert road.rows("SELECT * FROM device") == []
    home = namespaces(looked)

    # Observe: REST shows the rows, no resource is there.
    command.ok("import", "database", address, "--observe")
    assert_same_as_there(facade, address, tenants)
    again = command.ok("import", "database", address, "--observe", "-o", "json").data["tenants"]
    assert [(one["written"], one["same"]) for one in again] == [(0, 54), (0, 304), (0, 154)]
    assert command("drift").code == 1

    # Compare: the resources are there and paused, and would take their rows without an event.
    command.ok("import", "database", address, "--paused")
    compared = command.ok("drift")
    assert compared.out == (
        f"{EVERYTHING} resources and {EVERYTHING} rows compared: no difference."
        f" {EVERYTHING} paused resources would take over their rows without an event.\n"
    )

    # Take over.
    before = {name: Rest(facade, name).bytes() for name in TENANTS}
    for namespace in home.values():
        road.kubectl.run("annotate", "templates,devices", "--all", "-n", namespace, "dojot.io/paused-")
    for namespace in home.values():
        ready = ("--for=condition=Ready", "--timeout=300s")
        road.kubectl.run("wait", "templates,devices", "--all", "-n", namespace, *ready)
    assert {name: Rest(facade, name).bytes() for name in TENANTS} == before
    assert_same_as_there(facade, address, tenants)
    assert {name: told(road, name) for name in TENANTS} == dict.fromkeys(TENANTS, 0)
    assert command.ok("drift").out.endswith("rows compared: no difference.\n")
    assert command.ok("unclaimed", "list").out == "No row is unclaimed.\n"

    # An export has the same devices, ids and keys.
    for name, tables in tenants.items():
        assert exported_keys(command, name) == tables.plain_keys
        exported = json.loads(command.ok("export", "-t", name, "--format", "dojot").out)
        assert [one["id"] for one in exported["devices"]] == Rest(facade, name).ids()
        checked = command.ok("import", "file", "-", "-t", name, "--dry-run", stdin=json.dumps(exported))
        assert (
            f"0 to create, 0 to change, {len(tables.rows['devices']) + 4} are as they should be"
            in checked.out
        )

    # It works: REST changes a device, which is one event, and a key is still the key.
    device = next(iter(Rest(facade, "office").devices()))
    with a_client(facade, "office") as rest:
        answer(rest.put(f"/device/{device}", json={"label": "renamed", "templates": []}))
    road.wait_until_sent()
    assert told(road, "office") == 1

    # Roll back: the resources go, the rows and the keys stay, nobody is told.
    kept = {name: Rest(facade, name).bytes() for name in TENANTS}
    for namespace in home.values():
        road.kubectl.run("annotate", "namespace", namespace, "dojot.io/deletion-policy=Retain")
        road.kubectl.run("delete", "devices,templates", "--all", "-n", namespace, "--timeout=300s")
    assert {name: Rest(facade, name).bytes() for name in TENANTS} == kept
    assert [told(road, name) for name in sorted(TENANTS)] == [1, 0, 0]

    # And again, in one go: what was changed here meanwhile is as it is there.
    for namespace in home.values():
        road.kubectl.run("annotate", "namespace", namespace, "dojot.io/deletion-policy-")
    command.ok("import", "database", address)
    assert_same_as_there(facade, address, tenants)
    assert command.ok("drift").out.endswith("rows compared: no difference.\n")
    assert [told(road, name) for name in sorted(TENANTS)] == [1, 0, 0]


@LONG
def test_what_changes_there_during_the_rehearsal_is_followed_until_a_resource_has_the_row(
    road: Road, command: Command, facade: str
) -> None:
    address = road.platform.database_url("dojot_devm_live")
    live = OldTables("live")
    live.template(1, "t")
    serial = live.attribute(1, "serial", "static", "string", "none")
    for device_id in ("0001", "0002", "0003"):
        live.device(device_id, f"device {device_id}", 1)
    live.write(address)
    command.ok("import", "database", address, "--paused")

    with psycopg.connect(address) as connection:
        connection.execute("SET search_path TO live")
        connection.execute("UPDATE devices SET label = 'renamed', updated = now() WHERE id = '0001'")
        connection.execute("INSERT INTO overrides VALUES (1, '0002', %s, 'SN-2')", [serial])
        connection.execute("DELETE FROM device_template WHERE device_id = '0003'")
        connection.execute("DELETE FROM devices WHERE id = '0003'")
        connection.execute("INSERT INTO devices VALUES ('0004', 'new', now(), NULL)")
    (again,) = command.ok("import", "database", address, "--paused", "-o", "json").data["tenants"]
    assert {name: again[name] for name in ("written", "same", "removed")} == {
        "written": 3,
        "same": 1,
        "removed": 1,
    }
    eventually(
        lambda: command("drift", "-t", "live").code == 0, within=60, what="the end of the third device"
    )
    assert without_order(Rest(facade, "live").devices()) == without_order(documents(address, "live")[0])

    road.kubectl.run("annotate", "templates,devices", "--all", "-n", "live", "dojot.io/paused-")
    for device_id in ("0001", "0002", "0004"):
        road.wait_for("device", f"device-{device_id}", "live", "Ready=True")
    assert without_order(Rest(facade, "live").devices()) == without_order(documents(address, "live")[0])
    road.wait_until_sent()
    assert told(road, "live") == 0

    # From now on it is ours: what changes there is left alone.
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE live.devices SET label = 'too late' WHERE id = '0001'")
    (late,) = command.ok("import", "database", address, "-o", "json").data["tenants"]
    assert (late["written"], late["claimed"]) == (0, 4)
    assert Rest(facade, "live").devices()["0001"]["label"] == "renamed"
    assert told(road, "live") == 0


@LONG
def test_what_cannot_be_declared_stops_the_take_over_unless_it_is_left_out(
    road: Road, command: Command
) -> None:
    address = road.platform.database_url("dojot_devm_odd")
    odd = OldTables("odd")
    odd.template(1, "good")
    odd.attribute(1, "temperature", "dynamic", "float")
    odd.template(2, "bad")
    odd.attribute(2, "outside temperature", "dynamic", "float")
    odd.device("beef", "fine", 1)
    odd.device("cafe\n", "with a newline", 1)
    odd.device("f00d", "of the bad template", 2)
    odd.write(address)

    stopped = command("import", "database", address, "-o", "json")
    assert stopped.code == 1
    assert {one["what"] for one in json.loads(stopped.out)["findings"]} == {
        "template 2",
        "device cafe",
        "device f00d",
    }
    assert "--leave-out" in stopped.err
    assert road.rows("SELECT * FROM device WHERE tenant = 'odd'") == []

    taken = command.ok("import", "database", address, "--leave-out")
    assert "outside temperature" in taken.out
    eventually(lambda: len(road.kubectl.list("devices", "odd")) == 1)
    assert road.ready("template", "template-1", "odd")


def test_a_database_that_is_none_of_dojots_or_away_is_told_in_a_line(road: Road, command: Command) -> None:
    strange = command("import", "database", road.platform.database_url("databases"), "-t", "acme")
    assert (strange.code, strange.err) == (1, "there is no tenant acme; there are: none\n")
    away = command("import", "database", "postgresql://postgres@127.0.0.1:1/dojot")
    assert away.code == 3
    assert away.err.startswith("the database of dojot does not answer")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg2://reader:hunter2@db/dojot",
        "postgresql://reader:hunter2@db:port:5432/dojot?sslmode",
        "host=db user=reader password='hunter2",
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(command: Command, address: str) -> None:
    ended = command("import", "database", address)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("the address of dojot's database is not usable; write postgresql://")
    assert "hunter2" not in ended.err
