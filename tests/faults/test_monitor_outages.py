"""A monitor whose Redis, Kafka or registry goes away: it waits, says so once, and misses nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.platform import Platform
from tests.support.detours import Detours
from tests.support.monitored import DeviceTopic, Fleet, by_device
from tests.support.postgres import Databases
from tests.support.presence import transitions
from tests.support.programs import Program
from tests.support.waiting import eventually

TIMEOUT_MS = 2000
PROXIES = {"redis": "PresenceUnavailable", "kafka": "BrokerUnavailable"}


class Scene:
    """A monitor behind proxies, three devices, and a topic that is reached without them."""

    def __init__(self, platform: Platform, databases: Databases, detours: Detours, folder: Path) -> None:
        url = databases.registry()
        self.fleet = Fleet(url, f"t{uuid4().hex[:12]}")
        self.fleet.devices(["a", "b", "c"])
        self.topic = DeviceTopic(platform.kafka_bootstrap, self.fleet.tenant)
        self.topic.create()
        environment = detours.environment(str(url.database)) | {
            "STATUS_NOTICES": "true",
            "STATUS_TIMEOUT": str(TIMEOUT_MS / 1000),
        }
        self.monitor = Program("monitor", environment, folder / "monitor.log").start()

    def agrees(self) -> bool:
        """Whether a consumer was told what the model says."""
        heard = self.topic.heard(dict.fromkeys("abc", TIMEOUT_MS))
        return by_device(self.topic.told()) == transitions(heard)

    def lines(self) -> list[dict[str, Any]]:
        """What the monitor logged of waiting and going on."""
        every = [json.loads(line) for line in self.monitor.log.read_text().splitlines()]
        return [one for one in every if one["event"] in {"the monitor waits", "the monitor goes on"}]

    def close(self) -> None:
        self.monitor.kill()
        self.topic.close()
        self.fleet.close()


@pytest.fixture
def scene(platform: Platform, databases: Databases, detours: Detours, tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(platform, databases, detours, tmp_path)
    yield scene
    scene.close()


@pytest.mark.parametrize("fault", ["refuse", "black_hole", "mute"])
@pytest.mark.parametrize("proxy", PROXIES)
def test_what_is_away_is_waited_for_and_nothing_is_missed(
    scene: Scene, detours: Detours, proxy: str, fault: str
) -> None:
    scene.topic.send("a").get(10)
    eventually(lambda: len(scene.topic.told()) == 1, what="a")
    getattr(detours.tcp[proxy], fault)()
    scene.topic.send("b").get(10)
    eventually(lambda: [one["reason"] for one in scene.lines()] == [PROXIES[proxy]], what="word of it")
    ready = f'device_manager_monitor_dependency_available{{dependency="{proxy}"}}'
    assert scene.monitor.metrics()[ready] == 0
    scene.topic.send("c").get(10)
    detours.heal()
    eventually(scene.agrees, within=60, what="everything, once")
    assert [one["event"] for one in scene.lines()] == ["the monitor waits", "the monitor goes on"]
    assert scene.monitor.metrics()[ready] == 1


def test_without_the_registry_known_and_unknown_devices_are_believed(scene: Scene, detours: Detours) -> None:
    scene.topic.send("a").get(10)
    eventually(scene.agrees, what="a coming and going")
    detours.postgres.refuse()
    for device in "abc":
        scene.topic.send(device).get(10)
    eventually(lambda: len(scene.topic.told()) == 8, within=30, what="everybody")
    assert scene.agrees()
    assert [one["reason"] for one in scene.lines()] == ["RegistryUnavailable"]
    detours.heal()
