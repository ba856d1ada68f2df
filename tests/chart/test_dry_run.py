"""The API server accepts what the chart makes of the whole matrix of values, strictly validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local import binaries
from tests.support import chartcases
from tests.support.chartobjects import pod_spec
from tests.support.kubectl import KubectlError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.helm import Helm
    from tests.support.kubectl import Kubectl

FOREIGN = ("podmonitors", "servicemonitors", "prometheusrules")
"""Kinds of Prometheus' operator that the chart may make objects of."""


@pytest.fixture(scope="module")
def definitions(kubectl: Kubectl) -> Iterator[None]:
    """Let the cluster know them for a while; other tests render for one that does not."""
    paths = binaries.definitions_for_prometheus(FOREIGN)
    files = [f"--filename={path}" for path in paths]
    kubectl.run("apply", "--server-side", *files)
    kubectl.run("wait", "--for=condition=Established", "--timeout=30s", *files)
    yield
    kubectl.run("delete", "--wait", *files)


@pytest.fixture(scope="module")
def namespaces(kubectl: Kubectl) -> None:
    """The namespaces that the matrix names; pods are refused that are not restricted."""
    for name in ("iot", "acme", "globex"):
        kubectl.create_namespace(name)
        kubectl.run("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")


@pytest.mark.parametrize("case", chartcases.CASES)
@pytest.mark.usefixtures("definitions", "namespaces")
def test_every_object_is_accepted(helm: Helm, kubectl: Kubectl, case: str) -> None:
    kubectl.dry_run(chartcases.rendered(helm, case))


@pytest.mark.usefixtures("definitions", "namespaces")
def test_what_prometheus_operator_would_not_understand_is_refused(helm: Helm, kubectl: Kubectl) -> None:
    objects = chartcases.rendered(helm, "everything")
    monitors = [one for one in objects if one["kind"] == "PodMonitor"]
    assert monitors
    monitors[0]["spec"]["podMetricsEndpoint"] = []
    with pytest.raises(KubectlError, match="podMetricsEndpoint"):
        kubectl.dry_run(monitors)


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
