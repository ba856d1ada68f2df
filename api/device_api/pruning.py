"""After an edit of a template: devices let go of overrides and keys of attributes that are gone.

What REST has put there goes, so that it does not come back with an attribute of the same name. What others
declare stays theirs: the operator reports it in OverridesUnused.
"""

from dataclasses import dataclass, replace
from http import HTTPStatus

import structlog

from device_registry.domain.keys import psk_labels
from device_registry.domain.model import (
    DeviceSpec,
    Override,
    RegisteredAttribute,
    RegisteredTemplate,
    Tenant,
)
from device_registry.registry.bindings import StoredDevice

from . import bulk, secrets_of, writes
from .context import Context
from .problems import Problem

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


def gone(before: RegisteredTemplate, after: RegisteredTemplate) -> Gone:
    """What an edit took away."""
    kept = {one.identity for one in after.attributes}
    return Gone(
        attributes=frozenset(one.identity for one in before.attributes if one.identity not in kept),
        metadata=_metadata(before.attributes) - _metadata(after.attributes),
        keys=psk_labels([before]) - psk_labels([after]),
    )


def without(spec: DeviceSpec, what: Gone) -> DeviceSpec:
    """The device without overrides and keys of it."""
    left = [_left(one, what) for one in spec.overrides if one.identity not in what.attributes]
    return replace(
        spec,
        overrides=tuple(one for one in left if one.static_value is not None or one.metadata),
        credentials=tuple(one for one in spec.credentials if one.attribute not in what.keys),
    )


async def prune(
    context: Context, tenant: Tenant, before: RegisteredTemplate, after: RegisteredTemplate
) -> None:
    """Take what the edit took away from the devices of the template. Raises Problem (202) when that lasts."""
    what = gone(before, after)
    if what:
        found = await context.reader.devices_with_own_values(tenant, after.id)
        concerned = [device for device, spec in found if without(spec, what) != spec]
        await bulk.in_portions([_prune(context, one, what) for one in concerned])


async def _prune(context: Context, device: StoredDevice, what: Gone) -> None:
    if device.key is None:
        return
    try:
        await writes.change(
            context, device.key, device.uid, lambda spec: without(spec, what), f"/device/{device.id}"
        )
        if what.keys:
            await secrets_of.forget(context, device.key, device.uid, what.keys)
    except Problem as problem:
        if problem.status in (HTTPStatus.ACCEPTED, HTTPStatus.SERVICE_UNAVAILABLE):
            raise
        # Declared elsewhere, gone, or refused for a reason of its own: the template is none of the causes.
        _LOG.info("overrides without an attribute stay", resource=str(device.key), why=str(problem))


def _left(override: Override, what: Gone) -> Override:
    return replace(
        override,
        metadata=tuple(
            one
            for one in override.metadata
            if (override.identity, (one.label, one.type)) not in what.metadata
        ),
    )


def _metadata(attributes: tuple[RegisteredAttribute, ...]) -> frozenset[tuple[_Identity, _Identity]]:
    return frozenset(
        (one.identity, (entry.label, entry.type)) for one in attributes for entry in one.metadata
    )
