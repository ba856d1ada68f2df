"""How long data count: asked of the registry, remembered, and guessed rather than lost when it is away."""

from collections.abc import Collection, Mapping

import pytest
from structlog.testing import capture_logs

from device_monitor import timeouts
from device_monitor.dependencies import Dependencies
from device_monitor.timeouts import KNOWN_SECONDS, UNKNOWN_SECONDS, Timeouts
from device_registry.domain.errors import RegistryUnavailable
from device_registry.domain.model import DeviceId, Tenant

ACME = Tenant("acme")


class Source:
    """A registry that can be away."""

    def __init__(self, **devices: str | None) -> None:
        self.devices = {DeviceId(one): text for one, text in devices.items()}
        self.away = False
        self.asked: list[set[DeviceId]] = []

    def device_timeouts(self, tenant: Tenant, ids: Collection[DeviceId]) -> Mapping[DeviceId, str | None]:
        self.asked.append(set(ids))
        if self.away:
            raise RegistryUnavailable
        return {one: self.devices[one] for one in ids if one in self.devices}


class Scene:
    def __init__(self, **devices: str | None) -> None:
        self.now = 0.0
        self.source = Source(**devices)
        self.timeouts = Timeouts(self.source, 5.0, Dependencies(), lambda: self.now)

    def of(self, *devices: str) -> dict[str, int]:
        found = self.timeouts.of(ACME, [DeviceId(one) for one in devices])
        return {str(device): lasting for device, lasting in found.items()}


def test_the_template_goes_before_the_setting() -> None:
    assert Scene(a="1500", b=None).of("a", "b") == {"a": 1500, "b": 5000}


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "soon", "9" * 30, "\u0663"])
def test_a_time_out_that_is_none_is_ignored(text: str) -> None:
    assert Scene(a=text).of("a") == {"a": 5000}


def test_devices_that_do_not_exist_are_left_out_and_soon_asked_again() -> None:
    scene = Scene()
    assert scene.of("new") == {}
    scene.source.devices[DeviceId("new")] = None
    assert scene.of("new") == {}
    scene.now += UNKNOWN_SECONDS
    assert scene.of("new") == {"new": 5000}


def test_what_is_known_is_not_asked_again_for_a_while() -> None:
    scene = Scene(a="1000")
    scene.of("a")
    scene.source.devices[DeviceId("a")] = "2000"
    scene.now += KNOWN_SECONDS - 1
    assert scene.of("a") == {"a": 1000}
    scene.now += 1
    assert scene.of("a") == {"a": 2000}
    assert scene.source.asked == [{"a"}, {"a"}]


def test_while_the_registry_is_away_what_is_known_counts_and_everybody_else_is_believed() -> None:
    scene = Scene(a="1000")
    scene.of("a")
    scene.source.away = True
    scene.now += KNOWN_SECONDS
    with capture_logs() as logs:
        for _ in range(5):
            assert scene.of("a", "b") == {"a": 1000, "b": 5000}
        assert len(scene.source.asked) == 2, "it is left alone for a while"
        scene.source.away = False
        scene.now += KNOWN_SECONDS
        assert scene.of("a", "b") == {"a": 1000}
    assert [one["event"] for one in logs] == ["the monitor waits", "the monitor goes on"]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "MOST_KEPT", 3)
    scene = Scene(**dict.fromkeys("abcdef", "1000"))
    for device in "abcdef":
        assert scene.of(device) == {device: 1000}
    assert len(scene.timeouts._kept) <= 3
