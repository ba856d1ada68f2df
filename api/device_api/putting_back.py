"""A change over REST that the operator refuses is taken back: the resource declares again what it declared.

Of several changes that were made one upon the other before the operator looked, the first one may be refused
as well. It cannot be taken back by whoever made it, since the next one stands on it; so when the last one has
gone back to it and it is refused, that goes on to what is registered.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from device_registry.domain.errors import Conflict, RegistryError
from device_registry.domain.model import Kind
from device_registry.manifests import REST_MANAGER, author, edited_spec, key_of, parse_device_spec

from . import asking, ownership
from .contention import ATTEMPTS
from .context import Context
from .problems import Problem
from .signing import signed

_LOG = structlog.get_logger(__name__)

_Object = Mapping[str, Any]


async def put_back(context: Context, before: _Object, after: _Object) -> None:
    """Undo the change from `before` to `after`, unless somebody has written another spec since."""
    ours = bool(author(before["metadata"]).request)
    try:
        registered = await _registered(context, before) if ours else None
        back = await _write(context, after, before["spec"], ours=ours)
        if back and registered is not None and await _is_refused(context, back):
            await _write(context, back, registered, ours=True)
    except RegistryError as error:
        _LOG.warning("a refused change stays", resource=str(key_of(after)), error=error.message)


async def _write(context: Context, latest: _Object, spec: _Object, *, ours: bool) -> _Object | None:
    """The object with another spec; None when somebody has written one since `latest`."""
    generation = latest["metadata"]["generation"]
    for _ in range(ATTEMPTS):
        found = await context.cluster.get(key_of(latest))
        if found["metadata"]["generation"] != generation:
            return None
        wanted = {**found, "spec": spec}
        try:
            # What others wrote stays theirs, refused or not.
            return await context.cluster.replace(
                signed(wanted, generation + 1) if ours else wanted, REST_MANAGER
            )
        except Conflict:
            continue
    return None


async def _is_refused(context: Context, written: _Object) -> bool:
    """Whether the operator refuses it; what it has not looked at in time is not refused."""
    meta, tenant = written["metadata"], asking.current().tenant
    try:
        outcome = await context.waiter.wait_changed(tenant, key_of(written), meta["uid"], meta["generation"])
    except TimeoutError:
        return False
    return outcome is not None and not outcome.registered


async def _registered(context: Context, before: _Object) -> _Object | None:
    """The last spec that was registered, where the one before is not, and may be refused.

    Templates are refused for no reason that lies in another change, and what others declare stays.
    """
    key, meta = key_of(before), before["metadata"]
    if key.kind is not Kind.DEVICE:
        return None
    found = await context.reader.registered(asking.current().tenant, key, meta["uid"])
    if found is None or found.generation >= meta["generation"]:
        return None
    spec = before["spec"]
    registered = edited_spec(spec, parse_device_spec(spec, key.name), found.spec)
    try:
        ownership.check_fields(context.settings, before, registered)
    except Problem:
        return None
    return registered
