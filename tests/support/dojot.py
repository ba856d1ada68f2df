"""A database as dojot's DeviceManager 0.8 leaves it, made from the description of its schema alone.

It is filled by a small generator of its own, and `documents` computes what its REST shows from the tables, by
the rules of the contract: nothing of the programs under test is used.
"""

import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from psycopg import sql
from psycopg.rows import dict_row

TABLES = """
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('fabf2ca39860');
CREATE SEQUENCE template_id; CREATE SEQUENCE attr_id; CREATE SEQUENCE override_id;
CREATE TABLE devices (id varchar(8) PRIMARY KEY, label varchar(128) NOT NULL, created timestamp,
    updated timestamp, persistence varchar(128));
CREATE TABLE templates (id integer PRIMARY KEY, label varchar(128) NOT NULL, created timestamp,
    updated timestamp);
CREATE TABLE attrs (id integer PRIMARY KEY, label varchar(128) NOT NULL, created timestamp, updated timestamp,
    type varchar(32) NOT NULL, value_type varchar(32) NOT NULL, static_value varchar(128),
    template_id integer REFERENCES templates(id), parent_id integer REFERENCES attrs(id),
    UNIQUE (template_id, type, label));
CREATE TABLE device_template (device_id varchar(8) REFERENCES devices(id),
    template_id integer REFERENCES templates(id), PRIMARY KEY (device_id, template_id));
CREATE TABLE overrides (id integer PRIMARY KEY, did varchar(8) REFERENCES devices(id),
    aid integer REFERENCES attrs(id), static_value varchar(128));
CREATE TABLE pre_shared_keys (attr_id integer REFERENCES attrs(id),
    device_id varchar(8) REFERENCES devices(id), psk bytea NOT NULL, PRIMARY KEY (attr_id, device_id));
"""
PASSWORD, SALT, VECTOR = "kamehameHA", "shuriken", "1234567890123456"
NOW = datetime(2021, 6, 1, 12, 0, 0, 123456)  # noqa: DTZ001 - as dojot stores times


def encrypted(digits: str) -> bytes:
    """A key as dojot stores it: AES-128-CBC, filled up to blocks of 16 with the number of missing bytes."""
    key = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), SALT.encode(), 1000, 16)
    missing = 16 - len(digits) % 16
    encryptor = Cipher(algorithms.AES128(key), modes.CBC(VECTOR.encode())).encryptor()
    return encryptor.update(digits.encode() + bytes([missing]) * missing) + encryptor.finalize()


@dataclass
class OldTables:
    """One tenant, to be filled and written."""

    name: str
    seed: int = 0
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    plain_keys: dict[tuple[str, str], str] = field(default_factory=dict)
    """By device and label, as /internal/device shows them."""

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.name}/{self.seed}")
        self._attr = self._override = self._clock = 0

    def add(self, table: str, **row: Any) -> dict[str, Any]:
        self.rows.setdefault(table, []).append(row)
        return row

    def times(self) -> dict[str, Any]:
        """A time of creation of its own, and one of change for every third."""
        self._clock += 1
        created = NOW + timedelta(seconds=self._clock, microseconds=self._clock * 37)
        updated = created + timedelta(days=1) if self._clock % 3 == 0 else None
        return {"created": created, "updated": updated}

    def template(self, number: int, label: str) -> dict[str, Any]:
        return self.add("templates", id=number, label=label, **self.times())

    def attribute(
        self, template: int, label: str, type_: str, value_type: str, value: str | None = None
    ) -> int:
        self._attr += 1
        common = {"label": label, "type": type_, "value_type": value_type, "static_value": value}
        self.add("attrs", id=self._attr, template_id=template, parent_id=None, **common, **self.times())
        return self._attr

    def metadata(self, attribute: int, label: str, value: str | None) -> int:
        self._attr += 1
        common = {"label": label, "type": "meta", "value_type": "string", "static_value": value}
        self.add("attrs", id=self._attr, template_id=None, parent_id=attribute, **common, **self.times())
        return self._attr

    def device(self, device_id: str, label: str, *templates: int) -> str:
        self.add("devices", id=device_id, label=label, persistence=None, **self.times())
        for one in templates:
            self.add("device_template", device_id=device_id, template_id=one)
        return device_id

    def override(self, device: str, attribute: int, value: str | None) -> None:
        self._override += 1
        self.add("overrides", id=self._override, did=device, aid=attribute, static_value=value)

    def key(self, device: str, attribute: int, digits: str) -> None:
        self.add("pre_shared_keys", attr_id=attribute, device_id=device, psk=encrypted(digits))

    def write(self, url: str) -> None:
        """Make the schema and fill it."""
        order = (
            "templates", "attrs", "devices", "device_template", "overrides", "pre_shared_keys",
        )  # fmt: skip
        with psycopg.connect(url) as connection:
            schema = sql.Identifier(self.name)
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
            connection.execute(sql.SQL("SET search_path TO {}").format(schema))
            connection.execute(TABLES)
            for table in order:
                for row in self.rows.get(table, []):
                    _insert(connection, table, row)


def _insert(connection: psycopg.Connection[Any], table: str, row: dict[str, Any]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    values = sql.SQL(", ").join(sql.Placeholder() * len(row))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, values)
    connection.execute(statement, list(row.values()))


def a_tenant(name: str, devices: int) -> OldTables:
    """A tenant as it has grown: templates that share devices, overrides, metadata, keys, orphans."""
    tables = OldTables(name)
    sensor, secure, plain, spare = 3, 4, 7, 9
    for number, label in ((sensor, "Sensor"), (secure, "Gesichert ü"), (plain, "Plain"), (spare, "")):
        tables.template(number, label)
    temperature = tables.attribute(sensor, "temperature", "dynamic", "float")
    unit = tables.metadata(temperature, "unit", "celsius")
    tables.metadata(temperature, "dojot:note", None)
    serial = tables.attribute(sensor, "serial", "static", "string", "none")
    tables.attribute(sensor, "serial", "meta", "string", "1e3")
    key = tables.attribute(secure, "shared_key", "static", "psk")
    led = tables.attribute(secure, "led", "actuator", "bool", "")
    orphan = tables.attribute(spare, "old", "static", "string", "x")
    for index in range(devices):
        device = tables.device(
            f"{index:04x}e{index % 7}", f"Device {index}", *_uses(index, sensor, secure, plain)
        )
        _decorate(tables, index, device, {"unit": unit, "serial": serial, "led": led})
        if index % 4 == 1:
            digits = tables.random.randbytes(8 + index % 16).hex()
            tables.key(device, key, digits)
            tables.plain_keys[device, "shared_key"] = digits
        if index % 50 == 3:
            tables.override(device, orphan, "nobody sees it")
        if index % 50 == 4:
            tables.key(device, key, "00ff")
    return tables


def _uses(index: int, sensor: int, secure: int, plain: int) -> tuple[int, ...]:
    """The keys of every fourth device from 1 on need the secure template; those of 4, 54 … are orphans."""
    return ((sensor,), (sensor, secure), (plain, sensor), (), (sensor, plain))[min(4, index % 4)]


def _decorate(tables: OldTables, index: int, device: str, attributes: dict[str, int]) -> None:
    if index % 4 == 3:
        return
    if index % 3 == 0:
        tables.override(device, attributes["serial"], f"SN-{index}")
    if index % 5 == 0:
        tables.override(device, attributes["unit"], "kelvin")
    if index % 7 == 0 and index % 4 == 1:
        tables.override(device, attributes["led"], "on")


# --- what its REST shows ----------------------------------------------------------------------------------


def documents(url: str, tenant: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The devices and the templates that REST shows, by id, computed from the tables alone."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(tenant)))
        tables = {
            name: connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))).fetchall()
            for name in ("devices", "templates", "attrs", "device_template", "overrides")
        }
    templates = {str(row["id"]): _template(row, tables) for row in tables["templates"]}
    return {row["id"]: _device(row, tables) for row in tables["devices"]}, templates


def _template(row: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    attributes = [_attribute(one, tables) for one in tables["attrs"] if one["template_id"] == row["id"]]
    data = ("static", "dynamic", "actuator")
    return {
        "id": row["id"],
        "label": row["label"],
        **_times(row),
        "attrs": attributes,
        "data_attrs": [one for one in attributes if one["type"] in data],
        "config_attrs": [one for one in attributes if one["type"] not in data],
    }


def _attribute(row: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    metadata = [_metadata(one) for one in tables["attrs"] if one["parent_id"] == row["id"]]
    view = {"id": row["id"], "template_id": str(row["template_id"]), **_named(row), **_times(row)}
    if row["static_value"] is not None:
        view["static_value"] = row["static_value"]
    return {**view, **({"metadata": metadata} if metadata else {})}


def _metadata(row: dict[str, Any]) -> dict[str, Any]:
    times = {"updated": None, **_times(row)}
    return {"id": row["id"], **_named(row), "static_value": row["static_value"], **times}


def _device(row: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    uses = [one["template_id"] for one in tables["device_template"] if one["device_id"] == row["id"]]
    values = {one["aid"]: one["static_value"] for one in tables["overrides"] if one["did"] == row["id"]}
    attributes = {
        str(number): [
            _overridden(_attribute(one, tables), values)
            for one in tables["attrs"]
            if one["template_id"] == number
        ]
        for number in uses
    }
    return {"id": row["id"], "label": row["label"], **_times(row), "templates": uses, "attrs": attributes}


def _overridden(view: dict[str, Any], values: dict[int, str]) -> dict[str, Any]:
    for one in (view, *view.get("metadata", ())):
        if one["id"] in values:
            one["static_value"] = values[one["id"]]
        if one.get("static_value") is not None:
            one["is_static_overridden"] = one["id"] in values
    return view


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("label", "type", "value_type")}


def _times(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: row[name] for name in ("created", "updated") if row[name]}
    return {name: time.replace(tzinfo=UTC).isoformat() for name, time in times.items()}


def without_order(view: Any) -> Any:
    """The same with every list sorted: dojot keeps no order in them."""
    if isinstance(view, dict):
        return {name: without_order(value) for name, value in view.items()}
    if isinstance(view, list):
        return sorted((without_order(one) for one in view), key=lambda one: json.dumps(one, sort_keys=True))
    return view
