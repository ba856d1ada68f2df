"""Tenants of a dojot database as rows of ours: what is kept, what is skipped, what is left out and why."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from device_manager.dojot.conversion import Conversion, convert
from device_manager.dojot.oldkeys import unlocker
from device_manager.dojot.records import (
    OldAttribute,
    OldDevice,
    OldKey,
    OldOverride,
    OldTemplate,
    OldTenant,
)
from device_registry.domain.errors import Refused
from device_registry.domain.psk import Psk
from device_registry.settings import Settings
from tests.support.builders import NOON
from tests.support.dojot import encrypted

THEN = datetime(2021, 6, 1, tzinfo=UTC)
CRYPTO = {
    "DEV_MNGR_CRYPTO_PASS": "kamehameHA",
    "DEV_MNGR_CRYPTO_SALT": "shuriken",
    "DEV_MNGR_CRYPTO_IV": "1234567890123456",
}


def an_attribute(number: int, label: str, template: int | None = 1, **more: Any) -> OldAttribute:
    common = {"type": "static", "value_type": "string", "static_value": None, "parent_id": None}
    times = {"created": THEN, "updated": None}
    return OldAttribute(**{"id": number, "label": label, "template_id": template, **common, **times, **more})


def a_tenant(**more: Any) -> OldTenant:
    """One template with a serial number and a key, one device with both."""
    given = {
        "name": "acme",
        "templates": [OldTemplate(id=1, label="T", created=THEN, updated=None)],
        "attributes": [
            an_attribute(1, "serial", static_value="none"),
            an_attribute(2, "key", value_type="psk"),
            an_attribute(3, "unit", None, parent_id=1, type="meta", static_value="m"),
        ],
        "devices": [OldDevice(id="beef", label="One", created=THEN, updated=NOON)],
        "uses": [("beef", 1)],
        "overrides": [OldOverride(id=1, did="beef", aid=1, static_value="SN-1")],
        "keys": [],
    }
    return OldTenant(**{**given, **more})


def converted(old: OldTenant, unlock: Callable[[bytes], Psk | None] = lambda _: None) -> Conversion:
    return convert(old, "acme", unlock, NOON)


def remarks(conversion: Conversion) -> list[tuple[str, str, bool]]:
    return [(one.what, one.problem, one.left_out) for one in conversion.findings]


def test_ids_and_times_are_those_of_the_tables() -> None:
    inventory = converted(a_tenant()).inventory
    (template,), (row,) = inventory.templates, inventory.devices
    assert (template.id, template.created, template.updated) == (1, THEN, None)
    assert [(one.id, one.label) for one in template.attributes] == [(1, "serial"), (2, "key")]
    assert [(one.id, one.static_value) for one in template.attributes[0].metadata] == [(3, "m")]
    assert (row.id, row.created, row.updated, dict(row.templates)) == ("beef", THEN, NOON, {1: 1})
    assert row.spec.overrides[0].static_value == "SN-1"
    assert '"is_static_overridden":true' in row.document.body
    assert not row.claimed
    assert (row.claim and row.claim.place) == ("acme", "device-beef")


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ((7, "beef", 99, "x"), "its template is not attached to the device (any more)"),
        ((7, "beef", 1, None), "it has no value"),
        ((7, "beef", 1, "x"), "there is an older one for the same attribute, which it replaces"),
    ],
)
def test_values_that_dojot_does_not_show_are_skipped_and_told(override: Any, problem: str) -> None:
    number, device, attribute, value = override
    more = OldOverride(id=number, did=device, aid=attribute, static_value=value)
    conversion = converted(a_tenant(overrides=[*a_tenant().overrides, more]))
    assert remarks(conversion) == [("override 7 of device beef", problem, False)]
    shown = conversion.inventory.devices[0].spec.overrides[0].static_value
    assert shown == ("x" if "replaces" in problem else "SN-1")


def test_a_value_of_metadata_alone_leaves_the_attribute_inherited() -> None:
    override = OldOverride(id=1, did="beef", aid=3, static_value="km")
    (row,) = converted(a_tenant(overrides=[override])).inventory.devices
    (declared,) = row.spec.overrides
    assert (declared.static_value, declared.metadata[0].static_value) == (None, "km")


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ([an_attribute(1, "two words")], "its attribute 1 has the label 'two words': only letters"),
        ([an_attribute(1, "line\n")], r"its attribute 1 has the label 'line\n': only letters"),
        ([an_attribute(n, f"a{n}") for n in range(1, 258)], "it has 257 attributes, 256 are possible"),
        (
            [an_attribute(1, "a"), *(an_attribute(n, "unit", None, parent_id=1) for n in (2, 3))],
            "its attribute 1 (a) has the metadata 'unit' twice",
        ),
        (
            [an_attribute(1, "a"), an_attribute(2, "", None, parent_id=1)],
            "its attribute 1 (a) has metadata without a label",
        ),
        (
            [an_attribute(1, "a"), *(an_attribute(n, f"m{n}", None, parent_id=1) for n in range(2, 35))],
            "its attribute 1 (a) has 33 metadata, 32 are possible",
        ),
    ],
)
def test_a_template_that_cannot_be_declared_is_left_out_with_its_devices(
    attributes: list[OldAttribute], problem: str
) -> None:
    conversion = converted(a_tenant(attributes=attributes, overrides=[]))
    template, device = remarks(conversion)
    assert template[0] == "template 1"
    assert template[1].startswith(problem)
    assert device == ("device beef", "it uses the template 1, which is left out", True)
    assert not conversion.inventory.templates
    assert not conversion.inventory.devices


@pytest.mark.parametrize("device_id", ["beef\n", "", "-a", "ä"])
def test_a_device_whose_id_no_resource_can_have_is_left_out(device_id: str) -> None:
    device = OldDevice(id=device_id, label="x", created=THEN, updated=None)
    conversion = converted(a_tenant(devices=[device], uses=[], overrides=[]))
    ((_, problem, left_out),) = remarks(conversion)
    assert left_out
    assert problem.startswith(f"its id is {device_id!r}")


def test_a_device_of_templates_that_clash_is_left_out() -> None:
    old = a_tenant(
        templates=[OldTemplate(id=n, label="", created=THEN, updated=None) for n in (1, 2)],
        attributes=[an_attribute(1, "serial", 1), an_attribute(2, "serial", 2)],
        uses=[("beef", 1), ("beef", 2)],
    )
    ((what, problem, _),) = remarks(converted(old))
    assert (what, "1 and 2 both have the attribute serial" in problem) == ("device beef", True)


# --- keys -----------------------------------------------------------------------------------------------


def test_a_key_that_dojot_stored_is_read() -> None:
    stored = bytes.fromhex(
        "61148e78f0c375bdc29391469ff5bac4fa82525acef42f3d3d3f18bac9827a9ca71cd740668690d11091d1c101412aae"
    )
    assert unlocker(Settings.model_validate(CRYPTO))(stored) == Psk("00112233445566778899aabbccddeeff")


def test_keys_come_with_the_device_that_refers_to_them() -> None:
    key = OldKey(device_id="beef", attr_id=2, psk=encrypted("00ff"))
    inventory = converted(a_tenant(keys=[key]), unlocker(Settings.model_validate(CRYPTO))).inventory
    assert inventory.keys == {"beef": {"key": Psk("00ff")}}
    (credential,) = inventory.devices[0].spec.credentials
    assert (credential.attribute, credential.secret, credential.key) == ("key", "device-beef-psk", "key")


@pytest.mark.parametrize(
    ("attribute", "problem"),
    [(1, "its attribute is not a static one of value type psk"), (99, "its template is not attached")],
)
def test_a_key_that_no_attribute_takes_is_skipped(attribute: int, problem: str) -> None:
    conversion = converted(a_tenant(keys=[OldKey(device_id="beef", attr_id=attribute, psk=b"")]))
    ((what, told, left_out),) = remarks(conversion)
    assert (what, left_out) == (f"key of device beef for attribute {attribute}", False)
    assert told.startswith(problem)


@pytest.mark.parametrize("stored", [b"", b"short", bytes(16), bytes(48)])
def test_a_key_of_another_password_is_left_out_and_the_device_stays(stored: bytes) -> None:
    unlock = unlocker(Settings.model_validate(CRYPTO))
    conversion = converted(a_tenant(keys=[OldKey(device_id="beef", attr_id=2, psk=stored)]), unlock)
    ((what, problem, left_out),) = remarks(conversion)
    assert (what, left_out) == ("key of device beef for key", True)
    assert "DEV_MNGR_CRYPTO_PASS" in problem
    assert conversion.inventory.devices[0].spec.credentials == ()


@pytest.mark.parametrize("missing", ["DEV_MNGR_CRYPTO_PASS", "DEV_MNGR_CRYPTO_IV"])
def test_keys_cannot_be_read_without_the_settings_of_that_installation(missing: str) -> None:
    with pytest.raises(Refused, match="as dojot has them"):
        unlocker(Settings.model_validate({**CRYPTO, missing: ""}))
