"""The metrics that the programs export: found in the code, for pages, dashboards, alerts and their tests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase

import device_api.metrics
import device_monitor.metrics
import device_operator.metrics
import device_registry.metrics
import device_registry.probes

MODULES: dict[str, tuple[ModuleType, ...]] = {
    "Operator": (device_operator.metrics, device_registry.metrics),
    "Facade": (device_api.metrics,),
    "Monitor": (device_monitor.metrics,),
    "Every program": (device_registry.probes,),
}
"""Programs, and where their metrics are declared."""

LIBRARY = frozenset(
    {
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    }
)
"""What the client library of Prometheus adds by itself, as far as dashboards ask for it."""


@dataclass(frozen=True)
class Metric:
    """One metric as it is exported."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str

    @property
    def series(self) -> set[str]:
        """The names of its series."""
        if self.type == "histogram":
            return {f"{self.name}_{part}" for part in ("bucket", "sum", "count")}
        return {self.name}


def metrics_of(program: str) -> list[Metric]:
    """The metrics of a program, in the order of the code."""
    return [metric for module in MODULES[program] for metric in _declared(module)]


def all_metrics() -> list[Metric]:
    """The metrics of all programs."""
    return [metric for program in MODULES for metric in metrics_of(program)]


def exported_names() -> set[str]:
    """The names of all series."""
    return set(LIBRARY).union(*(metric.series for metric in all_metrics()))


def metrics_in(expression: str) -> set[str]:
    """The names of the series that a PromQL expression asks for."""
    return set(re.findall(r"\b(?:device_manager|process|python)_[a-z0-9_]+", expression))


def _declared(module: ModuleType) -> Iterator[Metric]:
    for value in vars(module).values():
        if isinstance(value, MetricWrapperBase):
            (family,) = value.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            yield Metric(name, family.type, tuple(value._labelnames), family.documentation)
