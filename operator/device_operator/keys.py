"""Reads the keys that a device refers to from their Secrets, or says why they cannot be had."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_registry.domain.errors import Forbidden, NotFound
from device_registry.domain.model import Credential, Declared, DeviceSpec
from device_registry.domain.psk import Psk, Withheld
from device_registry.domain.reasons import Reason
from device_registry.key_ports import SecretPlace, Secrets, SecretVersion

_Data = Mapping[str, Any] | Withheld
"""The data of a Secret."""


@dataclass(frozen=True, slots=True)
class FoundKeys:
    """What the Secrets of a device said."""

    keys: Mapping[str, Psk | Withheld]
    """By label of the attribute."""
    versions: Mapping[SecretPlace, SecretVersion]
    """Of each Secret when it was read."""


async def found_keys(cluster: Secrets, declared: Declared[DeviceSpec]) -> FoundKeys:
    """The keys that a device refers to. Raises ClusterUnavailable as the port does."""
    namespace = declared.key.namespace
    names = {one.secret for one in declared.spec.credentials}
    secrets = {name: await _data(cluster, namespace, name) for name in sorted(names)}
    return FoundKeys(
        keys={one.attribute: _key(one, secrets[one.secret][0]) for one in declared.spec.credentials},
        versions={(namespace, name): version for name, (_, version) in secrets.items()},
    )


async def _data(cluster: Secrets, namespace: str, name: str) -> tuple[_Data, SecretVersion]:
    try:
        secret = await cluster.secret(namespace, name)
    except NotFound:
        why = f'there is no Secret "{name}" in the namespace "{namespace}"; create it'
        return Withheld(reason=Reason.SECRET_NOT_FOUND, message=why), ""
    except Forbidden as error:
        why = f"the operator may not read it; allow `get` on secrets ({error.message})"
        return Withheld(reason=Reason.SECRET_NOT_FOUND, message=why), ""
    return secret.get("data") or {}, str(secret["metadata"].get("resourceVersion", ""))


def _key(credential: Credential, found: _Data) -> Psk | Withheld:
    if isinstance(found, Withheld):
        return found
    encoded = found.get(credential.key)
    if encoded is None:
        why = f'the Secret "{credential.secret}" has no entry "{credential.key}"; add it'
        return Withheld(reason=Reason.KEY_NOT_FOUND, message=why)
    return Psk.parse(_text(encoded)) or Withheld(
        reason=Reason.INVALID_KEY,
        message=f'the entry "{credential.key}" of the Secret "{credential.secret}" must be 1 to 1024 bytes'
        " as hexadecimal digits, two for each",
    )


def _text(encoded: str) -> str:
    """What is no text is no key either."""
    try:
        return base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""
