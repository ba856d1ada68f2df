"""Several resources of one request: what becomes of them when it cannot be noted that all are there."""

from typing import Any

import pytest

from device_api.allornone import undertaken, undo_overdue
from device_api.context import Context
from device_registry.domain.errors import ClusterUnavailable, RegistryUnavailable
from device_registry.domain.model import Key, Tenant
from device_registry.manifests import note
from device_registry.registry.undertakings import Undertaking
from tests.support import following
from tests.support.cluster import MemoryCluster
from tests.support.following import Registry, RestCluster, given, key
from tests.support.manifests import a_device
from tests.support.rest import a_context

MANIFESTS = [a_device(f"device-{number}", "acme") for number in range(3)]


class Undertakings:
    """The table, as far as one request asks it."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.away = False

    async def begin(self, undertaking: Any) -> None:
        self.noted.append(undertaking.id)

    async def end(self, id_: str) -> bool:
        if self.away:
            raise RegistryUnavailable
        self.noted.remove(id_)
        return True

    async def undone(self, id_: str) -> None:
        if self.away:
            raise RegistryUnavailable


class Waiter:
    """Nothing has to be waited for."""

    async def wait_gone(self, tenant: Tenant, key: Key, uid: str) -> None:
        """The row is gone."""


async def create(context: Context, cluster: MemoryCluster) -> None:
    """Create all of them in one undertaking; the registry shows them too late."""
    async with undertaken(context, MANIFESTS) as id_:
        for one in MANIFESTS:
            cluster.put(one, annotations=note(1, "a request", "", id_))
        raise TimeoutError


async def test_what_is_only_late_is_ended_and_stays() -> None:
    cluster, undertakings = MemoryCluster(), Undertakings()
    with pytest.raises(TimeoutError):
        await create(a_context(cluster, Waiter(), undertakings=undertakings), cluster)
    assert len(cluster.objects) == len(MANIFESTS)
    assert undertakings.noted == []


async def test_what_cannot_be_ended_is_taken_back_before_that_is_told() -> None:
    cluster, undertakings = MemoryCluster(), Undertakings()
    undertakings.away = True
    with pytest.raises(RegistryUnavailable):
        await create(a_context(cluster, Waiter(), undertakings=undertakings), cluster)
    assert cluster.objects == {}


async def test_what_cannot_be_undone_yet_is_looked_at_again_soon_and_not_when_a_lease_has_ended() -> None:
    registry = Registry(RestCluster())
    await given(registry, "a1")
    context = following.asked(registry)
    left = Undertaking("gone wrong", (key("a1"),))
    registry.cluster.objects[key("a1")]["metadata"]["annotations"] = note(1, "a request", "", left.id)
    await registry.begin(left, undoing=True)
    registry.cluster.failures["delete"] = [ClusterUnavailable("away")]
    with pytest.raises(ClusterUnavailable):
        await undo_overdue(context)
    assert registry.left == [left]
    await undo_overdue(context)
    assert (registry.left, registry.cluster.objects) == ([], {})
