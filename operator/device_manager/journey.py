"""The whole road, gone once by a device of its own, for `device-manager check` and so for `helm test`.

A template and a device are declared, awaited until they are registered and Kafka has the event, read over
REST and deleted again, also when something on the way fails.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import uuid4

import aiohttp

from device_registry.domain.errors import NotFound, RegistryError, Unavailable
from device_registry.domain.model import Attribute, DeviceSpec, Key, Kind, TemplateSpec
from device_registry.manifests import device_manifest, template_manifest
from device_registry.manifests.status import is_true

from .scope import tenant_of

_MANAGER: Final = "device-manager-check"
_LOOK_SECONDS: Final = 0.25


class Cluster(Protocol):
    """The part of the cluster that is needed here (`device_registry.ports.Cluster`)."""

    async def get(self, key: Key) -> dict[str, Any]:
        """An object; raises NotFound."""

    async def create(self, manifest: Mapping[str, Any], manager: str) -> dict[str, Any]:
        """Create an object."""

    async def delete(self, key: Key, *, uid: str | None = None) -> None:
        """Ask for its deletion; raises NotFound."""

    async def namespace(self, name: str) -> dict[str, Any]:
        """A namespace with its annotations."""


class Failed(RegistryError):
    """A step of the journey did not succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """Where it leads.

    Attributes:
        namespace: where template and device are declared.
        api: base URL of the facade; empty leaves REST out.
        token: for REST; empty: one that a gateway would have let through.
        within: seconds that each wait may take.
    """

    namespace: str
    api: str
    token: str
    within: float

    async def travel(self, cluster: Cluster, tell: Callable[[str], None]) -> None:
        """Do it. `tell` hears of each step that succeeded. Raises Failed and what the cluster raises."""
        name = f"device-manager-check-{uuid4().hex[:8]}"
        template, device = (Key(kind, self.namespace, name) for kind in (Kind.TEMPLATE, Kind.DEVICE))
        try:
            await cluster.create(_template(template), _MANAGER)
            await cluster.create(_device(device), _MANAGER)
            tell(f"declared the device {name} and a template of that name in {self.namespace}")
            id_ = await self._settled(cluster, device)
            tell(f"it is registered as {id_}, and Kafka has the event")
            if self.api:
                await self._read(tenant_of(await cluster.namespace(self.namespace)), id_)
                tell(f"{self.api}/device/{id_} shows it")
        finally:
            for key in (device, template):
                await _delete(cluster, key)
        for key in (device, template):
            await self._gone(cluster, key)
        tell("both are deleted again")

    async def _settled(self, cluster: Cluster, device: Key) -> str:
        """Wait for Ready and Published; answers the device's id."""
        status: Mapping[str, Any] = {}
        try:
            async with asyncio.timeout(self.within):
                while True:
                    status = await _status(cluster, device)
                    if is_true(status, "Ready") and is_true(status, "Published"):
                        return str(status["deviceId"])
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise Failed(
                f"the device is not Ready and Published after {self.within:g} s: {_told(status)}"
            ) from None

    async def _gone(self, cluster: Cluster, key: Key) -> None:
        try:
            async with asyncio.timeout(self.within):
                while True:
                    await cluster.get(key)
                    await asyncio.sleep(_LOOK_SECONDS)
        except NotFound:
            return
        except TimeoutError:
            raise Failed(
                f"{key} is not gone {self.within:g} s after it was deleted; is the operator at work?"
            ) from None

    async def _read(self, tenant: str, id_: str) -> None:
        headers = {"Authorization": f"Bearer {self.token or _trusted(tenant)}"}
        url = f"{self.api}/device/{id_}"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(self.within)) as session,
                session.get(url, headers=headers) as answer,
            ):
                if answer.ok:
                    return
                raise Failed(f"{url} answers {answer.status}: {await answer.text()}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"{url} does not answer: {str(error) or type(error).__name__}") from error


async def _delete(cluster: Cluster, key: Key) -> None:
    try:
        await cluster.delete(key)
    except NotFound:
        return


def _template(key: Key) -> dict[str, Any]:
    attribute = Attribute(label="temperature", type="dynamic", value_type="float")
    return template_manifest(key, TemplateSpec(label=key.name, attributes=(attribute,)))


def _device(key: Key) -> dict[str, Any]:
    return device_manifest(key, DeviceSpec(label=key.name, templates=(key.name,)))


async def _status(cluster: Cluster, key: Key) -> Mapping[str, Any]:
    status: Mapping[str, Any] = (await cluster.get(key)).get("status", {})
    return status


def _told(status: Mapping[str, Any]) -> str:
    told = [f"{one['type']}={one['status']} {one['reason']}" for one in status.get("conditions", ())]
    return ", ".join(told) or "the operator has not seen it; is it at work, and does it serve this namespace?"


def _trusted(tenant: str) -> str:
    """A token as an API gateway hands it on: the claim `service` names the tenant."""
    pieces = ({"alg": "none"}, {"service": tenant, "username": _MANAGER})
    encoded = (base64.urlsafe_b64encode(json.dumps(piece).encode()).rstrip(b"=").decode() for piece in pieces)
    return ".".join((*encoded, "unsigned"))
