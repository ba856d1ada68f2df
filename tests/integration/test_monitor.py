"""The monitor as a process, between a real Kafka, Redis and registry."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis

from device_registry.presence import PresenceStatus
from local.platform import Platform
from tests.support.monitored import DeviceTopic, Fleet, by_device
from tests.support.postgres import Databases
from tests.support.presence import transitions
from tests.support.programs import Program
from tests.support.waiting import eventually

ONLINE, OFFLINE = PresenceStatus.ONLINE, PresenceStatus.OFFLINE
TIMEOUT = 2.0


class Stage:
    """A tenant with devices `d1`, `d2`, ..., its topic, and monitors."""

    def __init__(self, platform: Platform, databases: Databases, folder: Path) -> None:
        self.tenant = f"t{uuid4().hex[:12]}"
        url = databases.registry()
        self.fleet = Fleet(url, self.tenant)
        self.topic = DeviceTopic(platform.kafka_bootstrap, self.tenant)
        self.environment = platform.environment(str(url.database)) | {
            "STATUS_NOTICES": "true",
            "STATUS_TIMEOUT": str(TIMEOUT),
            "LOG_FORMAT": "text",
        }
        self.monitors: list[Program] = []
        self._folder = folder

    def monitor(self, **environment: str) -> Program:
        log = self._folder / f"monitor-{len(self.monitors)}.log"
        self.monitors.append(Program("monitor", self.environment | environment, log))
        return self.monitors[-1].start()

    def told(self) -> list[tuple[str, PresenceStatus]]:
        return [(one.device, one.status) for one in self.topic.told()]

    def close(self) -> None:
        for monitor in self.monitors:
            if monitor.alive:
                monitor.kill()
        self.topic.close()
        self.fleet.close()


@pytest.fixture
def stage(platform: Platform, databases: Databases, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(platform, databases, tmp_path)
    yield stage
    stage.close()


def count(monitor: Program, result: str) -> Callable[[], bool]:
    name = f'device_manager_monitor_messages_total{{result="{result}"}}'
    return lambda: monitor.metrics().get(name, 0) > 0


def test_a_device_comes_with_its_data_and_goes_without(stage: Stage) -> None:
    stage.fleet.devices(["d1", "d2"])
    stage.topic.create()
    monitor = stage.monitor()
    stage.topic.send("d1").get(10)
    eventually(lambda: stage.told() == [("d1", ONLINE)], what="the notice that d1 came")
    eventually(lambda: stage.told() == [("d1", ONLINE), ("d1", OFFLINE)], what="the notice that d1 went")
    assert by_device(stage.topic.told()) == transitions(stage.topic.heard({"d1": round(TIMEOUT * 1000)}))
    record = next(one for one in stage.topic.records() if b"statusUpdate" in one.value)
    assert record.value.decode() == (
        f'{{"metadata":{{"deviceid":"d1","reason":"statusUpdate","status":"online","tenant":"{stage.tenant}"}}}}'
    )
    assert monitor.stop() == 0


def test_how_long_data_count_is_said_by_the_message_then_the_template_then_the_setting(stage: Stage) -> None:
    stage.fleet.template(1, ("device_timeout", "dynamic", "1"), ("device_timeout", "meta", "3000"))
    stage.fleet.template(2, ("device_timeout", "meta", "9000"))
    stage.fleet.template(3, ("device_timeout", "meta", "soon"))
    stage.fleet.devices(["first"], 1, 2)
    stage.fleet.devices(["second"], 2, 1)
    stage.fleet.devices(["odd"], 3)
    stage.fleet.devices(["plain", "says"])
    stage.topic.create()
    stage.monitor()
    for device in ("first", "second", "odd", "plain"):
        stage.topic.send(device)
    stage.topic.send("says", exp=4.5)
    stage.topic.flush()
    lasting = {"first": 3000, "second": 9000, "odd": 2000, "plain": 2000}
    eventually(lambda: len(stage.told()) == 10, what="everybody coming and going")
    assert by_device(stage.topic.told()) == transitions(stage.topic.heard(lasting))


def test_what_cannot_be_understood_is_counted_and_harms_nobody(stage: Stage) -> None:
    stage.fleet.devices(["d1"])
    stage.topic.create()
    monitor = stage.monitor()
    bad = [None, b"", b"\xff\xfe", b"[" * 100_000, b"7", b'{"metadata": []}', b'{"metadata": {}}']
    for value in bad:
        stage.topic.send_raw(value)
    stage.topic.send_raw(b'{"metadata": {"deviceid": "d1", "tenant": "somebody-else"}}')
    stage.topic.send("nobody")
    stage.topic.send("d1", exp="soon")  # type: ignore[arg-type]
    stage.topic.flush()
    for result in ("Malformed", "NoMetadata", "WrongTenant", "UnknownDevice", "InvalidExpiry"):
        eventually(count(monitor, result), what=result)
    eventually(lambda: stage.told()[:1] == [("d1", ONLINE)], what="d1 in spite of everything")


def test_a_tenant_that_comes_later_is_heard_from_its_first_word(stage: Stage) -> None:
    monitor = stage.monitor()
    stage.fleet.devices(["d1"])
    stage.topic.send("d1", exp=60).get(10)  # makes the topic as well
    eventually(lambda: stage.told() == [("d1", ONLINE)], what="the notice")
    assert monitor.metrics()["device_manager_monitor_devices_online"] >= 0


def test_notices_are_sent_only_where_they_are_wanted(stage: Stage, platform: Platform) -> None:
    stage.fleet.devices(["d1"])
    stage.topic.create()
    monitor = stage.monitor(STATUS_NOTICES="false")
    stage.topic.send("d1").get(10)
    gone = 'device_manager_monitor_transitions_total{status="offline"}'
    eventually(lambda: monitor.metrics().get(gone, 0) == 1, what="the end of d1")
    assert stage.told() == []
    with Redis.from_url(platform.redis_url) as redis:
        assert not redis.exists(f"presence:{stage.tenant}:notices")


def test_a_silence_while_nobody_watched_is_told_afterwards(stage: Stage) -> None:
    stage.fleet.devices(["d1"])
    stage.topic.create()
    watching = stage.monitor()
    first = stage.topic.send("d1").get(10).timestamp
    eventually(lambda: stage.told() == [("d1", ONLINE)], what="d1")
    watching.kill()
    eventually(lambda: time.time() * 1000 > first + TIMEOUT * 1000 + 500, what="the silence")
    stage.topic.send("d1").get(10)
    stage.monitor()
    both = [("d1", ONLINE), ("d1", OFFLINE)] * 2
    eventually(lambda: stage.told() == both, within=30, what="coming and going twice")
    assert by_device(stage.topic.told()) == transitions(stage.topic.heard({"d1": round(TIMEOUT * 1000)}))
