"""The templates of a device as REST names them: found, called by their resources, checked for conflicts."""

import json
from collections.abc import Mapping, Sequence

from device_registry.domain.model import DeviceSpec, Key, Kind, RegisteredTemplate, Tenant
from device_registry.domain.rules import check_device

from .context import Context
from .parameters import identifier
from .problems import Problem, no_such, refusal, unclaimed


async def find_all(context: Context, tenant: Tenant, wanted: Sequence[int | str]) -> list[RegisteredTemplate]:
    """The templates in the order wanted. Raises Problem (404) for the first that is not there."""
    numbers = [identifier(str(one)) for one in wanted]
    known = [number for number in numbers if number is not None]
    found = await context.reader.templates(tenant, known) if known else {}
    for one, number in zip(wanted, numbers, strict=True):
        if number not in found:
            raise no_such("template", one)
    return [found[number] for number in known]


def names_in(namespace: str, used: Sequence[RegisteredTemplate], device_id: str) -> tuple[str, ...]:
    """The resources of the templates, for a device of that namespace.

    Raises Problem: 409 for a template that such a device cannot name, 400 for the first that does not go
    with those before it, as the operator would refuse it.
    """
    check_conflicts(used, device_id)
    return tuple(_name(namespace, template) for template in used)


def check_conflicts(used: Sequence[RegisteredTemplate], device_id: str) -> None:
    """Raise Problem (400) for the first template that stands twice or clashes with those before it."""
    for count, template in enumerate(used, start=1):
        first = {str(one.id): one for one in used[:count]}
        if len(first) < count or _clash(first):
            raise conflict(template.id, device_id)


def template_ids(document: str) -> list[int]:
    """The templates that a device uses, in order."""
    ids: list[int] = json.loads(document)["templates"]
    return ids


def resource_of(template: RegisteredTemplate) -> Key | None:
    """The resource that declares the template; None when the row is unclaimed."""
    if template.claim is None or template.unclaimed_since is not None:
        return None
    return Key(Kind.TEMPLATE, *template.claim.place)


def conflict(template_id: int, device_id: str) -> Problem:
    """The template does not go with the other ones of the device."""
    return refusal(
        f"Template ({template_id}) cannot be added to device ({device_id})"
        " as it has standing attribute conflicts"
    )


def _name(namespace: str, template: RegisteredTemplate) -> str:
    key = resource_of(template)
    if key is None or key.namespace != namespace:
        raise unclaimed("template", template.id)
    return key.name


def _clash(used: Mapping[str, RegisteredTemplate]) -> bool:
    return check_device(DeviceSpec(label="", templates=tuple(used)), used) is not None
