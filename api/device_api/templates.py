"""Templates over REST: made, changed and removed as resources, found in the registry."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus

from device_registry.domain.errors import Contended, RegistryUnavailable
from device_registry.domain.model import Key, RegisteredTemplate, TemplateSpec, Tenant
from device_registry.domain.outcome import Outcome
from device_registry.manifests import template_manifest
from device_registry.registry.turns import Matter

from . import bulk, fitting, names, pruning, publication, removing, writes
from .announcing import token
from .context import Context
from .parameters import identifier
from .problems import Problem, accepted, no_such, refusal, unclaimed
from .template_bodies import TemplateBody

_NAMED = 20
"""Devices that an answer names: enough to begin with, few enough to read."""


async def find(context: Context, tenant: Tenant, template_id: str) -> RegisteredTemplate:
    """The template with that id. Raises Problem (404), also for what is no id."""
    number = identifier(template_id)
    template = await context.reader.template(tenant, number) if number else None
    if template is None:
        raise no_such("template", template_id)
    return template


async def create(context: Context, tenant: Tenant, body: TemplateBody) -> RegisteredTemplate:
    """Make a template under an id that was never used. Raises Problem."""
    namespace = await context.namespaces.of(tenant)
    number = await context.reader.reserve_template_id(tenant)
    spec = TemplateSpec(label=body.label, attributes=body.attributes_over(()), template_id=number)
    manifest = template_manifest(names.template_key(namespace, number), spec)
    await writes.register(context, [manifest], _location(number))
    return await find(context, tenant, str(number))


async def update(
    context: Context, tenant: Tenant, before: RegisteredTemplate, body: TemplateBody
) -> RegisteredTemplate:
    """Replace a template by what the body says, and carry it to its devices. Raises Problem.

    Answers it as it is then: every device shows it, and overrides of what is gone are gone. They go also
    when the answer is 202, as nobody would look for them later.
    """
    location = _location(before.id)
    await _check_namespaces(context, tenant, [before])
    what = pruning.gone(before, body)
    concerned = await pruning.concerned(context, tenant, before.id, what)
    late: Problem | None = None
    try:
        outcome = await _replace(context, tenant, before, body)
        with _in_time(location):
            await _propagated(context, tenant, before.id, outcome.revision)
            concerned = await pruning.concerned(context, tenant, before.id, what)
    except Problem as problem:
        if not bulk.is_late(problem):
            raise
        late = problem
    if not await pruning.prune(context, concerned, what, waits=late is None):
        raise late or accepted(location)
    with _in_time(location):
        return await find(context, tenant, str(before.id))


async def _replace(
    context: Context, tenant: Tenant, before: RegisteredTemplate, body: TemplateBody
) -> Outcome:
    """Write the template and wait until it is registered. Raises Problem as `writes.change`.

    Two templates of a device must not get the same attribute at once, so edits that add some to templates
    which share a device take turns.
    """
    key, uid = _resource(before)
    location = _location(before.id)
    announce = token()

    def edit(spec: TemplateSpec) -> TemplateSpec:
        attributes = body.attributes_over(spec.attributes)
        return replace(spec, label=body.label, attributes=attributes, announce=announce)

    new = body.identities - {one.identity for one in before.attributes}
    if not new or not await context.reader.is_shared(tenant, before.id):
        return await writes.change(context, key, uid, edit, location)
    try:
        async with context.turns.take(tenant, context.settings.REST_WAIT_SECONDS, Matter.TEMPLATES):
            await _check_conflicts(context, tenant, before.id, new)
            with publication.later():
                outcome = await writes.change(context, key, uid, edit, location)
    except Contended as error:
        message = "other edits of templates of this tenant are still at work; try again later"
        raise refusal(message, HTTPStatus.SERVICE_UNAVAILABLE) from error
    await publication.wait(context, publication.of([outcome]), location)
    return outcome


async def delete(
    context: Context, tenant: Tenant, template_id: str, *, verbose: bool = False
) -> RegisteredTemplate:
    """Remove a template that no device uses; answers it as it was.

    Raises Problem; that it is in use tells by which devices, in the body if `verbose`.
    """
    template = await find(context, tenant, template_id)
    await _check_namespaces(context, tenant, [template])
    await _check_unused(context, tenant, [template.id], verbose=verbose)
    key, uid = _resource(template)
    await removing.remove(context, key, uid, _location(template.id))
    return template


async def delete_all(context: Context, tenant: Tenant, *, verbose: bool = False) -> list[RegisteredTemplate]:
    """Remove every template of the tenant, or none if one is in use; answers them as they were."""
    ids = await context.reader.every_template(tenant)
    await _check_unused(context, tenant, ids, verbose=verbose)
    templates = await context.reader.templates(tenant, ids)
    found = [templates[one] for one in ids if one in templates]
    await _check_namespaces(context, tenant, found)
    resources = {one.id: _removable(one) for one in found}
    removed = await bulk.remove(context, list(resources.values()), "/template")
    return [one for one in found if resources[one.id].key in removed]


def _resource(template: RegisteredTemplate) -> tuple[Key, str]:
    key = fitting.resource_of(template)
    if key is None or template.claim is None:
        raise unclaimed("template", template.id)
    return key, template.claim.uid


async def _check_namespaces(context: Context, tenant: Tenant, found: Iterable[RegisteredTemplate]) -> None:
    """Raise Problem: 403 when one is in a namespace that is not bound to the tenant, 409 as `_resource`."""
    await context.namespaces.check(tenant, {_resource(one)[0].namespace for one in found})


def _removable(template: RegisteredTemplate) -> bulk.Resource:
    key, uid = _resource(template)
    return bulk.Resource(key=key, uid=uid, location=_location(template.id))


def _location(template_id: int) -> str:
    return f"/template/{template_id}"


async def _check_conflicts(
    context: Context, tenant: Tenant, template_id: int, new: Collection[tuple[str, str]]
) -> None:
    """Refuse an attribute that another template of some device of this one declares already."""
    found = await context.reader.clash(tenant, template_id, new)
    if found:
        label, number = found
        raise refusal(f"Attribute {label} ({number}) has standing conflicts")


async def _propagated(context: Context, tenant: Tenant, template_id: int, revision: int) -> None:
    """Wait until every device shows the revision. Raises TimeoutError when that takes too long."""

    async def holds() -> bool:
        return await context.reader.is_propagated(tenant, template_id, revision)

    await context.waiter.wait_until(holds)


@contextmanager
def _in_time(location: str) -> Iterator[None]:
    """A block that looks at what is written. Raises Problem (202) when there is nothing to see in time."""
    try:
        yield
    except (TimeoutError, RegistryUnavailable):
        raise accepted(location) from None


async def _check_unused(
    context: Context, tenant: Tenant, templates: Collection[int], *, verbose: bool
) -> None:
    """The body is the contract's unless more was asked for; the header always names the devices."""
    used = await context.reader.users(tenant, templates, _NAMED)
    if not used.total:
        return
    listed = ", ".join(used.ids) + (f" and {used.total - _NAMED} more" if used.total > _NAMED else "")
    detail = f"used by {listed}; delete them or take the templates from them first"
    problem = refusal("Templates cannot be removed as they are being used by devices")
    named = {"devices": list(used.ids), "total": used.total} if verbose else {}
    raise Problem(problem.status, {**problem.body, **named}, **{"X-Detail": detail})
