"""The dashboards of the chart, made for three questions. `make docs` writes them as Grafana takes them.

A panel is a question with the queries that answer it; tests/integration/test_dashboards.py puts every query
to a Prometheus that has scraped the real programs.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "charts" / "device-manager" / "files" / "dashboards"

_WIDTH = 24
_HEIGHT = 8
_STAT_HEIGHT = 4
SCOPE = 'namespace=~"$namespace"'
"""Every selector has it. Without the label, as in a Prometheus that scrapes by hand, `.*` takes all."""
RATE = "$__rate_interval"


@dataclass(frozen=True)
class Query:
    """One query and the name of its lines."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One question.

    Attributes:
        question: the title.
        help: what the answer means, and what to do about a bad one.
        queries: what is asked.
        unit: of the answers, one of Grafana's.
        width: in columns of 24.
        red: from which value on a single number is bad; None: it is only told.
        low_is_red: it is bad below that value instead.
    """

    question: str
    help: str
    queries: Sequence[Query]
    unit: str = "short"
    width: int = 12
    red: float | None = None
    low_is_red: bool = False
    single: bool = False


@dataclass(frozen=True)
class Dashboard:
    """A page of rows."""

    uid: str
    title: str
    rows: Mapping[str, Sequence[Panel]]

    @property
    def panels(self) -> list[Panel]:
        """All panels."""
        return [panel for panels in self.rows.values() for panel in panels]

    def render(self) -> str:
        """As JSON for Grafana."""
        return json.dumps(_dashboard(self), indent=1) + "\n"


def scoped(name: str, *more: str) -> str:
    """A selector of a metric within the chosen namespaces."""
    return f"{name}{{{','.join((SCOPE, *more))}}}"


def rate(name: str, *more: str, by: str = "") -> str:
    """How often something happens, per second, summed over all processes."""
    return f"sum{f' by ({by})' if by else ''} (rate({scoped(name, *more)}[{RATE}]))"


def quantile(share: float, name: str, *more: str, by: str = "") -> str:
    """The time within which that share of what a histogram measured was over."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({scoped(name + '_bucket', *more)}[{RATE}])))"


def usual_and_worst(histogram: str) -> list[Query]:
    """How long half of what a histogram measured took at the most, and 99 of 100."""
    return [Query(quantile(0.5, histogram), "half"), Query(quantile(0.99, histogram), "99 of 100")]


def highest(name: str, *more: str, by: str = "") -> str:
    """A gauge that the leader knows and the others show as 0."""
    return f"max{f' by ({by})' if by else ''} ({scoped(name, *more)})"


# --- as Grafana takes it --------------------------------------------------------------------------------

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_VARIABLES = [
    {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
    },
    {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": _SOURCE,
        "query": {
            "query": "label_values(device_manager_build_info, namespace)",
            "refId": "namespace",
        },
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    },
]


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["device-manager"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _VARIABLES},
        "links": [
            {"type": "dashboards", "title": "Device manager", "tags": ["device-manager"], "asDropdown": False}
        ],
        "panels": list(_placed(dashboard)),
    }


def _placed(dashboard: Dashboard) -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    numbers, top = itertools.count(1), 0
    for title, panels in dashboard.rows.items():
        grid = {"h": 1, "w": _WIDTH, "x": 0, "y": top}
        placed.append({"id": next(numbers), "type": "row", "title": title, "gridPos": grid, "panels": []})
        top, left, tallest = top + 1, 0, 0
        for panel in panels:
            height = _STAT_HEIGHT if panel.single else _HEIGHT
            if left + panel.width > _WIDTH:
                top, left, tallest = top + tallest, 0, 0
            grid = {"h": height, "w": panel.width, "x": left, "y": top}
            placed.append({"id": next(numbers), "gridPos": grid, **_panel(panel)})
            left, tallest = left + panel.width, max(tallest, height)
        top += tallest
    return placed


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": "stat" if panel.single else "timeseries",
        "title": panel.question,
        "description": panel.help,
        "datasource": _SOURCE,
        "targets": [_target(number, query) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, **_thresholds(panel)}, "overrides": []},
        "options": _stat() if panel.single else _lines(),
    }


def _target(number: int, query: Query) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + number),
        "datasource": _SOURCE,
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
    }


def _thresholds(panel: Panel) -> dict[str, Any]:
    if panel.red is None:
        return {}
    first, then = ("red", "green") if panel.low_is_red else ("green", "red")
    steps = [{"color": first, "value": None}, {"color": then, "value": panel.red}]
    return {"color": {"mode": "thresholds"}, "thresholds": {"mode": "absolute", "steps": steps}}


def _stat() -> dict[str, Any]:
    return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "graphMode": "area"}


def _lines() -> dict[str, Any]:
    return {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
