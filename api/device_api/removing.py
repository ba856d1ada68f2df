"""A deletion over REST deletes the resource, then waits until its row is gone.

Routes of devices and templates call it, and `bulk` for many at once.
"""

from collections.abc import Mapping
from typing import Any

from device_registry.domain.errors import Conflict, NotFound
from device_registry.domain.model import Key
from device_registry.manifests import key_of, note

from . import asking, ownership, publication, writes
from .contention import ATTEMPTS, contended
from .context import Context
from .measuring import measured
from .problems import accepted, refusal


async def remove(
    context: Context, key: Key, uid: str, location: str, *, patient: bool = False, waits: bool = True
) -> None:
    """Delete the resource and wait until its row is gone; if `patient`, also while a budget holds it.

    Without `waits` it only asks for the deletion and raises Problem (202) at once.
    Of several at once one returns, the others raise Problem (404, with the last segment of `location` as
    the id). Raises Problem also: 409 naming the manager when the resource is declared elsewhere (unless
    FOREIGN_RESOURCES=overwrite), 400 when its deletion waits for others, 202 with `location` when the row
    does not go in time. Raises Unavailable as `writes.change`.
    """
    with measured("delete"):
        await context.waiter.ready()
        mine = await _delete(context, key, uid)
        if not waits:
            raise accepted(location)
        try:
            held = await context.waiter.wait_gone(asking.current().tenant, key, uid, patient=patient)
        except TimeoutError:
            raise accepted(location) from None
        if held is not None:
            raise refusal(held.message)
        if mine is None:
            mine = await publication.removed_by_us(context, key, location)
        if not mine:
            raise writes.gone(key, location)
        await publication.wait(context, publication.of_removed(key, location), location)


async def _delete(context: Context, key: Key, uid: str) -> bool | None:
    """Whether it was this call that deleted the resource, None if it may have been.

    When a connection breaks the HTTP client asks for a deletion once more, and only hears then that the
    version is another one or that nothing is there. Raises Problem (409) when others declare the resource.
    """
    if_gone: bool | None = False  # what it means that nothing is there (any more)
    for _ in range(ATTEMPTS):
        try:
            found = await context.cluster.get(key)
            meta = found["metadata"]
            if meta["uid"] != uid:
                return if_gone
            if "deletionTimestamp" in meta:
                return writes.is_ours(found)
            ownership.check_whole(context.settings, found)
            version = await _sign_deletion(context, found)
            if_gone = None
            await context.cluster.delete(key, uid=uid, resource_version=version)
            return True
        except NotFound:
            return if_gone
        except Conflict:
            continue
    raise contended(key)


async def _sign_deletion(context: Context, found: Mapping[str, Any]) -> str:
    """Leave a note of who deletes it, which makes a generation of its own; answers the version to delete."""
    meta, asked = found["metadata"], asking.current()
    noted = note(meta["generation"] + 1, asked.id, asked.user)
    signed = await context.cluster.annotate(key_of(found), noted, meta["resourceVersion"])
    return str(signed["metadata"]["resourceVersion"])
