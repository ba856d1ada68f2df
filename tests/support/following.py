"""What the functions of the facade work with, in memory: a registry that follows the cluster."""

import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from device_api import asking
from device_api.asking import Asked, WaitFor
from device_api.context import Context
from device_api.problems import refusal
from device_registry.domain.errors import Conflict, OperatorUnavailable, RegistryUnavailable
from device_registry.domain.model import Credential, DeviceId, DeviceSpec, Key, Kind, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.domain.psk import Psk
from device_registry.domain.reasons import Reason
from device_registry.manifests import REST_MANAGER, device_manifest, key_of
from device_registry.registry.bindings import StoredDevice
from device_registry.settings import Settings

from .cluster import MemoryCluster
from .rest import ACME, a_context

KEY = Psk("0011")


class RestCluster(MemoryCluster):
    """As the cluster is to REST: a name is taken once, notes are kept, a Secret goes with its device."""

    async def create(self, manifest: Mapping[str, Any], manager: str) -> dict[str, Any]:
        key = key_of(manifest)
        if key in self.objects:
            raise Conflict(f"{key.name} is there already")
        made = await super().create(manifest, manager)
        noted = {"annotations": manifest["metadata"].get("annotations", {})}
        self.objects[key]["metadata"] |= noted | {"managedFields": [{"manager": manager}]}
        return made

    def _store(self, key: Key, obj: dict[str, Any], type_: str) -> None:
        super()._store(key, obj, type_)
        if key not in self.objects:
            self.secrets.pop(_secret(key), None)


class Registry:
    """Reader, waiter and the rest of a registry that knows at once which devices the cluster declares."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self.cluster = cluster
        self.late_to_come: list[str] = []
        """Names of resources; the next wait for the registration of each takes too long."""
        self.late_to_go: list[str] = []
        """As before, of removals."""
        self.refused: set[str] = set()
        """Names of resources that the operator refuses."""
        self.unknown: set[str] = set()
        """Names of resources that the operator has not got to."""
        self.keys: dict[str, dict[str, Any]] = {}
        self.acknowledges = True
        """Whether Kafka does."""
        self.awaited: list[dict[str, int | None]] = []
        """What Kafka was asked for, each time."""
        self.last: dict[str, str] = {}
        """The request that the last event of a device tells of, by id."""
        self.away: set[str] = set()
        """What nobody answers now: "operator", "documents", "events"."""
        self.unbound: set[str] = set()
        """Namespaces that nobody has bound to the tenant."""
        self.begun: dict[str, Any] = {}
        self.left: list[Any] = []
        """Undertakings that are to be undone by whoever comes by."""
        self.asked_in_vain = 0
        """How often the operator was waited for while it was away."""

    # --- waiter ---

    async def ready(self) -> None:
        if "operator" in self.away:
            self.asked_in_vain += 1
            raise OperatorUnavailable("no operator is at work")

    async def wait(self, tenant: Tenant, key: Key, uid: str, generation: int) -> Outcome:
        _check_pace(key, self.late_to_come)
        reason = Reason.INVALID_SPEC if key.name in self.refused else Reason.REGISTERED
        target, sequence = key.name.removeprefix("device-"), 1
        return Outcome(
            key=key,
            tenant=tenant,
            uid=uid,
            generation=generation,
            reason=reason,
            target=target,
            sequence=sequence,
        )

    async def wait_gone(self, tenant: Tenant, key: Key, uid: str, *, patient: bool = False) -> None:
        _check_pace(key, self.late_to_go)

    # --- reader ---

    async def every_template(self, tenant: Tenant) -> list[int]:
        return []

    async def templates(self, tenant: Tenant, ids: Collection[int]) -> dict[int, Any]:
        return {}

    async def every_device(self, tenant: Tenant) -> list[StoredDevice]:
        found = sorted(self.cluster.objects.items(), key=lambda one: one[0].name)
        return [
            StoredDevice(
                id=DeviceId(key.name.removeprefix("device-")), body="{}", key=key, uid=obj["metadata"]["uid"]
            )
            for key, obj in found
            if key.kind is Kind.DEVICE and key.name not in self.unknown
        ]

    async def keys_of(self, tenant: Tenant, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        return {one: self.keys[one] for one in ids if one in self.keys}

    async def taken(self, tenant: Tenant, ids: Collection[str]) -> set[str]:
        return {one for one in ids if Key(Kind.DEVICE, tenant, f"device-{one}") in self.cluster.objects}

    async def documents(self, tenant: Tenant, ids: Collection[str]) -> dict[str, str]:
        self._answers("documents")
        return {one: json.dumps({"id": one}) for one in ids}

    async def is_published(self, tenant: Tenant, awaited: Mapping[str, int | None]) -> bool:
        self._answers("events")
        self.awaited.append(dict(awaited))
        return self.acknowledges

    async def last_request(self, tenant: Tenant, subject: str) -> str:
        return self.last.get(subject, "")

    def _answers(self, what: str) -> None:
        if what in self.away:
            raise RegistryUnavailable("Postgres does not answer")

    # --- undertakings, turns, namespaces, vault ---

    async def begin(self, undertaking: Any, *, undoing: bool = False) -> None:
        self.begun[undertaking.id] = undertaking
        if undoing:
            self.left.append(undertaking)

    async def give_up(self, id_: str) -> None:
        self.left.append(self.begun[id_])

    async def overdue(self) -> Any:
        return self.left.pop() if self.left else None

    async def end(self, id_: str) -> bool:
        return True

    async def undone(self, id_: str) -> None:
        """Strike it off."""

    @asynccontextmanager
    async def take(self, tenant: Tenant, patience: float) -> AsyncIterator[None]:
        yield

    async def of(self, tenant: Tenant) -> str:
        return str(tenant)

    async def check(self, tenant: Tenant, names: Collection[str]) -> None:
        if self.unbound & set(names):
            raise refusal("not bound", HTTPStatus.FORBIDDEN)
        assert set(names) <= {tenant}

    def open(self, sealed: object, place: tuple[str, ...]) -> Psk:
        return KEY


def _check_pace(key: Key, late: list[str]) -> None:
    if key.name in late:
        late.remove(key.name)
        raise TimeoutError


def _secret(key: Key) -> tuple[str, str]:
    return key.namespace, f"{key.name}-psk"


def asked(registry: Registry, *, wait: WaitFor = WaitFor.REGISTERED, id_: str = "mine") -> Context:
    """A request, and what it works with."""
    parts = dict.fromkeys(("undertakings", "turns", "namespaces", "vault"), registry)
    context = a_context(registry.cluster, registry, settings=Settings(REST_WAIT_SECONDS=0.05), **parts)
    asking.begin(Asked(id=id_, tenant=ACME, wait=wait))
    return context


def key(device_id: str) -> Key:
    """The resource of a device that REST has made."""
    return Key(Kind.DEVICE, ACME, f"device-{device_id}")


async def given(registry: Registry, *ids: str, with_key: bool = False) -> None:
    """Devices that an earlier request has made, each with a key in its Secret if so wanted."""
    asking.begin(Asked(id="earlier", tenant=ACME))
    for one in ids:
        place = key(one)
        secret = Credential(attribute="k", secret=_secret(place)[1], key="k")
        spec = DeviceSpec(label="d", device_id=DeviceId(one), credentials=(secret,) if with_key else ())
        await registry.cluster.create(device_manifest(place, spec), REST_MANAGER)
        if with_key:
            registry.cluster.put_secret(*_secret(place), {"k": "MDAxMQ=="}, by_rest=True)
            registry.keys[one] = {"k": object()}
