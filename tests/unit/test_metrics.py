"""Metrics do not grow with the fleet, have a name of ours, and say what they tell."""

import pytest
from prometheus_client import REGISTRY

from device_registry.domain.model import Key, Kind
from tests.support.manifests import a_device, a_template
from tests.support.metering import Metric, all_metrics
from tests.support.operating import Operating, operating

LABELS = {
    "code",
    "dependency",
    "difference",
    "kind",
    "method",
    "operation",
    "reason",
    "result",
    "route",
    "status",
    "type",
    "version",
    "what",
}
"""Each has a small, closed set of values."""

METRICS = all_metrics()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_has_our_prefix_a_sentence_and_labels_of_few_values(metric: Metric) -> None:
    assert metric.name.startswith("device_manager_")
    assert metric.help.endswith(".")
    assert "|" not in metric.help
    assert set(metric.labels) <= LABELS


def test_no_name_is_used_twice() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))


def series() -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Every series that is exported now."""
    return {
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("device_manager_")
    }


async def declare(it: Operating, namespace: str, devices: int) -> None:
    """A template, devices that register and one that never will."""
    it.cluster.put(a_template(namespace=namespace))
    for number in range(devices):
        it.cluster.put(a_device(f"device-{number}", namespace=namespace))
    it.cluster.put(a_device("lost", namespace=namespace, templates=[{"name": "nowhere"}]))
    await it.shows(Key(Kind.DEVICE, namespace, "lost"), "Ready", "False", "TemplateNotFound")
    await it.settled()


async def test_series_do_not_grow_with_devices_and_tenants() -> None:
    async with operating() as it:
        await declare(it, "first", 2)
        before = series()
        for number in range(4):
            await declare(it, f"tenant-{number}", 10)
        grown = series() - before
    assert grown == set()
