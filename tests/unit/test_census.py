"""What the operator counts of resources that are not ready: how many, why, and for how long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from device_operator.census import Census
from device_registry.domain.model import Key, Kind
from tests.support.manifests import a_device

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def stamp(minutes: float) -> str:
    return (NOON - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def key(name: str, kind: Kind = Kind.DEVICE) -> Key:
    return Key(kind, "acme", name)


def shown(status: str, reason: str, since: float) -> dict[str, Any]:
    """A device whose Ready condition has stood so for that many minutes."""
    device = a_device()
    ready = {"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": stamp(since)}
    device["status"] = {"conditions": [ready]}
    return device


def counted(reason: str, name: str = "not_ready", kind: str = "Device") -> float | None:
    return REGISTRY.get_sample_value(f"device_manager_{name}", {"kind": kind, "reason": reason})


@pytest.fixture
def census() -> Census:
    return Census(lambda: NOON)


def test_resources_are_counted_by_the_reason_in_their_status(census: Census) -> None:
    census.seen(key("a"), shown("False", "TemplateNotFound", 3))
    census.seen(key("b"), shown("False", "TemplateNotFound", 8))
    census.seen(key("c"), shown("Unknown", "RegistryUnavailable", 1))
    census.seen(key("d"), shown("True", "Registered", 500))
    assert (counted("TemplateNotFound"), counted("RegistryUnavailable"), counted("Registered")) == (
        2,
        1,
        None,
    )
    assert counted("TemplateNotFound", "not_ready_oldest_age_seconds") == 480


def test_a_resource_without_a_status_is_new(census: Census) -> None:
    device = a_device()
    device["metadata"]["creationTimestamp"] = stamp(2)
    census.seen(key("a"), device)
    assert counted("New") == 1
    assert counted("New", "not_ready_oldest_age_seconds") == 120


def test_a_resource_that_becomes_ready_or_ends_is_not_counted_any_more(census: Census) -> None:
    for name in ("a", "b"):
        census.seen(key(name), shown("False", "InvalidSpec", 3))
    census.seen(key("a"), shown("True", "Registered", 0))
    census.gone(key("b"))
    assert counted("InvalidSpec") == 0
    assert counted("InvalidSpec", "not_ready_oldest_age_seconds") == 0


def test_a_resource_that_changes_its_reason_is_counted_once(census: Census) -> None:
    census.seen(key("a"), shown("False", "TemplateNotFound", 3))
    census.seen(key("a"), shown("False", "InvalidSpec", 1))
    assert (counted("TemplateNotFound"), counted("InvalidSpec")) == (0, 1)


def test_an_end_that_no_event_told_of_is_noted_by_the_sweep(census: Census) -> None:
    census.seen(key("missed"), shown("False", "InvalidSpec", 30))
    census.seen(key("there"), shown("False", "InvalidSpec", 30))
    census.seen(key("newer than the list"), shown("False", "InvalidSpec", 0))
    census.seen(key("t", Kind.TEMPLATE), shown("False", "InvalidSpec", 30))
    census.only(Kind.DEVICE, {key("there")})
    assert counted("InvalidSpec") == 2
    assert counted("InvalidSpec", kind="Template") == 1
    assert REGISTRY.get_sample_value("device_manager_resources", {"kind": "Device"}) == 1
