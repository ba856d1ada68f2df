"""What workers make of a decision: a status, also where no answer of the registry stands behind it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from device_registry.domain.errors import Conflict
from device_registry.domain.model import Kind, Tenant, TenantClaim
from device_registry.domain.outcome import Outcome, Usage
from device_registry.domain.reasons import Reason
from device_registry.manifests.status import device_status, template_status
from device_registry.reconcile import Result

from .needs import AnyResource, DeviceResource, TemplateResource


def outcome_of(resource: AnyResource, reason: Reason, message: str) -> Outcome:
    """An outcome that the registry does not know of; the row, if there is one, stays as it was."""
    target = resource.status.get("deviceId") or resource.status.get("templateId") or ""
    return Outcome.about(
        resource.declared,
        reason,
        message=message,
        target=str(target),
        revision=resource.status.get("revision", 0),
    )


def present(result: Result) -> Result:
    """The result, unless the resource was let go since: then it is a Conflict, to be looked at anew."""
    if result.outcome.reason is Reason.REMOVED:
        raise Conflict("this version is of a resource that was let go since")
    return result


def status_of(resource: AnyResource, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The status of either kind for such an outcome; a template keeps the counts that it shows."""
    if resource.key.kind is Kind.DEVICE:
        return device_status(cast("DeviceResource", resource), outcome, None, now)
    return template_status(cast("TemplateResource", resource), outcome, usage_shown(resource), now)


def usage_shown(resource: AnyResource) -> Usage:
    """The counts in the status of a template."""
    devices = resource.status.get("devices") or {}
    return Usage(total=devices.get("total", 0), current=devices.get("current", 0))


def without_spec(obj: Mapping[str, Any]) -> dict[str, Any]:
    """A malformed object as one that can be parsed, so that its status can say what is wrong."""
    return {**obj, "spec": {}}


def bound(resource: AnyResource, tenant: Tenant, claim: TenantClaim | None) -> AnyResource:
    """The resource with its tenant, and the claim of its namespace to stand for it."""
    declared = replace(resource.declared, tenant=tenant, tenant_claim=claim)
    changed: AnyResource = replace(resource, declared=declared)  # type: ignore[arg-type]  # a union of two generics
    return changed
