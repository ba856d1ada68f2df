"""GitOps tools see no difference in what has settled, and the operator owns no field of a spec."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import ROOT
from tests.support.manifests import a_template
from tests.support.road import Road

EXAMPLES = ROOT / "examples"
TEMPLATES = 30
DEVICES = 270
WORDS = ("ä", "0", "no", "~", "1e3", "a: b", "line\nline", '"', "#", " blank ", "日本", "", "x" * 128)
"""Texts that YAML, JSON or a careless parser would take for something else."""


class Drawing:
    """Manifests by chance that register: templates whose attributes do not clash, devices that use them."""

    def __init__(self, seed: int, namespace: str) -> None:
        self._chance = random.Random(seed)
        self._namespace = namespace

    def manifests(self) -> Iterator[dict[str, Any]]:
        """Templates first, though nobody demands it."""
        templates = [self._template(number) for number in range(TEMPLATES)]
        yield from templates
        for number in range(DEVICES):
            yield self._device(number, self._chance.sample(templates, self._chance.randrange(4)))

    def _template(self, number: int) -> dict[str, Any]:
        count = self._chance.randrange(6)
        attributes = [self._attribute(f"a{number}_{position}") for position in range(count)]
        spec = self._some({"label": self._word(), "compatibility": "Backward", "deletionPolicy": "Retain"})
        return a_template(f"template-{number}", self._namespace, **spec, attributes=attributes)

    def _attribute(self, label: str) -> dict[str, Any]:
        kind = self._chance.choice(["static", "dynamic", "actuator", "meta", "mqtt"])
        unit = {"label": self._word() or "unit", "type": "static", "valueType": "string"}
        optional = {"staticValue": self._word(), "metadata": [unit | {"staticValue": self._word()}]}
        return {"label": label, "type": kind, "valueType": self._short(), **self._some(optional)}

    def _device(self, number: int, templates: list[dict[str, Any]]) -> dict[str, Any]:
        declared = [one for template in templates for one in template["spec"]["attributes"]]
        taken = self._chance.sample(declared, min(len(declared), self._chance.randrange(3)))
        overrides = [
            {"label": one["label"], "type": one["type"], "staticValue": self._word()} for one in taken
        ]
        spec = self._some(
            {
                "label": self._word(),
                "deviceId": f"{number:04x}",
                "deletionPolicy": "Delete",
                "adoptionPolicy": "IfIdentical",
                "attributes": overrides,
            }
        )
        names = [{"name": one["metadata"]["name"]} for one in templates]
        metadata = {"name": f"device-{number}", "namespace": self._namespace}
        head = {"apiVersion": "dojot.io/v1alpha1", "kind": "Device", "metadata": metadata}
        return head | {"spec": {**spec, "templates": names}}

    def _some(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if self._chance.random() < 0.5}

    def _word(self) -> str:
        return self._chance.choice(WORDS)

    def _short(self) -> str:
        return self._chance.choice([word for word in WORDS if len(word) <= 32])


def examples() -> list[Path]:
    """Every example that can be applied by itself."""
    return [EXAMPLES / "first-device.yaml", EXAMPLES / "cold-chain"]


@pytest.mark.parametrize("server_side", [True, False], ids=["server-side", "client-side"])
@pytest.mark.parametrize("example", examples(), ids=lambda path: path.stem)
def test_an_example_that_is_ready_leaves_nothing_to_diff(
    road: Road, example: Path, *, server_side: bool
) -> None:
    road.kubectl.apply(example, server_side=server_side)
    settle(road)
    assert not road.kubectl.diff(example, server_side=server_side)
    source = str(example) if example.is_file() else ""
    text = Path(source).read_text() if source else road.kubectl.run("kustomize", str(example))
    named = [one for one in yaml.safe_load_all(text) if one["kind"] in {"Device", "Template"}]
    owned_by_people(road, named)
    road.kubectl.run("delete", "-f" if source else "-k", str(example), "--timeout=60s")


@pytest.mark.parametrize("server_side", [True, False], ids=["server-side", "client-side"])
def test_three_hundred_drawn_manifests_that_are_ready_leave_nothing_to_diff(
    road: Road, namespace: str, *, server_side: bool
) -> None:
    declared = list(Drawing(seed=7 + server_side, namespace=namespace).manifests())
    assert len(declared) == TEMPLATES + DEVICES
    road.kubectl.apply(declared, server_side=server_side)
    settle(road, namespace)
    assert not road.kubectl.diff(declared, server_side=server_side)
    owned_by_people(road, declared)


def settle(road: Road, namespace: str = "") -> None:
    """Wait until everything is Ready and told."""
    where = ["-n", namespace] if namespace else ["-A"]
    for condition in ("Ready", "Published"):
        kinds = "devices,templates" if condition == "Ready" else "devices"
        road.kubectl.run("wait", kinds, "--all", *where, f"--for=condition={condition}", "--timeout=120s")


def owned_by_people(road: Road, declared: list[dict[str, Any]]) -> None:
    """No manager but the one that applied owns anything of a spec; the operator's entries are of status."""
    places = {(one["kind"].lower(), one["metadata"].get("namespace", "default")) for one in declared}
    for kind, namespace in places:
        for found in road.kubectl.list(kind, namespace):
            # Of what was applied without a single field nobody is noted as the owner of anything.
            entries = found["metadata"].get("managedFields", [])
            owners = {one["manager"] for one in entries if "f:spec" in one["fieldsV1"]}
            assert owners <= {"git", "kubectl-client-side-apply"}, found["metadata"]["name"]
            others = [one for one in entries if one["manager"] not in owners]
            assert all(one.get("subresource") == "status" for one in others if "f:status" in one["fieldsV1"])
