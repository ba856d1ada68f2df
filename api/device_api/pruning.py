"""After an edit of a template: devices let go of overrides and keys of attributes that are gone.

What REST has put there goes, so that it does not come back with an attribute of the same name. What others
declare stays theirs: the operator reports it in OverridesUnused.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import structlog

from device_registry.domain.errors import RegistryError, Unavailable
from device_registry.domain.keys import psk_labels, takes_key
from device_registry.domain.model import DeviceSpec, Key, Override, RegisteredTemplate, Tenant
from device_registry.registry.bindings import StoredDevice

from . import asking, bulk, secrets_of, writes
from .context import Context
from .problems import Problem
from .template_bodies import TemplateBody

_LOG = structlog.get_logger(__name__)

_Identity = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What a template does not have any more."""

    attributes: frozenset[_Identity]
    metadata: frozenset[tuple[_Identity, _Identity]]
    """Attribute and metadata entry, each by label and type."""
    keys: frozenset[str]
    """Labels of attributes that took a key."""

    def __bool__(self) -> bool:
        return bool(self.attributes or self.metadata or self.keys)


def gone(before: RegisteredTemplate, body: TemplateBody) -> Gone:
    """What an edit takes away."""
    keys = {one.label for one in (each.attribute for each in body.attributes) if takes_key(one)}
    return Gone(
        attributes=frozenset(one.identity for one in before.attributes) - body.identities,
        metadata=frozenset(_lost_metadata(before, body)),
        keys=psk_labels([before]) - keys,
    )


def without(spec: DeviceSpec, what: Gone) -> DeviceSpec:
    """The device without overrides and keys of it."""
    left = [_left(one, what) for one in spec.overrides if one.identity not in what.attributes]
    return replace(
        spec,
        overrides=tuple(one for one in left if one.static_value is not None or one.metadata),
        credentials=tuple(one for one in spec.credentials if one.attribute not in what.keys),
    )


async def concerned(context: Context, tenant: Tenant, template_id: int, what: Gone) -> Sequence[StoredDevice]:
    """The devices of the template that have some of it. Raises RegistryUnavailable."""
    found = await context.reader.devices_with_own_values(tenant, template_id) if what else []
    return [device for device, spec in found if without(spec, what) != spec]


async def prune(context: Context, devices: Sequence[StoredDevice], what: Gone, *, waits: bool) -> bool:
    """Take it from all these devices; answers whether that was waited for and ended in time.

    The template has changed already: what is late or fails with one device stops no other.
    """
    for portion in bulk.portions(devices):
        ended = await asyncio.gather(*(_prune(context, one, what, waits=waits) for one in portion))
        waits = waits and all(ended)
    return waits


async def _prune(context: Context, device: StoredDevice, what: Gone, *, waits: bool) -> bool:
    """Whether it is done, as far as it can be."""
    if device.key is None:
        return True
    try:
        _, after = await writes.write(
            context, device.key, device.uid, lambda spec: without(spec, what), f"/device/{device.id}"
        )
        if what.keys:
            await secrets_of.forget(context, device.key, device.uid, what.keys)
    except (Problem, RegistryError) as error:
        # Declared elsewhere, gone, or out of reach: the template is none of the causes.
        _LOG.info("overrides without an attribute stay", resource=str(device.key), why=str(error))
        return not isinstance(error, Unavailable) and not _says_come_back(error)
    return waits and await _is_seen(context, device.key, after["metadata"])


def _says_come_back(error: Exception) -> bool:
    return isinstance(error, Problem) and error.status == HTTPStatus.SERVICE_UNAVAILABLE


async def _is_seen(context: Context, key: Key, written: Mapping[str, Any]) -> bool:
    try:
        tenant = asking.current().tenant
        await context.waiter.wait_changed(tenant, key, written["uid"], written["generation"])
    except TimeoutError:
        return False
    return True


def _left(override: Override, what: Gone) -> Override:
    return replace(
        override,
        metadata=tuple(
            one
            for one in override.metadata
            if (override.identity, (one.label, one.type)) not in what.metadata
        ),
    )


def _lost_metadata(before: RegisteredTemplate, body: TemplateBody) -> Iterator[tuple[_Identity, _Identity]]:
    """An attribute that says nothing of its metadata keeps it."""
    told = {one.attribute.identity: one.metadata for one in body.attributes}
    for attribute in before.attributes:
        kept = told.get(attribute.identity, ())
        for entry in attribute.metadata if kept is not None else ():
            if (entry.label, entry.type) not in {(one.label, one.type) for one in kept or ()}:
                yield attribute.identity, (entry.label, entry.type)
