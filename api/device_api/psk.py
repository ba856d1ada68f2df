"""Keys over REST: generated and copied into Secrets, which devices refer to; the operator stores them.

A key is answered once, when it is generated; later only `/internal/device` shows it.
"""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import structlog

from device_registry.domain.errors import KeyUnreadable, RegistryError, RegistryUnavailable
from device_registry.domain.keys import shows_key
from device_registry.domain.model import Credential, DeviceSpec, Tenant
from device_registry.domain.psk import Psk
from device_registry.domain.reasons import Reason
from device_registry.key_ports import Vault

from . import devices, internal, writes
from .announcing import token
from .context import Context
from .problems import Problem, accepted, refusal
from .secrets_of import KeySecret

_LOG = structlog.get_logger(__name__)

_Attributes = Mapping[str, Mapping[str, Any]]
"""Attributes of a device by label; of several with one label the one that takes a key."""


async def generate(
    context: Context, tenant: Tenant, device_id: str, length: int, labels: Sequence[str] | None
) -> dict[str, Psk]:
    """Give attributes of a device new keys of so many bytes; all of its psk attributes if none is named.

    Answers the keys by label. Raises Problem: 404, 400 when a label is named twice or is none of a psk
    attribute, and as `writes.change`.
    """
    device = await devices.declared(context, tenant, device_id)
    psk = [label for label, one in _attributes(device.body).items() if shows_key(one)]
    wanted = psk if labels is None else labels
    if len(set(wanted)) < len(wanted) or not set(wanted) <= set(psk):
        raise refusal("Not found some attributes, please check them")
    keys = {label: Psk(secrets.token_hex(length)) for label in wanted}
    if keys:
        await _store(context, tenant, device, keys)
    return keys


async def copy(context: Context, tenant: Tenant, source: tuple[str, str], target: tuple[str, str]) -> None:
    """Give an attribute of a device the key that another one has now; each is (device id, label).

    Raises Problem: 404 for what is not there, 400 for attributes that take no key and for a source that
    has none, and as `writes.change`.
    """
    key = await _key_of(context, tenant, source)
    device = await devices.declared(context, tenant, target[0])
    _check_takes_key(device.body, target[1])
    await _store(context, tenant, device, {target[1]: key})


async def _key_of(context: Context, tenant: Tenant, source: tuple[str, str]) -> Psk:
    device_id, label = source
    _check_takes_key(await devices.document(context, tenant, device_id), label)
    sealed = (await context.reader.keys_of(tenant, [device_id])).get(device_id, {}).get(label)
    if sealed is None:
        raise refusal(f"There is not a psk generated to {label}")
    try:
        return _vault(context).open(sealed, (tenant, device_id, label))
    except KeyUnreadable as error:
        raise refusal(error.message, HTTPStatus.CONFLICT) from error


async def _store(context: Context, tenant: Tenant, device: devices.Declared, keys: Mapping[str, Psk]) -> None:
    """Write the Secret, then have the device refer to it; what fails leaves both as they were."""
    _vault(context)
    secret = KeySecret(device=device.key, uid=device.uid)
    former = await secret.write(context, keys)
    references: tuple[Credential, ...] = ()

    def edit(spec: DeviceSpec) -> DeviceSpec:
        nonlocal references
        references = tuple(one for one in spec.credentials if one.attribute in keys)
        new = [secret.credential(label) for label in keys]
        return replace(_referring(spec, keys, new), announce=token())

    try:
        outcome = await writes.change(context, device.key, device.uid, edit, device.location)
    except (Problem, RegistryError) as error:
        if not (isinstance(error, Problem) and error.status == HTTPStatus.ACCEPTED):
            await secret.write(context, former)
        raise
    if outcome.keys in (None, Reason.STORED):
        return
    # Something is wrong with a key of the device, maybe with one that nobody has asked for here.
    try:
        missing = await _missing(context, tenant, device, secret, keys)
    except RegistryUnavailable:
        raise accepted(device.location) from None
    if missing:
        await secret.write(context, {label: former[label] for label in missing})
        await _refer_back(context, device, missing, references)
        named = ", ".join(sorted(missing))
        message = f"no key was stored for {named}; the device says: {outcome.keys_message}"
        raise refusal(message, HTTPStatus.SERVICE_UNAVAILABLE)


async def _missing(
    context: Context,
    tenant: Tenant,
    device: devices.Declared,
    secret: KeySecret,
    keys: Mapping[str, Psk],
) -> set[str]:
    """Whose keys are not stored; for one that another request has replaced meanwhile that request answers."""
    stored = (await internal.keys_of(context, tenant, [device.id])).get(device.id, {})
    left = {label for label, key in keys.items() if stored.get(label) != key}
    held = await secret.read(context) if left else {}
    return {label for label in left if held.get(label) == keys[label]}


async def _refer_back(
    context: Context, device: devices.Declared, labels: Collection[str], references: Sequence[Credential]
) -> None:
    """Have the device refer to what it referred to before. That this fails is not worth another answer."""
    former = [one for one in references if one.attribute in labels]
    try:
        await writes.change(
            context,
            device.key,
            device.uid,
            lambda spec: _referring(spec, labels, former),
            device.location,
        )
    except (Problem, RegistryError) as error:
        _LOG.warning("a reference to a key stays", resource=str(device.key), error=str(error))


def _referring(spec: DeviceSpec, labels: Collection[str], to: Sequence[Credential]) -> DeviceSpec:
    """The device with these credentials for the labels."""
    others = [one for one in spec.credentials if one.attribute not in labels]
    return replace(spec, credentials=(*others, *to))


def _vault(context: Context) -> Vault:
    """What opens keys; without it no key would be of use to anybody."""
    if context.vault is None:
        raise refusal(
            "keys cannot be kept: an administrator must set DEV_MNGR_CRYPTO_PASS for operator and facade",
            HTTPStatus.SERVICE_UNAVAILABLE,
        )
    return context.vault


# --- attributes -------------------------------------------------------------------------------------


def _attributes(document: str) -> _Attributes:
    groups: dict[str, list[dict[str, Any]]] = json.loads(document)["attrs"]
    every = [one for group in groups.values() for one in group]
    return {one["label"]: one for one in sorted(every, key=shows_key)}


def _check_takes_key(document: str, label: str) -> None:
    found = _attributes(document).get(label)
    if found is None:
        raise refusal(f"Not found attributes {label}", HTTPStatus.NOT_FOUND)
    if not shows_key(found):
        raise refusal(f"Attribute {label} is not a 'psk' type_value")
