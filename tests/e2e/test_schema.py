"""The API server alone refuses what no device can be, and says which field broke which rule."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.kubectl import Kubectl, KubectlError
from tests.support.manifests import a_device, a_template, changed
from tests.support.refusals import DEVICE_REFUSALS, TEMPLATE_REFUSALS


@pytest.mark.parametrize(("path", "value", "expected"), DEVICE_REFUSALS)
def test_a_device_beyond_a_bound_is_refused_by_field_and_rule(
    kubectl: Kubectl, path: str, value: Any, expected: str
) -> None:
    _refused(kubectl, changed(a_device(), f"spec.{path}", value), _field(path), expected)


@pytest.mark.parametrize(("path", "value", "expected"), TEMPLATE_REFUSALS)
def test_a_template_beyond_a_bound_is_refused_by_field_and_rule(
    kubectl: Kubectl, path: str, value: Any, expected: str
) -> None:
    _refused(kubectl, changed(a_template(), f"spec.{path}", value), _field(path), expected)


@pytest.mark.parametrize("manifest", [a_device(), a_template()], ids=["device", "template"])
def test_a_resource_without_a_spec_is_refused(kubectl: Kubectl, manifest: dict[str, Any]) -> None:
    del manifest["spec"]
    _refused(kubectl, manifest, "spec", "Required value")


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        (a_device(), "spec.lable"),
        (a_device(), "spec.attributes.0.value"),
        (a_device(), "spec.templates.0.namespace"),
        (a_template(), "spec.attrs"),
        (a_template(), "spec.attributes.0.value_type"),
        (a_template(), "spec.attributes.0.metadata.0.unit"),
    ],
)
def test_an_unknown_field_is_refused(kubectl: Kubectl, manifest: dict[str, Any], path: str) -> None:
    field = path.rsplit(".", 1)[-1]
    with pytest.raises(KubectlError, match=rf'unknown field "spec\.(.*\.)?{field}"'):
        kubectl.create(changed(manifest, path, "x"), dry_run=True)


@pytest.mark.parametrize(
    ("manifest", "path", "value"),
    [
        (a_device(), "spec.deviceId", "70b3d57ed0051a2f"),
        (a_device(), "spec.deviceId", "urn:lora:AB-1.2_3"),
        (a_device(), "spec.label", ""),
        (a_device(), "spec.label", "Gefrierraum 7\n(hinten) ❄ 冷凍庫"),
        (a_device(), "spec.label", "é" * 128),
        (a_device(), "spec.templates", []),
        (a_device(), "spec.attributes.0.staticValue", ""),
        (a_device(), "spec.attributes.0.type", "meta"),
        (a_template(), "spec.attributes", []),
        (a_template(), "spec.templateId", 2**31 - 1),
        (a_template(), "spec.attributes.0.type", ""),
        (a_template(), "spec.attributes.0.valueType", ""),
        (a_template(), "spec.attributes.0.metadata.0.label", "Einheit (°C)"),
        (a_template(), "spec.attributes.0.metadata.0.staticValue", "line\nbreak"),
    ],
)
def test_what_the_contract_allows_is_accepted(
    kubectl: Kubectl, manifest: dict[str, Any], path: str, value: Any
) -> None:
    assert "created" in kubectl.create(changed(manifest, path, value), dry_run=True)


@pytest.mark.parametrize(
    ("manifest", "field", "ids"),
    [(a_device(), "deviceId", ("a1", "a2")), (a_template(), "templateId", (1, 2))],
    ids=["device", "template"],
)
def test_an_id_once_set_can_be_neither_changed_nor_removed(
    kubectl: Kubectl, namespace: str, manifest: dict[str, Any], field: str, ids: tuple[Any, Any]
) -> None:
    manifest["metadata"]["namespace"] = namespace
    kubectl.apply(manifest)
    kubectl.apply(changed(manifest, f"spec.{field}", ids[0]))
    for attempt in (ids[1], None):
        with pytest.raises(KubectlError, match=rf"spec\.{field}: Forbidden: {field} is immutable"):
            kubectl.patch(
                manifest["kind"],
                manifest["metadata"]["name"],
                namespace,
                {"spec": {field: attempt}},
            )


def test_the_largest_template_and_device_are_within_the_budget_of_the_rules(
    kubectl: Kubectl, namespace: str
) -> None:
    template = a_template(namespace=namespace, attributes=_largest(valueType="string", pinned=True))
    device = a_device(namespace=namespace, attributes=_largest(staticValue="1", pinned=False))
    kubectl.apply([template, device])
    assert len(kubectl.get("dvt", "thermometer", namespace)["spec"]["attributes"]) == 256
    assert len(kubectl.get("dvc", "freezer-7", namespace)["spec"]["attributes"]) == 256


def _refused(kubectl: Kubectl, manifest: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(KubectlError) as refused:
        kubectl.create(manifest, dry_run=True)
    assert field in str(refused.value)
    assert rule in str(refused.value)


def _field(path: str) -> str:
    """Return a dotted path below spec as the API server writes it, with indices in brackets."""
    return re.sub(r"\.(\d+)", r"[\1]", f"spec.{path}")


def _largest(*, pinned: bool, **fields: str) -> list[dict[str, Any]]:
    """256 attributes of 32 metadata entries each; `pinned` gives every one an id of its own."""

    def entry(prefix: str, number: int, unique: int) -> dict[str, Any]:
        pin = {"id": unique} if pinned else {}
        return {"label": f"{prefix}{number}", "type": "static", **fields, **pin}

    return [
        entry("a", number, number + 1)
        | {"metadata": [entry("m", inner, 1000 + number * 32 + inner) for inner in range(32)]}
        for number in range(256)
    ]
