"""Does this resource need work? Pure questions about one object, asked by the intake for every event.

Everything that can be wrong shows in the object itself, so that a restart finds all open work by listing.
"""

from typing import NamedTuple, TypeAlias

from device_registry.domain.model import DeviceSpec, TemplateSpec
from device_registry.manifests import Resource
from device_registry.manifests.status import PAUSED, condition, is_true

DeviceResource: TypeAlias = Resource[DeviceSpec]
TemplateResource: TypeAlias = Resource[TemplateSpec]
AnyResource: TypeAlias = DeviceResource | TemplateResource


class Mark(NamedTuple):
    """What people and controllers ask for; two versions with equal marks ask for the same."""

    generation: int
    deleting: bool
    paused: bool
    requested_at: str


def mark(resource: AnyResource) -> Mark:
    """What this version of the object asks for."""
    return Mark(
        resource.declared.generation,
        resource.deleting,
        resource.paused,
        resource.requested_at,
    )


def needs_work(resource: AnyResource) -> bool:
    """Whether a worker must look at the object. Saying yes once too often costs one look, never a write."""
    if resource.deleting:
        return resource.guarded
    if resource.paused:
        return not is_true(resource.status, PAUSED)
    return not resource.guarded or any(question(resource) for question in _QUESTIONS)


def _generation_is_new(resource: AnyResource) -> bool:
    return resource.status.get("observedGeneration") != resource.declared.generation


def _is_not_ready(resource: AnyResource) -> bool:
    return not is_true(resource.status, "Ready")


def _event_is_unsent(resource: AnyResource) -> bool:
    return _is_open(resource, "Published")


def _propagation_is_unfinished(resource: AnyResource) -> bool:
    return _is_open(resource, "Propagated")


def _look_was_requested(resource: AnyResource) -> bool:
    return bool(resource.requested_at != resource.status.get("lastHandledReconcileAt", ""))


def _pause_is_over(resource: AnyResource) -> bool:
    return condition(resource.status, PAUSED) is not None


def _is_open(resource: AnyResource, name: str) -> bool:
    return condition(resource.status, name) is not None and not is_true(resource.status, name)


_QUESTIONS = (
    _generation_is_new,
    _is_not_ready,
    _event_is_unsent,
    _propagation_is_unfinished,
    _look_was_requested,
    _pause_is_over,
)
