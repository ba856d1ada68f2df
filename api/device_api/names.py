"""How resources and namespaces are called after the ids and tenants that they stand for.

Ids and tenants are case-significant and have characters that names in the cluster cannot have; names that
would lose something carry a digest of the original.
"""

import hashlib
import re

from device_registry.domain.model import Key, Kind, Tenant

_SAFE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LABEL_LENGTH = 63
"""Longest name of a namespace (RFC 1123 label)."""
_DIGEST = 8
"""Hexadecimal digits: with ten thousand names of one slug two are equal once in a hundred installations."""


def template_key(namespace: str, template_id: int) -> Key:
    """The resource of a template that was made over REST."""
    return Key(Kind.TEMPLATE, namespace, f"template-{template_id}")


def device_key(namespace: str, device_id: str) -> Key:
    """The resource of a device that was made over REST."""
    return Key(Kind.DEVICE, namespace, f"device-{_faithful(device_id)}")


def namespaces_for(tenant: Tenant, prefix: str) -> list[str]:
    """Names for a tenant's own namespace, most wanted first; the last one is nobody else's."""
    plain = f"{prefix}{tenant}"
    distinct = f"{_slug(plain)[: _LABEL_LENGTH - _DIGEST - 1].rstrip('-')}-{_digest(plain)}"
    return [plain, distinct] if _SAFE.fullmatch(plain) and len(plain) <= _LABEL_LENGTH else [distinct]


def _faithful(text: str) -> str:
    """The text itself where it is a name, else a slug of it that no other text has."""
    return text if _SAFE.fullmatch(text) else f"{_slug(text)}-{_digest(text)}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
