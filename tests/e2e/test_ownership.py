"""Git and REST own single entries of one resource, and cannot overwrite each other unawares."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.kubectl import Kubectl, KubectlError
from tests.support.manifests import a_device, a_template, changed

SERIAL = {"label": "serial", "type": "static", "staticValue": "SN-1"}
COLOR = {"label": "color", "type": "static", "staticValue": "white"}


def overriding(namespace: str, *overrides: dict[str, Any]) -> dict[str, Any]:
    device = a_device(namespace=namespace)
    device["spec"] = {"attributes": list(overrides)}
    return device


def test_a_second_manager_adds_an_override_beside_that_of_git(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(overriding(namespace, SERIAL), manager="git")
    kubectl.apply(overriding(namespace, COLOR), manager="rest")
    assert kubectl.get("dvc", "freezer-7", namespace)["spec"]["attributes"] == [SERIAL, COLOR]


def test_a_second_manager_is_told_that_git_owns_the_override(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(overriding(namespace, SERIAL), manager="git")
    with pytest.raises(KubectlError) as refused:
        kubectl.apply(overriding(namespace, SERIAL | {"staticValue": "SN-2"}), manager="rest")
    assert 'conflict with "git"' in str(refused.value)
    assert '.spec.attributes[label="serial",type="static"].staticValue' in str(refused.value)


def test_git_takes_away_its_own_override_and_no_other(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(overriding(namespace, SERIAL), manager="git")
    kubectl.apply(overriding(namespace, COLOR), manager="rest")
    kubectl.apply(overriding(namespace), manager="git")
    assert kubectl.get("dvc", "freezer-7", namespace)["spec"]["attributes"] == [COLOR]


def test_git_sees_no_difference_after_another_manager_added_an_override(
    kubectl: Kubectl, namespace: str
) -> None:
    kubectl.apply(overriding(namespace, SERIAL), manager="git")
    kubectl.apply(overriding(namespace, COLOR), manager="rest")
    assert not kubectl.diff(overriding(namespace, SERIAL), manager="git")


def test_metadata_of_one_attribute_is_owned_entry_by_entry(kubectl: Kubectl, namespace: str) -> None:
    template = a_template(namespace=namespace)
    kubectl.apply(template, manager="git")
    attribute = template["spec"]["attributes"][0]
    rest = attribute | {"metadata": [attribute["metadata"][0] | {"label": "precision"}]}
    kubectl.apply(a_template(namespace=namespace, attributes=[rest]), manager="rest")
    stored = kubectl.get("dvt", "thermometer", namespace)["spec"]["attributes"][0]
    assert [entry["label"] for entry in stored["metadata"]] == ["unit", "precision"]


def test_metadata_of_one_label_is_one_entry_whatever_its_type(kubectl: Kubectl, namespace: str) -> None:
    template = a_template(namespace=namespace)
    kubectl.apply(template, manager="git")
    other = changed(template, "spec.attributes.0.metadata.0.type", "meta")
    with pytest.raises(KubectlError) as refused:
        kubectl.apply(other, manager="rest")
    assert 'conflict with "git"' in str(refused.value)
    assert '.metadata[label="unit"].type' in str(refused.value)


def test_a_secret_reference_is_owned_as_a_whole(kubectl: Kubectl, namespace: str) -> None:
    def referring(**reference: str) -> dict[str, Any]:
        device = overriding(namespace)
        device["spec"]["credentials"] = [{"attribute": "shared_key", "secretRef": reference}]
        return device

    kubectl.apply(referring(name="freezer-7-psk", key="psk"), manager="git")
    with pytest.raises(KubectlError, match=r"\.secretRef"):
        kubectl.apply(referring(name="freezer-7-psk", key="other"), manager="rest")
