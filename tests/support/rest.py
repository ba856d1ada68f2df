"""A request over REST in a unit test: what it works with, and a registry that says what the test wants."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from device_api import asking
from device_api.asking import Asked
from device_api.context import Context
from device_registry.domain.model import Key, Kind, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.psk import Psk, Sealed
from device_registry.domain.reasons import Reason
from device_registry.manifests import REST_MANAGER
from device_registry.registry.bindings import Registered, StoredDevice
from device_registry.settings import Settings

from .cluster import MemoryCluster
from .manifests import a_device

ACME = Tenant("acme")
DEVICE = Key(Kind.DEVICE, "acme", "device-a1")


@dataclass
class Registry:
    """Waiter and reader of a facade, as far as writes ask them; it knows the device a1 of acme."""

    last: str = ""
    """The request that the last event tells of."""
    reason: Reason = Reason.REGISTERED
    """What the operator says about a change."""
    keys: tuple[Reason, str] | None = None
    """What it says about the keys of the device, and in which words."""
    sealed: dict[str, str] = field(default_factory=dict)
    """The keys that are stored, by label."""
    device: StoredDevice | None = None
    row: Registered | None = None
    """What was registered last."""

    async def ready(self) -> None:
        """An operator is at work."""

    async def wait_gone(self, tenant: Tenant, key: Key, uid: str, *, patient: bool) -> None:
        """The row is gone."""

    async def wait_changed(self, tenant: Tenant, key: Key, uid: str, generation: int) -> Outcome:
        keys, message = self.keys or (None, "")
        return Outcome(
            key=key,
            tenant=tenant,
            uid=uid,
            generation=generation,
            reason=self.reason,
            keys=keys,
            keys_message=message,
        )

    async def last_request(self, tenant: Tenant, subject: str) -> str:
        return self.last if (tenant, subject) == (ACME, "a1") else ""

    async def stored_device(self, tenant: Tenant, device_id: str) -> StoredDevice | None:
        return self.device

    async def registered(self, tenant: Tenant, key: Key, uid: str) -> Registered | None:
        return self.row

    async def keys_of(self, tenant: Tenant, ids: Collection[str]) -> dict[str, dict[str, Sealed]]:
        stored = {label: Sealed(key_id="", box=text.encode()) for label, text in self.sealed.items()}
        return dict.fromkeys(ids, stored)


class GlassVault:
    """Encrypts nothing."""

    def seal(self, key: Psk, place: tuple[str, ...]) -> Sealed:
        return Sealed(key_id="", box=key.digits.encode())

    def open(self, sealed: Sealed, place: tuple[str, ...]) -> Psk:
        return Psk(sealed.box.decode())


class Bound:
    """Every namespace stands for the tenant of its name."""

    async def of(self, tenant: Tenant) -> str:
        return tenant

    async def check(self, tenant: Tenant, names: Iterable[str]) -> None:
        assert set(names) <= {tenant}


def a_context(cluster: MemoryCluster, registry: Any, **parts: Any) -> Context:
    """What a request of the tenant acme works with."""
    asking.begin(Asked(id="mine", tenant=ACME))
    usual: dict[str, Any] = {
        "settings": Settings(),
        "cluster": cluster,
        "waiter": registry,
        "reader": registry,
        "undertakings": None,
        "turns": None,
        "namespaces": Bound(),
        "vault": GlassVault(),
    }
    return Context(**usual | parts)


def put(cluster: MemoryCluster, finalizers: Sequence[str] = (), **spec: Any) -> str:
    """The device a1, as REST has made it; answers its uid."""
    cluster.put(a_device("device-a1", "acme", **spec), finalizers=list(finalizers))
    cluster.objects[DEVICE]["metadata"]["managedFields"] = [{"manager": REST_MANAGER, "operation": "Update"}]
    return str(cluster.objects[DEVICE]["metadata"]["uid"])
