"""`device-manager export`: what is written, and where."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml

from device_manager.cleaning import clean, is_pinned, pinned
from device_manager.dojot.exportfile import export_body
from device_manager.keeping import secrets_of_rows
from device_manager.terminal import Exit, Output
from device_manager.writing import as_text, has_keys, ordered, to_file, to_folder
from device_registry.crypto import PasswordVault
from device_registry.domain.errors import Refused
from device_registry.domain.model import Credential, Key, Kind
from device_registry.domain.psk import Psk
from device_registry.domain.rendering import Identity, device_document
from tests.support.builders import (
    ACME,
    NOON,
    a_device,
    a_metadata_override,
    a_row,
    a_static,
    a_template,
    an_attribute,
    an_entry,
    an_override,
    registered,
)

TEMPLATE = registered(a_template("t", an_attribute(metadata=(an_entry(),)), a_static()), 4, first=10)


def an_object(
    kind: str = "Device", name: str = "one", namespace: str = "acme", **spec: Any
) -> dict[str, Any]:
    """As the API server shows it."""
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": "u",
        "resourceVersion": "7",
        "generation": 3,
        "labels": {"site": "a"},
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "dojot.io/reconcile-requested-at": "now",
            "dojot.io/request": "{}",
            "dojot.io/paused": "true",
        },
        "finalizers": ["dojot.io/device-manager"],
        "managedFields": [{}],
    }
    return {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": kind,
        "metadata": meta,
        "spec": spec,
        "status": {"a": 1},
    }


# --- manifests ------------------------------------------------------------------------------------------


def test_a_manifest_has_what_somebody_declared_and_nothing_that_tools_wrote() -> None:
    assert clean(an_object(label="One")) == {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": "Device",
        "metadata": {
            "name": "one",
            "namespace": "acme",
            "labels": {"site": "a"},
            "annotations": {"dojot.io/paused": "true"},
        },
        "spec": {"label": "One"},
    }


def test_pins_are_those_of_the_row() -> None:
    device = clean(an_object(label="One"))
    assert not is_pinned(device)
    assert pinned(device, a_row(id="a1b2"))["spec"] == {"label": "One", "deviceId": "a1b2"}

    entry: dict[str, Any] = {"label": "unit", "type": "meta", "valueType": "string"}
    attributes: list[dict[str, Any]] = [
        {"label": "temperature", "type": "dynamic", "valueType": "float", "metadata": [entry]},
        {"label": "unknown", "type": "dynamic", "valueType": "float"},
    ]
    template = pinned(clean(an_object("Template", attributes=attributes[:1])), TEMPLATE)
    assert template["spec"] == {
        "attributes": [{**attributes[0], "metadata": [{**entry, "id": 12}], "id": 10}],
        "templateId": 4,
    }
    assert is_pinned(template)
    assert not is_pinned(pinned(clean(an_object("Template", attributes=attributes)), TEMPLATE))


# --- where ----------------------------------------------------------------------------------------------


def manifests() -> list[Any]:
    return [
        clean(an_object(kind, name, namespace))
        for kind, name, namespace in (
            ("Device", "b", "acme"),
            ("Device", "a", "acme"),
            ("Template", "z", "acme"),
            ("Device", "c", "aaa"),
        )
    ]


def test_the_order_is_fixed_and_what_others_need_comes_first() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "zoo"}}
    places = [(one["kind"], one["metadata"]["name"]) for one in ordered([*manifests(), namespace])]
    assert places == [
        ("Namespace", "zoo"),
        ("Device", "c"),
        ("Template", "z"),
        ("Device", "a"),
        ("Device", "b"),
    ]


def test_one_text_holds_all_as_yaml_or_json() -> None:
    as_yaml = list(yaml.safe_load_all(as_text(manifests(), Output.YAML)))
    assert as_yaml == json.loads(as_text(manifests(), Output.JSON))["items"] == manifests()


def test_a_folder_has_one_file_for_each_and_an_export_replaces_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    to_folder(manifests(), folder, Output.YAML)
    assert yaml.safe_load((folder / "acme" / "templates" / "z.yaml").read_text()) == manifests()[2]
    to_folder(manifests()[:1], folder, Output.YAML)
    assert [str(one.relative_to(folder)) for one in folder.rglob("*.yaml")] == ["acme/devices/b.yaml"]


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("")
    with pytest.raises(typer.Exit) as ended:
        to_folder(manifests(), tmp_path, Output.YAML)
    assert ended.value.exit_code == Exit.USAGE
    assert [one.name for one in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        to_file("text", tmp_path / "missing" / "file")
    assert "cannot be written" in capsys.readouterr().err


SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "keys", "namespace": "acme"},
    "type": "Opaque",
    "data": {"key": "Y2Fmw6k="},
}


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


@pytest.mark.parametrize("before", [None, 0o644])
def test_a_file_with_keys_is_for_its_owner_alone(tmp_path: Path, before: int | None) -> None:
    file = tmp_path / "fleet.yaml"
    if before:
        file.touch(before)
    written = [*manifests(), SECRET]
    to_file(as_text(written, Output.YAML), file, private=has_keys(written))
    assert mode(file) == 0o600


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.touch(0o640)
    to_file(as_text(manifests(), Output.YAML), file, private=has_keys(manifests()))
    assert (mode(file), len(file.read_text()) > 0) == (0o640, True)


def test_in_a_folder_the_files_with_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    for _ in range(2):
        to_folder([*manifests(), SECRET], folder, Output.YAML)
        assert mode(folder / "acme" / "secrets" / "keys.yaml") == 0o600
        assert mode(folder / "acme" / "devices" / "a.yaml") == 0o644


# --- keys ---------------------------------------------------------------------------------------------


def exported(**keys: str) -> list[dict[str, Any]]:
    """The Secrets of devices whose keys lie in one, in the entry of the name of the device, or in `same`."""
    vault = PasswordVault("kamehameHA", "shuriken")
    rows, sealed = {}, {}
    for device, digits in keys.items():
        entry = "same" if device.startswith("same") else device
        credential = Credential(attribute="key", secret="shared", key=entry)
        row = a_row(a_device(device, credentials=(credential,)), id=device)
        rows[Key(Kind.DEVICE, "acme", device)] = row
        sealed[ACME, row.id] = {"key": vault.seal(Psk(digits), (ACME, row.id, "key"))}
    transaction: Any = SimpleNamespace(keys=lambda refs: {ref: sealed[ref] for ref in refs})
    return secrets_of_rows(transaction, vault, rows)


def test_devices_that_share_a_secret_find_it_whole() -> None:
    (secret,) = exported(one="cafe", two="beef")
    assert secret["metadata"]["name"] == "shared"
    assert {entry: base64.b64decode(text) for entry, text in secret["data"].items()} == {
        "one": b"cafe",
        "two": b"beef",
    }


def test_devices_that_share_an_entry_and_disagree_are_named() -> None:
    assert len(exported(same1="cafe", same2="cafe")) == 1
    with pytest.raises(Refused, match="same1 and same2"):
        exported(same1="cafe", same2="beef")


# --- dojot's format -------------------------------------------------------------------------------------


def test_dojots_export_has_the_ids_and_only_what_a_device_overrides() -> None:
    spec = a_device(
        "Freezer",
        an_override(value="SN-1"),
        an_override("temperature", None, type="dynamic", metadata=(a_metadata_override(),)),
        templates=["t"],
    ).spec
    identity = Identity(tenant=ACME, id=a_row(id="beef").id, created=NOON)
    row = replace(a_row(id="beef"), spec=spec, document=device_document(identity, spec, [TEMPLATE]))
    body = export_body([TEMPLATE], [row])
    assert body["templates"] == [
        {
            "id": 4,
            "label": "t",
            "attrs": [
                {
                    "id": 10,
                    "template_id": "4",
                    "label": "temperature",
                    "type": "dynamic",
                    "value_type": "float",
                    "metadata": [
                        {
                            "id": 12,
                            "label": "unit",
                            "type": "meta",
                            "value_type": "string",
                            "static_value": "celsius",
                        }
                    ],
                },
                {
                    "id": 11,
                    "template_id": "4",
                    "label": "serial",
                    "type": "static",
                    "value_type": "string",
                    "static_value": "s0",
                },
            ],
        }
    ]
    (device,) = body["devices"]
    assert {name: device[name] for name in ("id", "label", "templates")} == {
        "id": "beef",
        "label": "Freezer",
        "templates": [4],
    }
    temperature, serial = device["attrs"]
    assert "static_value" not in temperature
    assert temperature["metadata"][0]["static_value"] == "kelvin"
    assert serial == {
        "id": 11,
        "template_id": "4",
        "label": "serial",
        "type": "static",
        "value_type": "string",
        "static_value": "SN-1",
    }
