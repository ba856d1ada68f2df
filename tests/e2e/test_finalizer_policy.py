"""The admission policy puts the operator's finalizer on new resources, and touches nothing else."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import ROOT
from tests.support.manifests import a_device, a_template, changed

if TYPE_CHECKING:
    from tests.support.kubectl import Kubectl

POLICY = ROOT / "charts/device-manager/files/finalizer-policy.yaml"
OURS = "dojot.io/device-manager"
THEIRS = "example.com/guard"
NOTICE_SECONDS = 30.0
"""The API server takes up a new policy within a second or so; this is where we give up."""


@pytest.fixture(scope="module", autouse=True)
def policy(kubectl: Kubectl, shared_namespace: str) -> None:
    """Install the policy and wait until the API server heeds it."""
    kubectl.apply(POLICY, manager="chart")
    probe = a_device("probe", shared_namespace)
    deadline = time.monotonic() + NOTICE_SECONDS
    while OURS not in kubectl.run(
        "create", "-f", "-", "--dry-run=server", "-o", "json", stdin=json.dumps(probe)
    ):
        assert time.monotonic() < deadline, "the API server does not heed the policy"


@pytest.mark.parametrize("manifest", [a_device(), a_template()], ids=["device", "template"])
@pytest.mark.parametrize("server_side", [True, False], ids=["server-side", "client-side"])
def test_a_new_resource_has_the_finalizer_at_generation_1_and_nothing_to_diff(
    kubectl: Kubectl, namespace: str, manifest: dict[str, Any], *, server_side: bool
) -> None:
    declared = changed(manifest, "metadata.namespace", namespace)
    kubectl.apply(declared, server_side=server_side)
    assert _finalizers(kubectl, declared) == [OURS]
    assert _stored(kubectl, declared)["metadata"]["generation"] == 1
    assert not kubectl.diff(declared, server_side=server_side)


def test_applying_again_keeps_the_finalizer(kubectl: Kubectl, namespace: str) -> None:
    for serial in ("SN-1", "SN-2"):
        declared = a_device(namespace=namespace)
        kubectl.apply(changed(declared, "spec.attributes.0.staticValue", serial))
        assert _finalizers(kubectl, declared) == [OURS]


def test_foreign_finalizers_stay_in_front(kubectl: Kubectl, namespace: str) -> None:
    declared = changed(a_device(namespace=namespace), "metadata.finalizers", [THEIRS])
    kubectl.apply(declared)
    assert _finalizers(kubectl, declared) == [THEIRS, OURS]
    assert not kubectl.diff(declared)


def test_a_declared_finalizer_is_not_doubled(kubectl: Kubectl, namespace: str) -> None:
    declared = changed(a_device(namespace=namespace), "metadata.finalizers", [OURS, THEIRS])
    kubectl.apply(declared)
    assert _finalizers(kubectl, declared) == [OURS, THEIRS]


def test_no_manager_owns_the_added_finalizer(kubectl: Kubectl, namespace: str) -> None:
    declared = a_device(namespace=namespace)
    kubectl.apply(declared)
    owned = [entry["fieldsV1"] for entry in _stored(kubectl, declared)["metadata"]["managedFields"]]
    assert "f:finalizers" not in str(owned)


def test_a_finalizer_taken_off_is_not_put_back(kubectl: Kubectl, namespace: str) -> None:
    declared = a_device(namespace=namespace)
    kubectl.apply(declared)
    kubectl.patch("dvc", "freezer-7", namespace, {"metadata": {"finalizers": None}})
    assert _finalizers(kubectl, declared) == []


def test_the_policy_itself_leaves_nothing_to_diff(kubectl: Kubectl) -> None:
    assert not kubectl.diff(POLICY, manager="chart")


def test_foreign_kinds_are_left_alone(kubectl: Kubectl, namespace: str) -> None:
    metadata = {"name": "other", "namespace": namespace}
    declared = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    kubectl.apply(declared)
    assert _finalizers(kubectl, declared) == []


def _stored(kubectl: Kubectl, declared: dict[str, Any]) -> dict[str, Any]:
    metadata = declared["metadata"]
    return kubectl.get(declared["kind"], metadata["name"], metadata["namespace"])


def _finalizers(kubectl: Kubectl, declared: dict[str, Any]) -> list[str]:
    found: list[str] = _stored(kubectl, declared)["metadata"].get("finalizers", [])
    return found
