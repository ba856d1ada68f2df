"""The chart rendered: the matrix of values in its folder ci/, and the snapshots of what Helm makes of them.

`make snapshots` writes the snapshots anew; look at the difference before you commit it.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support.helm import CHART, Helm

CASES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
SNAPSHOTS = Path(__file__).parents[1] / "chart" / "snapshots"
POLICIES = "--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
"""What Helm would learn from a cluster of Kubernetes 1.36 or newer."""


def rendered(helm: Helm, case: str) -> list[dict[str, Any]]:
    """Every object of a case, hooks included, in an order that does not depend on Helm's version."""
    values = yaml.safe_load((CHART / "ci" / f"{case}-values.yaml").read_text())
    return sorted(helm.template(values, POLICIES), key=_place)


def snapshot(objects: Sequence[dict[str, Any]]) -> str:
    """The text that is kept; what is equal to its source by another test would only fill it."""
    shown = [_without_copies(one) for one in objects if one["kind"] != "CustomResourceDefinition"]
    return yaml.safe_dump_all(shown, sort_keys=True, width=120)


def _without_copies(one: dict[str, Any]) -> dict[str, Any]:
    """The object without what is a copy of a file: dashboards and alerts."""
    if "-dashboard-" in one["metadata"]["name"]:
        return one | {"data": sorted(one["data"])}
    return one | {"spec": "..."} if one["kind"] == "PrometheusRule" else one


# --- the base for kustomize -------------------------------------------------------------------------------

BASE = Path(__file__).parents[2] / "deploy" / "base"
_BASE_VALUES = {
    "fullnameOverride": "device-manager",
    "database": {"existingSecret": "device-manager-registry"},
    # Hooks are Helm's: kustomize would apply them with the rest.
    "tests": {"enabled": False},
    "uninstall": {"releaseFinalizers": False},
}
_OF_HELM = ("helm.sh/chart", "app.kubernetes.io/managed-by")


def base(helm: Helm) -> dict[str, str]:
    """Files of the base: name -> text."""
    objects = sorted(_base_objects(helm), key=_place)
    crds = [one for one in objects if one["kind"] == "CustomResourceDefinition"]
    rest = [one for one in objects if one not in crds]
    made = "# Made of the chart by `make snapshots`.\n"
    return {
        "crds.yaml": made + yaml.safe_dump_all(map(_plain, crds), width=120),
        "device-manager.yaml": made + yaml.safe_dump_all(map(_plain, rest), width=120),
    }


def _base_objects(helm: Helm) -> list[dict[str, Any]]:
    return helm.template(_BASE_VALUES, POLICIES, "--namespace=device-manager", release="device-manager")


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    """The object without what only Helm understands."""
    meta = dict(one["metadata"])
    labels = {name: text for name, text in meta["labels"].items() if name not in _OF_HELM}
    notes = {name: text for name, text in meta.pop("annotations", {}).items() if "helm.sh" not in name}
    return one | {"metadata": meta | {"labels": labels} | ({"annotations": notes} if notes else {})}


def _place(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        for case in CASES:
            SNAPSHOTS.mkdir(exist_ok=True)
            text = snapshot(rendered(Helm.of(Path(home)), case))
            (SNAPSHOTS / f"{case}.yaml").write_text(text)
        for name, text in base(Helm.of(Path(home))).items():
            (BASE / name).write_text(text)
