"""Puts our finalizer on a resource and takes it off again; those of others stay."""

from typing import Any

from device_registry.faultpoints import Point, reached
from device_registry.manifests import FINALIZER, parse
from device_registry.ports import Cluster

from .reports import bound


async def hold(cluster: Cluster, resource: Any) -> Any:
    """The resource with our finalizer; written only where the admission policy has not put it there.

    Raises Conflict when the object has changed since, NotFound when it is gone.
    """
    if resource.guarded:
        return resource
    wanted = [*resource.finalizers, FINALIZER]
    reached(Point.BEFORE_HOLD)
    stored = await cluster.set_finalizers(resource.key, wanted, resource.resource_version)
    reached(Point.AFTER_HOLD)
    return bound(
        parse(stored, resource.declared.tenant), resource.declared.tenant, resource.declared.tenant_claim
    )


async def let_go(cluster: Cluster, resource: Any) -> None:
    """Take our finalizer off, so that the object can go. Raises Conflict and NotFound as above."""
    kept = [one for one in resource.finalizers if one != FINALIZER]
    reached(Point.BEFORE_RELEASE)
    await cluster.set_finalizers(resource.key, kept, resource.resource_version)
    reached(Point.AFTER_RELEASE)
