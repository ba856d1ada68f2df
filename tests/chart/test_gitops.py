"""What is there for GitOps: a base for kustomize, and examples that name what exists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import chartcases, chartvalues
from tests.support.chartfiles import ROOT
from tests.support.helm import Helm

if TYPE_CHECKING:
    from tests.support.kubectl import Kubectl

EXAMPLES = ROOT / "examples" / "gitops"


@pytest.fixture(scope="module")
def plain_helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm.of(tmp_path_factory.mktemp("helm"))


def test_the_base_is_what_the_chart_makes(plain_helm: Helm) -> None:
    for name, text in chartcases.base(plain_helm).items():
        assert (chartcases.BASE / name).read_text() == text, "run `make snapshots`"


@pytest.mark.parametrize("folder", ["deploy/base", "deploy/argocd", "examples/gitops/kustomize"])
def test_kustomize_builds_it(kubectl: Kubectl, folder: str) -> None:
    assert built(kubectl, folder)


def test_the_api_server_accepts_the_base(kubectl: Kubectl) -> None:
    objects = built(kubectl, "deploy/base")
    kubectl.create_namespace("device-manager")
    kubectl.dry_run(objects)


def test_the_example_overlay_changes_what_it_says(kubectl: Kubectl) -> None:
    objects = built(kubectl, "examples/gitops/kustomize")
    (settings,) = [one for one in objects if one["kind"] == "ConfigMap"]
    assert settings["data"]["DBHOST"] == "registry-rw.databases:5432"
    assert settings["data"]["SUBJECT"] == "dojot.device-manager.device"
    images = {
        one["spec"]["template"]["spec"]["containers"][0]["image"]
        for one in objects
        if one["kind"] in {"Deployment", "Job"}
    }
    assert images == {"registry.example.com/iot/device-manager:0.1.0"}


def test_the_values_of_the_examples_are_those_of_the_chart(plain_helm: Helm) -> None:
    application, _ = yaml.safe_load_all((EXAMPLES / "argocd" / "application.yaml").read_text())
    _, release = yaml.safe_load_all((EXAMPLES / "flux" / "release.yaml").read_text())
    for values in (application["spec"]["source"]["helm"]["valuesObject"], release["spec"]["values"]):
        assert plain_helm.template(values)
        assert set(values) <= set(chartvalues.values())


def built(kubectl: Kubectl, folder: str) -> list[dict[str, Any]]:
    objects = list(yaml.safe_load_all(kubectl.run("kustomize", str(ROOT / folder))))
    return json.loads(json.dumps(objects))  # type: ignore[no-any-return]
