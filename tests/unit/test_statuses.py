"""The status writer: writes only news, and knows the echo of its own writes."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from device_operator.statuses import CONCURRENT_WRITES, StatusWriter
from device_registry.domain.errors import ClusterUnavailable, Conflict
from device_registry.domain.model import Key, Tenant
from device_registry.manifests import parse
from tests.support.cluster import MemoryCluster
from tests.support.manifests import a_device


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster()


@pytest.fixture
def writer(cluster: MemoryCluster) -> StatusWriter:
    return StatusWriter(cluster)


def put(cluster: MemoryCluster, name: str = "freezer-7", **spec: Any) -> Any:
    return seen(cluster, cluster.put(a_device(name, "acme", **spec)))


def seen(cluster: MemoryCluster, key: Key) -> Any:
    return parse(cluster.objects[key], Tenant("acme"))


async def test_a_new_status_is_written(cluster: MemoryCluster, writer: StatusWriter) -> None:
    device = put(cluster)
    await writer.write(device, {"deviceId": "a1"})
    assert seen(cluster, device.key).status == {"deviceId": "a1"}


async def test_what_the_object_shows_already_is_not_written(
    cluster: MemoryCluster, writer: StatusWriter
) -> None:
    device = replace(put(cluster), status={"deviceId": "a1"})
    await writer.write(device, {"deviceId": "a1", "templates": None})
    assert cluster.calls["patch_status"] == 0


async def test_what_was_just_written_is_not_written_again(
    cluster: MemoryCluster, writer: StatusWriter
) -> None:
    device = put(cluster)
    await writer.write(device, {"deviceId": "a1"})
    await writer.write(device, {"deviceId": "a1"})
    assert cluster.calls["patch_status"] == 1
    assert writer.current(device).status == {"deviceId": "a1"}


async def test_an_event_that_our_write_came_after_is_an_echo(
    cluster: MemoryCluster, writer: StatusWriter
) -> None:
    device = put(cluster)
    assert not writer.is_echo(device)
    await writer.write(device, {"deviceId": "a1"})
    assert writer.is_echo(device)
    assert writer.is_echo(seen(cluster, device.key))


async def test_a_status_is_not_written_onto_a_version_that_nobody_looked_at(
    cluster: MemoryCluster, writer: StatusWriter
) -> None:
    device = put(cluster)
    edited = put(cluster, label="New name")
    with pytest.raises(Conflict):
        await writer.write(device, {"deviceId": "a1"})
    assert not writer.is_echo(edited)
    await writer.write(edited, {"deviceId": "a1"})


async def test_a_version_that_is_older_than_our_last_write_is_enough(
    cluster: MemoryCluster, writer: StatusWriter
) -> None:
    device = put(cluster)
    await writer.write(device, {"deviceId": "a1"})
    await writer.write(device, {"deviceId": "b2"})
    assert seen(cluster, device.key).status == {"deviceId": "b2"}


async def test_a_status_is_not_made_from_one_that_was_replaced_since(
    cluster: MemoryCluster, writer: StatusWriter
) -> None:
    device = put(cluster)
    await writer.write(device, {"deviceId": "a1"})
    writer.seen(device.key, int(seen(cluster, device.key).resource_version))
    with pytest.raises(Conflict):
        await writer.write(device, {"deviceId": "b2"})


async def test_a_write_is_remembered_until_an_event_has_shown_it(
    cluster: MemoryCluster, writer: StatusWriter
) -> None:
    device = put(cluster)
    await writer.write(device, {"deviceId": "a1"})
    written = seen(cluster, device.key)
    writer.seen(device.key, int(device.resource_version))
    assert writer.is_echo(written)
    writer.seen(device.key, int(written.resource_version))
    assert not writer.is_echo(written)


async def test_an_object_that_is_gone_is_left_alone(cluster: MemoryCluster, writer: StatusWriter) -> None:
    device = put(cluster)
    cluster.remove(device.key)
    await writer.write(device, {"deviceId": "a1"})
    assert cluster.objects == {}


@pytest.mark.parametrize("error", [ClusterUnavailable(), Conflict()])
async def test_a_failed_write_is_not_taken_for_done(
    cluster: MemoryCluster, writer: StatusWriter, error: ClusterUnavailable | Conflict
) -> None:
    device = put(cluster)
    cluster.failures["patch_status"] = [error]
    with pytest.raises(type(error)):
        await writer.write(device, {"deviceId": "a1"})
    assert not writer.is_echo(device)
    await writer.write(device, {"deviceId": "a1"})
    assert seen(cluster, device.key).status == {"deviceId": "a1"}


class SlowCluster(MemoryCluster):
    """Counts how many writes it has to handle at once."""

    now = most = 0

    async def patch_status(self, key: Key, status: Any, resource_version: str) -> dict[str, Any]:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return await super().patch_status(key, status, resource_version)


async def test_the_api_server_never_has_more_writes_at_once_than_it_should() -> None:
    cluster = SlowCluster()
    writer = StatusWriter(cluster)
    devices = [put(cluster, f"d{number}") for number in range(3 * CONCURRENT_WRITES)]
    await asyncio.gather(*(writer.write(one, {"deviceId": "a1"}) for one in devices))
    assert cluster.most == CONCURRENT_WRITES
