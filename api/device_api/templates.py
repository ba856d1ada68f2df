"""Templates over REST: made and removed as resources, found in the registry."""

from dataclasses import replace
from http import HTTPStatus

from device_registry.domain.model import Key, Kind, RegisteredTemplate, TemplateSpec, Tenant
from device_registry.manifests import template_manifest

from . import names, writes
from .context import Context
from .parameters import identifier
from .problems import no_such, refusal


async def find(context: Context, tenant: Tenant, template_id: str) -> RegisteredTemplate:
    """The template with that id. Raises Problem (404), also for what is no id."""
    number = identifier(template_id)
    template = await context.reader.template(tenant, number) if number else None
    if template is None:
        raise no_such("template", template_id)
    return template


async def create(context: Context, tenant: Tenant, spec: TemplateSpec) -> RegisteredTemplate:
    """Make a template under an id that was never used. Raises Problem."""
    namespace = await context.namespaces.of(tenant)
    number = await context.reader.reserve_template_id(tenant)
    pinned = replace(spec, template_id=number)
    manifest = template_manifest(names.template_key(namespace, number), pinned)
    await writes.register(context, [manifest], f"/template/{number}")
    return await find(context, tenant, str(number))


async def delete(context: Context, tenant: Tenant, template_id: str) -> RegisteredTemplate:
    """Remove a template that no device uses; answers it as it was. Raises Problem."""
    template = await find(context, tenant, template_id)
    if await context.reader.in_use(tenant, template.id):
        raise refusal("Templates cannot be removed as they are being used by devices")
    key = resource_of(template)
    if key is None or template.claim is None:
        raise unclaimed("template", template.id)
    await writes.remove(context, key, template.claim.uid, f"/template/{template.id}")
    return template


def resource_of(template: RegisteredTemplate) -> Key | None:
    """The resource that declares the template; None when the row is unclaimed."""
    if template.claim is None or template.unclaimed_since is not None:
        return None
    return Key(Kind.TEMPLATE, *template.claim.place)


def unclaimed(kind: str, identifier_: object) -> Exception:
    """Nothing in the cluster declares the row, so nothing can be changed there."""
    return refusal(
        f"The {kind} {identifier_} is in the registry only, no resource declares it;"
        " adopt or delete it with device-manager unclaimed",
        HTTPStatus.CONFLICT,
    )
