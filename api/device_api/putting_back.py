"""A change over REST that the operator refuses is taken back: the resource declares again what it declared.

Of several changes that were made one upon the other before the operator looked, all are refused. The first
one cannot be taken back by whoever made it, since the next one stands on it; so the last one goes back to
what is registered.
"""

from collections.abc import Mapping
from typing import Any, Final

import structlog

from device_registry.domain.errors import Conflict, RegistryError, RegistryUnavailable
from device_registry.domain.model import Kind
from device_registry.manifests import REST_MANAGER, author, edited_spec, key_of, parse_device_spec

from . import asking, ownership
from .context import Context
from .problems import Problem
from .signing import signed

_LOG = structlog.get_logger(__name__)

_ATTEMPTS: Final = 100
"""At an object whose status or metadata others write; a write takes a few milliseconds."""

_Object = Mapping[str, Any]


async def put_back(context: Context, before: _Object, after: _Object) -> None:
    """Undo the change from `before` to `after`, unless somebody has written another spec since."""
    ours = bool(author(before["metadata"]).request)
    spec = await _registered(context, before) if ours else before["spec"]
    try:
        for _ in range(_ATTEMPTS):
            found = await context.cluster.get(key_of(after))
            if found["metadata"]["generation"] != after["metadata"]["generation"]:
                return
            wanted = {**found, "spec": spec}
            try:
                # What others wrote stays theirs, refused or not.
                await context.cluster.replace(
                    signed(wanted, found["metadata"]["generation"] + 1) if ours else wanted, REST_MANAGER
                )
                return
            except Conflict:
                continue
    except RegistryError as error:
        _LOG.warning("a refused change stays", resource=str(key_of(after)), error=error.message)


async def _registered(context: Context, before: _Object) -> _Object:
    """The last spec that was registered, where the one before is not: REST wrote that, and it is refused too.

    Templates are refused for no reason that lies in another change, and what others declare stays.
    """
    key, meta = key_of(before), before["metadata"]
    spec: _Object = before["spec"]
    if key.kind is not Kind.DEVICE:
        return spec
    try:
        found = await context.reader.registered(asking.current().tenant, key, meta["uid"])
    except RegistryUnavailable:
        return spec
    if found is None or found.generation >= meta["generation"]:
        return spec
    registered = edited_spec(spec, parse_device_spec(spec, key.name), found.spec)
    try:
        ownership.check_fields(context.settings, before, registered)
    except Problem:
        return spec
    return registered
