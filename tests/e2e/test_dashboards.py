"""Every panel's query, put to a real Prometheus that has scraped the real programs at work."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from local.ports import LOOPBACK
from tests.support.dashboards import FOLDER, Panel
from tests.support.manifests import a_device, a_template
from tests.support.metering import LIBRARY, all_metrics, metrics_in
from tests.support.programs import Program, free_port
from tests.support.questions import DASHBOARDS
from tests.support.road import Road
from tests.support.scraping import Prometheus

PANELS = [
    pytest.param(panel, id=f"{name}: {panel.question}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard.panels
]
SETTLED = {
    "Does one operator lead?",
    "Do Postgres and the API server answer?",
    "Does Kafka take events?",
    "How many are not Ready?",
    "How late are events?",
    "What waits for a person?",
    "Not Ready, by reason",
    "Since when?",
    "Queue",
    "Oldest in the queue and in hand",
    "Events that wait",
    "How many resources are there?",
    "How fast is Postgres?",
    "Rows that no resource stands behind",
    "How old is the last sweep?",
    "Does the lead move?",
    "Memory",
    "Processor",
    "Open files",
    "Versions",
    "Fields that the installed CRDs lack",
    "Does Postgres keep tenants apart?",
    "How many are online?",
}
"""Panels that show something even when nothing is going on; the others show what happens while it happens."""


@pytest.fixture(scope="module")
def prometheus(road: Road) -> Iterator[Prometheus]:
    """Has scraped operator, facade and monitor while a device was registered and another could not be."""
    shared = road.platform.environment(str(road.engine.url.database))
    port = str(free_port())
    others = [
        Program(
            name,
            {**shared, "API_HOST": LOOPBACK, "API_PORT": port},
            road.platform.folder.log(f"{name}-scraped"),
        )
        for name in ("api", "monitor")
    ]
    programs = [road.operator, *(one.start() for one in others)]
    root = road.platform.folder.root / "prometheus"
    with Prometheus(root, {one.name: one.metrics_port for one in programs}) as running:
        _live(road)
        running.wait_for_scrapes(5)
        yield running
    assert [one.stop() for one in others] == [0, 0]


def _live(road: Road) -> None:
    namespace = road.kubectl.create_namespace(f"test-{uuid4().hex[:12]}")
    road.kubectl.apply([a_template(namespace=namespace), a_device(namespace=namespace)])
    road.kubectl.apply(a_device("lost", namespace=namespace, templates=[{"name": "nowhere"}]))
    road.ready("device", "freezer-7", namespace)
    road.wait_for("device", "lost", namespace, "Ready=False:TemplateNotFound")


def answerable(expression: str) -> str:
    """A query as Grafana would send it for all namespaces."""
    return expression.replace("$namespace", ".*").replace("$__rate_interval", "1m")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == DASHBOARDS[name].render(), "run `make docs`"


@pytest.mark.parametrize("panel", PANELS)
def test_prometheus_understands_every_query_of_a_panel(prometheus: Prometheus, panel: Panel) -> None:
    answers = [prometheus.query(answerable(query.expression)) for query in panel.queries]
    assert all(answers) or panel.question not in SETTLED, panel.queries


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_for_what_the_programs_declare(panel: Panel) -> None:
    declared = {series: metric for metric in all_metrics() for series in metric.series}
    for query in panel.queries:
        asked = metrics_in(query.expression)
        assert asked
        assert asked <= declared.keys() | LIBRARY


def test_the_programs_export_what_they_declare(prometheus: Prometheus) -> None:
    scraped = prometheus.series()
    unseen = {metric.name for metric in all_metrics() if not metric.labels and not metric.series & scraped}
    assert unseen == set()
