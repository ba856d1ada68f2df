"""The example manifests hang together: each device finds its templates, each override its target.

The API server cannot tell this from one object, so a slip would only show as a condition.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "examples"
FLEETS = {
    "first-device": [FOLDER / "first-device.yaml"],
    "cold-chain": sorted((FOLDER / "cold-chain").rglob("*.yaml")),
}
OBJECTS = {
    fleet: [item for file in files for item in yaml.safe_load_all(file.read_text())]
    for fleet, files in FLEETS.items()
}


def of_kind(fleet: str, kind: str) -> list[dict[str, Any]]:
    return [item for item in OBJECTS[fleet] if item["kind"] == kind]


TEMPLATES = {
    (fleet, item["metadata"]["name"]): item["spec"]["attributes"]
    for fleet in FLEETS
    for item in of_kind(fleet, "Template")
}
DEVICES = [
    pytest.param(fleet, item["spec"], id=item["metadata"]["name"])
    for fleet in FLEETS
    for item in of_kind(fleet, "Device")
]


def inherited(fleet: str, spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [attribute for template in spec["templates"] for attribute in TEMPLATES[fleet, template["name"]]]


def key(item: dict[str, Any]) -> tuple[str, str]:
    return item["label"], item["type"]


@pytest.mark.parametrize(("fleet", "spec"), DEVICES)
def test_the_templates_of_a_device_exist_and_do_not_conflict(fleet: str, spec: dict[str, Any]) -> None:
    attributes = inherited(fleet, spec)
    assert attributes
    assert len({key(attribute) for attribute in attributes}) == len(attributes)


@pytest.mark.parametrize(("fleet", "spec"), DEVICES)
def test_an_override_changes_something_that_its_templates_declare(fleet: str, spec: dict[str, Any]) -> None:
    declared = {key(attribute): attribute for attribute in inherited(fleet, spec)}
    for override in spec.get("attributes", []):
        target = declared[key(override)]
        known = {key(entry): entry.get("staticValue") for entry in target.get("metadata", [])}
        assert override.get("staticValue", "") != target.get("staticValue")
        for entry in override.get("metadata", []):
            assert known[key(entry)] != entry["staticValue"]


def test_the_cold_chain_is_a_fleet_of_sixty_with_ids_of_their_own() -> None:
    devices = of_kind("cold-chain", "Device")
    names = Counter(item["metadata"]["name"] for item in devices)
    ids = Counter(item["spec"]["deviceId"] for item in devices if "deviceId" in item["spec"])
    assert names.total() == len(names) == 60
    assert 0 < ids.total() == len(ids) < 60


def test_the_cold_chain_is_bound_to_its_tenant() -> None:
    (namespace,) = of_kind("cold-chain", "Namespace")
    assert namespace["metadata"]["name"] == "cold-chain"
    assert namespace["metadata"]["annotations"] == {"dojot.io/tenant": "coldchain"}


def test_every_example_is_listed_in_its_kustomization() -> None:
    for kustomization in (FOLDER / "cold-chain").rglob("kustomization.yaml"):
        listed = set(yaml.safe_load(kustomization.read_text())["resources"])
        found = {
            str(file.relative_to(kustomization.parent))
            for file in kustomization.parent.rglob("*.yaml")
            if file.name != "kustomization.yaml" and _nearest(file) == kustomization
        }
        assert found == {entry for entry in listed if entry.endswith(".yaml")}


def _nearest(file: Path) -> Path:
    """Return the kustomization that is responsible for a file."""
    above = (parent / "kustomization.yaml" for parent in file.parents)
    return next(candidate for candidate in above if candidate.exists())
