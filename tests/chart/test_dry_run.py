"""The API server accepts what the chart makes of the whole matrix of values, strictly validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support import chartcases
from tests.support.chartobjects import pod_spec

if TYPE_CHECKING:
    from tests.support.helm import Helm
    from tests.support.kubectl import Kubectl

FOREIGN = {"PodMonitor", "ServiceMonitor", "PrometheusRule"}
"""Kinds of Prometheus' operator, which this cluster does not know."""


@pytest.fixture(scope="module")
def namespaces(kubectl: Kubectl) -> None:
    """The namespaces that the matrix names; pods are refused that are not restricted."""
    for name in ("iot", "acme", "globex"):
        kubectl.create_namespace(name)
        kubectl.run("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")


@pytest.mark.parametrize("case", chartcases.CASES)
@pytest.mark.usefixtures("namespaces")
def test_every_object_is_accepted(helm: Helm, kubectl: Kubectl, case: str) -> None:
    objects = [one for one in chartcases.rendered(helm, case) if one["kind"] not in FOREIGN]
    kubectl.dry_run(objects)


@pytest.mark.parametrize("case", chartcases.CASES)
@pytest.mark.usefixtures("namespaces")
def test_every_pod_fits_the_restricted_standard(helm: Helm, kubectl: Kubectl, case: str) -> None:
    pods = [a_pod(one) for one in chartcases.rendered(helm, case) if pod_spec(one)]
    kubectl.dry_run(pods)


def a_pod(one: dict[str, Any]) -> dict[str, Any]:
    """The pod that a controller would make of the object."""
    name = f"{one['metadata']['name']}-{one['kind'].lower()}"
    restart = {"restartPolicy": "Never"} if one["kind"] == "Job" else {}
    spec = {key: value for key, value in pod_spec(one).items() if key != "priorityClassName"}
    meta = {"name": name, "namespace": one["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec | restart}
