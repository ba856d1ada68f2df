"""What was applied is what is stored: nothing is added, lost or rewritten, so GitOps stays quiet."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.e2e.conftest import ROOT
from tests.support.crds import schema, values

if TYPE_CHECKING:
    from tests.support.kubectl import Kubectl

EXAMPLES = ROOT / "examples"
BATCH = 20
"""Manifests in one call of kubectl: starting it costs more than an object does."""
NUMBERS = count(1)


def says_something(override: dict[str, Any]) -> bool:
    return "staticValue" in override or bool(override.get("metadata"))


def with_ids_once(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop an entry whose pinned id an earlier entry has."""
    earlier: set[int] = set()
    kept = []
    for entry in entries:
        nested = with_ids_once(entry.get("metadata", []))
        if entry.get("id") not in earlier:
            kept.append(entry | ({"metadata": nested} if "metadata" in entry else {}))
        earlier |= {entry["id"]} if "id" in entry else set()
    return kept


def allowed(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a drawn spec without what the rules in CEL refuse."""
    if "attributes" not in spec:
        return spec
    entries = spec["attributes"]
    kept = [entry for entry in entries if says_something(entry)]
    return spec | {"attributes": kept if kind == "Device" else with_ids_once(entries)}


def manifests(kind: str, plural: str) -> st.SearchStrategy[dict[str, Any]]:
    specs = values(schema(plural)["properties"]["spec"])
    return specs.map(lambda spec: {"kind": kind, "spec": allowed(kind, spec)})


BATCHES = st.lists(
    manifests("Device", "devices") | manifests("Template", "templates"),
    min_size=BATCH,
    max_size=BATCH,
)


def named(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    metadata = {"name": f"drawn-{next(NUMBERS)}", "namespace": namespace}
    return {"apiVersion": "dojot.io/v1alpha1", "metadata": metadata, **manifest}


@pytest.mark.parametrize("server_side", [True, False], ids=["server-side", "client-side"])
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # shrinking would apply thousands of objects to a real cluster
    suppress_health_check=list(HealthCheck),
)
@given(batch=BATCHES)
def test_a_drawn_manifest_is_stored_as_it_is(
    kubectl: Kubectl, shared_namespace: str, batch: list[dict[str, Any]], *, server_side: bool
) -> None:
    declared = [named(manifest, shared_namespace) for manifest in batch]
    kubectl.apply(declared, server_side=server_side)
    assert not kubectl.diff(declared, server_side=server_side)
    specs = {item["metadata"]["name"]: item["spec"] for item in kubectl.list("iot", shared_namespace)}
    assert [specs[item["metadata"]["name"]] for item in declared] == [item["spec"] for item in declared]


@pytest.mark.parametrize("server_side", [True, False], ids=["server-side", "client-side"])
def test_the_smallest_example_is_accepted_and_leaves_nothing_to_diff(
    kubectl: Kubectl, namespace: str, *, server_side: bool
) -> None:
    text = (EXAMPLES / "first-device.yaml").read_text()
    declared = [_into(namespace, item) for item in yaml.safe_load_all(text)]
    kubectl.apply(declared, server_side=server_side)
    assert not kubectl.diff(declared, server_side=server_side)


@pytest.mark.parametrize("server_side", [True, False], ids=["server-side", "client-side"])
def test_the_cold_chain_is_accepted_and_leaves_nothing_to_diff(
    kubectl: Kubectl, namespace: str, *, server_side: bool
) -> None:
    built = yaml.safe_load_all(kubectl.run("kustomize", str(EXAMPLES / "cold-chain")))
    declared = [_into(namespace, item) for item in built if item["kind"] != "Namespace"]
    kubectl.apply(declared, server_side=server_side)
    assert len(kubectl.list("dvc", namespace)) == 60
    assert not kubectl.diff(declared, server_side=server_side)


def test_the_cold_chain_is_applied_from_its_folder_as_its_readme_says(kubectl: Kubectl) -> None:
    kubectl.apply(EXAMPLES / "cold-chain")
    assert not kubectl.diff(EXAMPLES / "cold-chain")
    pinned = kubectl.list("dvc", "cold-chain", "--field-selector=spec.deviceId=70b3d57ed0051a01")
    assert [item["metadata"]["name"] for item in pinned] == ["rotterdam-room-a1"]


def _into(namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
    return manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}}
