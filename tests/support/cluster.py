"""The API server in memory, as the port Cluster shows it: versions, generations, finalizers, status."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from device_registry.domain.errors import ClusterUnavailable, Conflict, NotFound, RegistryError
from device_registry.domain.model import Key, Kind
from device_registry.key_ports import SeenSecret
from device_registry.manifests import MANAGED_BY, PLURALS, REST_MANAGER, key_of

from . import crds

Event = dict[str, Any]


class MemoryCluster:
    """Objects by key. Each change is told to `listeners` as a watch event.

    `failures` holds errors by method name: the next calls of it raise them, one each. `calls` counts.
    """

    def __init__(self) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.namespaces: dict[str, dict[str, str]] = {}
        self.secrets: dict[tuple[str, str], dict[str, Any]] = {}
        self.changes: asyncio.Queue[SeenSecret] = asyncio.Queue()
        """Of labelled Secrets, for who watches them."""
        self.posted: list[Event] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.failures: dict[str, list[RegistryError]] = {}
        self.calls: Counter[str] = Counter()
        self.served = set(Kind)
        self.ending: set[Kind] = set()
        self.away = False
        """Every call fails as without the API server."""
        self._version = 0

    # --- what people do -------------------------------------------------------------------------------

    def put(self, manifest: Mapping[str, Any], **meta: Any) -> Key:
        """Create an object, or give it another spec or other annotations."""
        key = key_of(manifest)
        known = self.objects.get(key)
        obj = deepcopy(known) if known else self._new(key)
        if obj.get("spec") != manifest["spec"]:
            obj["metadata"]["generation"] += 1
        obj["spec"] = deepcopy(manifest["spec"])
        obj["metadata"].update(meta)
        self._store(key, obj, "MODIFIED" if known else "ADDED")
        return key

    def put_secret(
        self,
        namespace: str,
        name: str,
        data: Mapping[str, str],
        *,
        labelled: bool = True,
        by_rest: bool = False,
    ) -> None:
        """Create a Secret or give it other data."""
        self._version += 1
        meta: dict[str, Any] = {"resourceVersion": str(self._version)}
        if labelled:
            meta["labels"] = {"dojot.io/device": "", **({MANAGED_BY: REST_MANAGER} if by_rest else {})}
            self.changes.put_nowait(SeenSecret((namespace, name), meta["resourceVersion"], by_rest))
        self.secrets[namespace, name] = {"metadata": meta, "data": dict(data)}

    def remove(self, key: Key) -> None:
        """Ask for deletion; the object goes when no finalizer is left."""
        obj = deepcopy(self._known(key))
        obj["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
        obj["metadata"]["generation"] += 1
        self._store(key, obj, "MODIFIED")

    def condition(self, key: Key, name: str) -> tuple[str, str] | None:
        """Status and reason of a condition."""
        conditions = self.objects[key].get("status", {}).get("conditions", [])
        return next(((one["status"], one["reason"]) for one in conditions if one["type"] == name), None)

    # --- the port -------------------------------------------------------------------------------------

    async def ping(self) -> None:
        if self.away:
            raise ClusterUnavailable

    async def get(self, key: Key) -> dict[str, Any]:
        self._called("get")
        return deepcopy(self._known(key))

    async def create(self, manifest: Mapping[str, Any], manager: str) -> dict[str, Any]:
        self._called("create")
        return deepcopy(self.objects[self.put(manifest)])

    async def apply(
        self, manifest: Mapping[str, Any], manager: str, *, force: bool = False
    ) -> dict[str, Any]:
        return await self.create(manifest, manager)

    async def replace(self, obj: Mapping[str, Any], manager: str) -> dict[str, Any]:
        self._called("replace")
        self._check_version(key_of(obj), obj["metadata"].get("resourceVersion"))
        annotations = obj["metadata"].get("annotations", {})
        return deepcopy(self.objects[self.put(obj, annotations=annotations)])

    async def delete(self, key: Key, *, uid: str | None = None, resource_version: str | None = None) -> None:
        self._called("delete")
        if uid not in {None, self._known(key)["metadata"]["uid"]}:
            raise Conflict
        self._check_version(key, resource_version)
        self.remove(key)

    async def annotate(self, key: Key, notes: Mapping[str, str | None], version: str = "") -> dict[str, Any]:
        self._called("annotate")
        self._check_version(key, version or None)
        obj = deepcopy(self._known(key))
        merged = {**obj["metadata"].get("annotations", {}), **notes}
        obj["metadata"]["annotations"] = {name: text for name, text in merged.items() if text is not None}
        self._store(key, obj, "MODIFIED")
        return deepcopy(obj)

    async def set_finalizers(
        self, key: Key, finalizers: Sequence[str], resource_version: str
    ) -> dict[str, Any]:
        self._called("set_finalizers")
        obj = deepcopy(self._known(key))
        if obj["metadata"]["resourceVersion"] != resource_version:
            raise Conflict
        obj["metadata"]["finalizers"] = list(finalizers)
        self._store(key, obj, "MODIFIED")
        return deepcopy(obj)

    async def patch_status(
        self, key: Key, status: Mapping[str, Any], resource_version: str
    ) -> dict[str, Any]:
        self._called("patch_status")
        obj = deepcopy(self._known(key))
        self._check_version(key, resource_version)
        merged = {**obj.get("status", {}), **status}
        obj["status"] = {name: value for name, value in merged.items() if value is not None}
        self._store(key, obj, "MODIFIED")
        return deepcopy(obj)

    async def list(self, kind: Kind, namespace: str | None = None) -> list[dict[str, Any]]:
        self._called("list")
        within = (key for key in self.objects if key.kind is kind and namespace in {None, key.namespace})
        return [deepcopy(self.objects[key]) for key in within]

    async def serves(self, kind: Kind) -> bool:
        self._called("serves")
        return kind in self.served

    async def post_event(self, event: Mapping[str, Any]) -> None:
        self._called("post_event")
        self.posted.append(deepcopy(dict(event)))

    async def definition(self, kind: Kind) -> dict[str, Any]:
        self._called("definition")
        return crds.load(PLURALS[kind])

    async def secret(self, namespace: str, name: str) -> dict[str, Any]:
        self._called("secret")
        if (namespace, name) not in self.secrets:
            raise NotFound
        return deepcopy(self.secrets[namespace, name])

    async def create_secret(self, manifest: Mapping[str, Any], manager: str) -> dict[str, Any]:
        self._called("create_secret")
        place = (manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        if place in self.secrets:
            raise Conflict
        self.secrets[place] = deepcopy(dict(manifest))
        return deepcopy(self.secrets[place])

    async def patch_secret(
        self, namespace: str, name: str, change: Mapping[str, Any], manager: str
    ) -> dict[str, Any]:
        secret = await self.secret(namespace, name)
        merged = {**secret.get("data", {}), **change.get("data", {})}
        secret["data"] = {entry: value for entry, value in merged.items() if value is not None}
        self.secrets[namespace, name] = secret
        return deepcopy(secret)

    async def secret_version(self, namespace: str, name: str) -> str:
        return str((await self.secret(namespace, name))["metadata"].get("resourceVersion", ""))

    async def labelled_secrets(self, namespace: str | None) -> tuple[Sequence[SeenSecret], str]:
        self._called("labelled_secrets")
        self.changes = asyncio.Queue()
        labelled = {
            place: one["metadata"] for place, one in self.secrets.items() if one["metadata"].get("labels")
        }
        return [
            SeenSecret(place, one["resourceVersion"], MANAGED_BY in one["labels"])
            for place, one in labelled.items()
        ], "0"

    async def secret_changes(self, namespace: str | None, since: str) -> AsyncIterator[SeenSecret]:
        self._called("secret_changes")
        while True:
            yield await self.changes.get()

    async def annotate_namespace(self, name: str, annotations: Mapping[str, str]) -> None:
        self._called("annotate_namespace")
        self.namespaces[name] = {**self.namespaces.get(name, {}), **annotations}

    async def namespace(self, name: str) -> dict[str, Any]:
        self._called("namespace")
        return {"metadata": {"name": name, "annotations": self.namespaces.get(name, {})}}

    async def is_ending(self, kind: Kind) -> bool:
        self._called("is_ending")
        return kind in self.ending

    # --- inside ---------------------------------------------------------------------------------------

    def _called(self, method: str) -> None:
        self.calls[method] += 1
        if self.away:
            raise ClusterUnavailable
        if waiting := self.failures.get(method):
            raise waiting.pop(0)

    def _check_version(self, key: Key, version: str | None) -> None:
        if version not in {None, self._known(key)["metadata"]["resourceVersion"]}:
            raise Conflict

    def _known(self, key: Key) -> dict[str, Any]:
        if key not in self.objects:
            raise NotFound
        return self.objects[key]

    def _new(self, key: Key) -> dict[str, Any]:
        meta = {
            "namespace": key.namespace,
            "name": key.name,
            "uid": f"uid-{self._version}",
            "generation": 0,
            "creationTimestamp": "2026-01-01T12:00:00Z",
        }
        return {"apiVersion": "dojot.io/v1alpha1", "kind": str(key.kind), "metadata": meta}

    def _store(self, key: Key, obj: dict[str, Any], type_: str) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        gone = "deletionTimestamp" in obj["metadata"] and not obj["metadata"].get("finalizers")
        if gone:
            self.objects.pop(key, None)
        else:
            self.objects[key] = obj
        for listener in self.listeners:
            listener({"type": "DELETED" if gone else type_, "object": deepcopy(obj)})
