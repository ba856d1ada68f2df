"""What the chart brings for Prometheus and Grafana."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import chartcases
from tests.support.chartobjects import component
from tests.support.helm import CHART

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.helm import Helm

PROGRAMS = ("operator", "facade", "monitor")


def test_the_dashboards_are_found_by_the_sidecar_and_are_those_of_the_project(
    everything: list[dict[str, Any]],
) -> None:
    found = [one for one in everything if "grafana_dashboard" in one["metadata"].get("labels", {})]
    shipped = {name: text for one in found for name, text in one["data"].items()}
    folder = CHART / "files" / "dashboards"
    files = {f"device-manager-{path.name}": path.read_text() for path in folder.glob("*.json")}
    assert files
    assert {name: json.loads(text) for name, text in shipped.items()} == {
        name: json.loads(text) for name, text in files.items()
    }
    assert all(one["metadata"]["annotations"]["grafana_folder"] == "IoT" for one in found)


@pytest.mark.parametrize(
    ("case", "pages"),
    [("everything", "https://docs.example.com/iot/runbooks.html"), ("given-secrets", "docs/runbooks.md")],
)
def test_the_alerts_are_those_of_the_project_and_link_to_the_runbooks_where_they_are_published(
    helm4: Helm, case: str, pages: str
) -> None:
    (rule,) = [one for one in chartcases.rendered(helm4, case) if one["kind"] == "PrometheusRule"]
    source = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    for one in alerts(source["groups"]):
        one["annotations"]["runbook_url"] = f"{pages}#{one['alert'].lower()}"
    assert rule["spec"]["groups"] == source["groups"]


def test_monitors_read_the_metrics_port_of_every_program(everything: list[dict[str, Any]]) -> None:
    of = {one["kind"]: one for one in everything if component(one) == "metrics"}
    service, pod_monitor, monitor = of["Service"], of["PodMonitor"]["spec"], of["ServiceMonitor"]["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [one["port"] for one in monitor["endpoints"]] == [service["spec"]["ports"][0]["name"]]
    (endpoint,) = pod_monitor["podMetricsEndpoints"]
    assert endpoint["port"] == service["spec"]["ports"][0]["targetPort"]
    read = {component(one) for one in everything if one["kind"] == "Deployment"}
    assert read == set(PROGRAMS)
    for one in [one["spec"]["template"] for one in everything if one["kind"] == "Deployment"]:
        labels = one["metadata"]["labels"].items()
        assert pod_monitor["selector"]["matchLabels"].items() <= labels
        assert service["spec"]["selector"].items() <= labels
        assert {9090} == {
            port["containerPort"]
            for container in one["spec"]["containers"]
            for port in container.get("ports", ())
            if port["name"] == endpoint["port"]
        }


def alerts(groups: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for group in groups:
        yield from group["rules"]
