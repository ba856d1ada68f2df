"""Which devices wait for which template."""

from typing import Any

from device_operator.waiting import Waiting
from device_registry.domain.model import Key, Kind
from tests.support.manifests import a_device

TEMPLATE = Key(Kind.TEMPLATE, "acme", "thermometer")
OTHER = Key(Kind.TEMPLATE, "acme", "barometer")


def device(name: str) -> Key:
    return Key(Kind.DEVICE, "acme", name)


def named(*templates: str, resolved: str | None = None) -> dict[str, Any]:
    obj = a_device(templates=[{"name": name} for name in templates])
    if resolved:
        obj["status"] = {"conditions": [{"type": "TemplatesResolved", "status": resolved}]}
    return obj


def test_a_template_knows_the_devices_that_wait_for_it() -> None:
    waiting = Waiting()
    waiting.seen(device("new"), named("thermometer"))
    waiting.seen(device("refused"), named("barometer", "thermometer", resolved="False"))
    waiting.seen(device("fine"), named("thermometer", resolved="True"))
    assert waiting.of(TEMPLATE) == [device("new"), device("refused")]
    assert waiting.of(OTHER) == [device("refused")]


def test_a_template_of_another_namespace_does_not_count() -> None:
    waiting = Waiting()
    waiting.seen(device("new"), named("thermometer"))
    assert waiting.of(Key(Kind.TEMPLATE, "other", "thermometer")) == []


def test_nothing_is_kept_of_devices_that_are_resolved_changed_or_gone() -> None:
    waiting = Waiting()
    for name in ("resolved", "changed", "gone"):
        waiting.seen(device(name), named("thermometer"))
    waiting.seen(device("resolved"), named("thermometer", resolved="True"))
    waiting.seen(device("changed"), named())
    waiting.gone(device("gone"))
    assert waiting.of(TEMPLATE) == []
    assert (waiting._devices, waiting._templates) == ({}, {})
