"""Random writes as people make them: manifests as git applies them, and REST. A slot has one writer.

They take the straight way to the API server and to the facade, so that what fails is what we test.
"""

import asyncio
import json
import random
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp

from device_registry.domain.errors import ClusterUnavailable, Conflict, NotFound, Refused, RegistryError
from device_registry.domain.model import Key, Kind
from device_registry.domain.reasons import Reason
from device_registry.kube import Kube

from .ledger import Ledger, NoAnswer, Slot, Wanted, declared

GIT = "git"
LINGER_SECONDS = 50.0
"""How long the facade may still be at a request without an answer: its time-out and the longest fault."""
LOOK_AGAIN_SECONDS = 0.5
REST_TIMEOUT = aiohttp.ClientTimeout(total=25, sock_connect=3)
DYNAMIC = {"label": "temperature", "type": "dynamic", "valueType": "float"}


@dataclass(frozen=True)
class Fleet:
    """What writers share.

    Attributes:
        kube: the straight way to the API server.
        tenants: each with a namespace of its name.
        templates: names of those that devices choose from, besides `base`.
    """

    kube: Kube
    ledger: Ledger
    tenants: Sequence[str]
    templates: Sequence[str]

    async def look(self, slot: Slot) -> None:
        """Find out what an unanswered write has become, however long the API server is away."""
        while not slot.certain:
            try:
                self.ledger.found(slot, declared(await self.kube.get(slot.key)))
            except NotFound:
                self.ledger.found(slot, None)
            except RegistryError:
                await asyncio.sleep(LOOK_AGAIN_SECONDS)


class Writer(Protocol):
    """Makes one write to one of its slots at each turn."""

    async def turn(self) -> None:
        """Choose a slot and a change, write, note the answer."""


class TemplateWriter:
    """Edits the templates, which changes every device that uses them."""

    def __init__(self, fleet: Fleet, chance: random.Random) -> None:
        self._fleet = fleet
        self._chance = chance

    async def turn(self) -> None:
        tenant, name = self._chance.choice(self._fleet.tenants), self._chance.choice(self._fleet.templates)
        await self.edit(tenant, name)

    async def edit(self, tenant: str, name: str) -> None:
        """Give a template another value; makes it when it is not there."""
        slot = self._fleet.ledger.slot(Key(Kind.TEMPLATE, tenant, name))
        await self._fleet.look(slot)
        wanted = Wanted(name, "" if name == "base" else _nonce(self._chance))
        with self._fleet.ledger.asking("template", slot, wanted):
            await self._fleet.kube.apply(template_manifest(slot.key, wanted), GIT, force=True)


class GitWriter:
    """Applies and deletes devices by manifests."""

    def __init__(self, fleet: Fleet, chance: random.Random, slots: Sequence[Slot]) -> None:
        self._fleet = fleet
        self._chance = chance
        self._slots = slots

    async def turn(self) -> None:
        slot = self._chance.choice(self._slots)
        await self._fleet.look(slot)
        if slot.there and self._chance.random() < 0.15:
            await self._delete(slot)
        else:
            await self.apply(slot)

    async def fill(self) -> None:
        """Declare every device once."""
        for slot in self._slots:
            await self.apply(slot)

    async def apply(self, slot: Slot) -> None:
        """Declare a device anew, with another label, value and perhaps other templates."""
        wanted = _device(self._chance, self._fleet.templates)
        with self._fleet.ledger.asking("git", slot, wanted):
            stored = await self._fleet.kube.apply(device_manifest(slot.key, wanted), GIT, force=True)
            if declared(stored) is None:
                raise Conflict("the device that was there is still on its way out")

    async def _delete(self, slot: Slot) -> None:
        with self._fleet.ledger.asking("git", slot, None):
            await self._fleet.kube.delete(slot.key)


class RestWriter:
    """Creates, changes and removes devices by REST, and reads what it has written."""

    def __init__(
        self, fleet: Fleet, chance: random.Random, session: aiohttp.ClientSession, tenant: str, places: int
    ) -> None:
        self._fleet = fleet
        self._chance = chance
        self._session = session
        self._tenant = tenant
        self._places: list[str | None] = [None] * places
        self._headers = {"Authorization": token(tenant)}
        self._numbers: dict[str, int] = {}
        self._serial = 0
        self._replaces = True

    async def turn(self) -> None:
        place = self._chance.randrange(len(self._places))
        device_id = self._places[place]
        if device_id is None:
            self._places[place] = await self._create()
            return
        slot = self._slot(device_id)
        if slot.rests_until > time.monotonic():
            return
        await self._fleet.look(slot)
        if not slot.there:
            self._places[place] = None
        elif not self._replaces or self._chance.random() < 0.2:
            await self._ask("DELETE", slot, None)
        else:
            await self._ask("PUT", slot, _device(self._chance, self._fleet.templates))

    async def fill(self) -> None:
        """Create a device in every place."""
        await self._learn_templates()
        self._places = [await self._create() for _ in self._places]

    async def _create(self) -> str:
        device_id = f"{self._chance.randrange(16**6):06x}"
        await self._ask("POST", self._slot(device_id), _device(self._chance, self._fleet.templates))
        return device_id

    def _slot(self, device_id: str) -> Slot:
        return self._fleet.ledger.slot(Key(Kind.DEVICE, self._tenant, f"device-{device_id}"))

    async def _ask(self, method: str, slot: Slot, wanted: Wanted | None) -> None:
        device_id = slot.key.name.removeprefix("device-")
        path = "/device" if method == "POST" else f"/device/{device_id}"
        body = None if wanted is None else self._body(device_id, wanted)
        status = 0
        with self._fleet.ledger.asking("REST", slot, wanted):
            status = await self._send(method, path, body)
        slot.rests_until = 0.0 if slot.certain else time.monotonic() + LINGER_SECONDS
        if status == HTTPStatus.OK:
            await self._read_back(device_id, wanted)

    async def _send(self, method: str, path: str, body: Any) -> int:
        try:
            async with self._session.request(method, path, json=body, headers=self._headers) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            # The library repeats PUT and DELETE when a kept connection breaks: the first attempt may have
            # arrived although the second met nobody.
            if method == "POST" and isinstance(error, aiohttp.ClientConnectorError):
                raise Refused(Reason.PENDING, "nobody listens") from error
            raise NoAnswer from error
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise NoAnswer
        self._replaces &= answer.status != HTTPStatus.METHOD_NOT_ALLOWED
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(Reason.INVALID_SPEC, " ".join(text.split()))
        return answer.status

    async def _read_back(self, device_id: str, wanted: Wanted | None) -> None:
        """What a write was answered for must be seen by the next read, if that is answered at all."""
        try:
            async with self._session.get(f"/device/{device_id}", headers=self._headers) as answer:
                found = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return
        label = found.get("label") if answer.status == HTTPStatus.OK else None
        if label != (wanted and wanted.label):
            self._fleet.ledger.broken.append(f"{device_id} was answered as {wanted} and read as {found}")

    def _body(self, device_id: str, wanted: Wanted) -> dict[str, Any]:
        numbers = [self._numbers[name] for name in wanted.templates]
        which = {"template_id": str(numbers[0]), "id": self._serial, "label": "serial", "type": "static"}
        serial = {**which, "static_value": wanted.value}
        return {"id": device_id, "label": wanted.label, "templates": numbers, "attrs": [serial]}

    async def _learn_templates(self) -> None:
        """The numbers by which REST names templates and attributes."""
        keys = [Key(Kind.TEMPLATE, self._tenant, name) for name in ("base", *self._fleet.templates)]
        found = [await self._fleet.kube.get(key) for key in keys]
        numbers = {one["metadata"]["name"]: int(one["status"]["templateId"]) for one in found}
        async with self._session.get(f"/template/{numbers['base']}", headers=self._headers) as answer:
            base = await answer.json()
        self._serial = next(one["id"] for one in base["attrs"] if one["label"] == "serial")
        self._numbers = numbers


async def keep_writing(writer: Writer, pause: Callable[[], float], stop: asyncio.Event) -> None:
    """Turn after turn until the flag is set; an API server that is away only costs time."""
    while not stop.is_set():
        try:
            await writer.turn()
        except (ClusterUnavailable, NotFound, aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        await _pause(pause(), stop.wait)


async def _pause(seconds: float, wait: Callable[[], Awaitable[object]]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await wait()
    except TimeoutError:
        return


# --- what is written ------------------------------------------------------------------------------------


def token(tenant: str) -> str:
    """What stands in the header Authorization for a tenant, behind an API gateway."""
    payload = b64encode(json.dumps({"service": tenant}).encode()).decode()
    return f"Bearer head.{payload}.signature"


def device_manifest(key: Key, wanted: Wanted) -> dict[str, Any]:
    """A device that overrides `serial`."""
    serial = {"label": "serial", "type": "static", "staticValue": wanted.value}
    templates = [{"name": name} for name in wanted.templates]
    return _manifest(key, {"label": wanted.label, "templates": templates, "attributes": [serial]})


def template_manifest(key: Key, wanted: Wanted) -> dict[str, Any]:
    """`base` with the attribute that devices override, any other with a value of its own."""
    if key.name == "base":
        static = {"label": "serial", "type": "static", "valueType": "string", "staticValue": "none"}
        return _manifest(key, {"label": wanted.label, "attributes": [DYNAMIC, static]})
    site = {"label": f"site-{key.name}", "type": "static", "valueType": "string", "staticValue": wanted.value}
    return _manifest(key, {"label": wanted.label, "attributes": [site]})


def _manifest(key: Key, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": key.name, "namespace": key.namespace}
    return {"apiVersion": "dojot.io/v1alpha1", "kind": key.kind.value, "metadata": metadata, "spec": spec}


def _device(chance: random.Random, templates: Sequence[str]) -> Wanted:
    chosen = chance.sample(templates, k=min(len(templates), chance.choice([0, 1, 1, 2])))
    return Wanted(_nonce(chance), _nonce(chance), ("base", *chosen))


def _nonce(chance: random.Random) -> str:
    return f"{chance.randrange(16**8):08x}"
