"""The checks that need more than one object: each returns what is wrong, or nothing.

What one object can tell alone is refused by the schema when it is applied. The lists at the end are the
order in which the operator and the facade ask; both give the first answer.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .errors import Refused
from .model import (
    Attribute,
    Claim,
    Compatibility,
    Declared,
    DeviceRow,
    DeviceSpec,
    RegisteredAttribute,
    RegisteredTemplate,
    TemplateSpec,
    Tenant,
)
from .reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What is wrong with a resource: a word of the vocabulary and a sentence with the next action."""

    reason: Reason
    message: str

    def refuse(self) -> Refused:
        """The error that stands for it."""
        return Refused(self.reason, self.message)


# --- devices ----------------------------------------------------------------------------------------


def templates_are_registered(
    spec: DeviceSpec, templates: Mapping[str, RegisteredTemplate]
) -> Violation | None:
    """Every template that the device names is in the registry."""
    return _await([name for name in spec.templates if name not in templates])


def attributes_do_not_clash(
    spec: DeviceSpec, templates: Mapping[str, RegisteredTemplate]
) -> Violation | None:
    """No two templates of the device declare the same label with the same type."""
    first: dict[tuple[str, str], str] = {}
    for name in spec.templates:
        for attribute in templates[name].attributes:
            other = first.setdefault(attribute.identity, name)
            if other != name:
                return Violation(
                    reason=Reason.ATTRIBUTE_CONFLICT,
                    message=f'templates "{other}" and "{name}" both declare the attribute'
                    f' "{attribute.label}" of type "{attribute.type}"; drop one of the templates'
                    " or rename the attribute",
                )
    return None


DeviceRule = Callable[[DeviceSpec, Mapping[str, RegisteredTemplate]], Violation | None]

DEVICE_RULES: Sequence[DeviceRule] = (
    # Make sure that there is something to render, before asking whether it fits together.
    templates_are_registered,
    # Make sure that an override and a filter mean exactly one attribute.
    attributes_do_not_clash,
)


def check_device(spec: DeviceSpec, templates: Mapping[str, RegisteredTemplate]) -> Violation | None:
    """The first rule that the device breaks."""
    return next((found for rule in DEVICE_RULES if (found := rule(spec, templates))), None)


def templates_stay(
    spec: DeviceSpec, templates: Mapping[str, RegisteredTemplate], own: DeviceRow | None
) -> Violation | None:
    """No device begins to use a template that is being deleted, or whose resource is gone.

    Otherwise a deletion might never end, and a row that only waits to be adopted would gain devices. `own`
    is the row of the device: one that uses such a template already goes on with it.
    """
    used = own.templates if own else {}
    new = [name for name in spec.templates if templates[name].id not in used]
    return _await([name for name in new if not templates[name].claimed]) or _await_end(
        [name for name in new if templates[name].terminating]
    )


def _await(missing: Sequence[str]) -> Violation | None:
    if not missing:
        return None
    return Violation(
        reason=Reason.TEMPLATE_NOT_FOUND,
        message=f"waiting for {_count(missing, 'template')} that the device names: {_names(missing)}",
    )


def _await_end(going: Sequence[str]) -> Violation | None:
    if not going:
        return None
    return Violation(
        reason=Reason.TEMPLATE_TERMINATING,
        message=f"waiting for the end of {_count(going, 'template')} being deleted that the device names:"
        f" {_names(going)}; create the template again once it is gone, or name another one",
    )


# --- identity ---------------------------------------------------------------------------------------


def namespace_is_free(
    declared: Declared[DeviceSpec] | Declared[TemplateSpec], former: Tenant | None
) -> Violation | None:
    """A namespace that has rows of another tenant, `former`, registers nothing until they are gone."""
    return _moved(former, declared.tenant) if former else None


def _moved(former: Tenant, tenant: Tenant) -> Violation:
    return Violation(
        reason=Reason.TENANT_CONFLICT,
        message=f'the namespace was bound to the tenant "{former}" and still has rows there;'
        f' delete them before you bind it to "{tenant}", or bind it to "{former}" again',
    )


def tenant_is_kept(
    declared: Declared[DeviceSpec] | Declared[TemplateSpec],
    namespace: str,
    own: DeviceRow | RegisteredTemplate | None,
) -> Violation | None:
    """One tenant is one namespace, and a namespace with rows does not change its tenant.

    `namespace` is the one that stands for the declared tenant.
    """
    if namespace != declared.key.namespace:
        return Violation(
            reason=Reason.TENANT_CONFLICT,
            message=f'the tenant "{declared.tenant}" belongs to the namespace "{namespace}"; move the'
            f' resource there or bind "{declared.key.namespace}" to another tenant',
        )
    if own is not None and own.tenant != declared.tenant:
        return _moved(own.tenant, declared.tenant)
    return None


def id_is_kept(spec: DeviceSpec, own: DeviceRow | None) -> Violation | None:
    """A device that is registered keeps its id; one that left its row behind may come back with another."""
    if own is None or not own.claimed or spec.device_id in (None, own.id):
        return None
    return Violation(
        reason=Reason.INVALID_SPEC,
        message=f'spec.deviceId: the device is registered as "{own.id}" and cannot become'
        f' "{spec.device_id}"; delete it and create it again',
    )


def id_is_free(claim: Claim, row: DeviceRow | None) -> Violation | None:
    """The row with the wanted id is absent, ours, or to be taken under the adoption policy.

    Of two claimants the older wins, whoever came to the registry first.
    """
    if row is None or row.claim is None or row.claim.place == claim.place:
        return None
    if row.claimed and not claim.older_than(row.claim):
        return Violation(
            reason=Reason.IDENTITY_CONFLICT,
            message=f'the id "{row.id}" belongs to the older Device {row.claim};'
            " give this one another spec.deviceId or delete one of them",
        )
    return None


# --- templates --------------------------------------------------------------------------------------


def pins_are_kept(spec: TemplateSpec, recorded: RegisteredTemplate | None) -> Violation | None:
    """A pinned id names the same template, attribute or metadata entry as before."""
    if recorded is None:
        return None
    if spec.template_id not in (None, recorded.id):
        return Violation(
            reason=Reason.INVALID_SPEC,
            message=f"spec.templateId: the template is registered as {recorded.id} and cannot"
            f" become {spec.template_id}; delete it and create it again",
        )
    known = {attribute.identity: attribute for attribute in recorded.attributes}
    checks = (
        found
        for index, attribute in enumerate(spec.attributes)
        for found in _moved_pins(f"spec.attributes[{index}]", attribute, known.get(attribute.identity))
    )
    return next(checks, None)


def _moved_pins(path: str, attribute: Attribute, recorded: RegisteredAttribute | None) -> Iterator[Violation]:
    """Pins of an attribute and its metadata that differ from the ids that the registry gave them."""
    if recorded is None:
        return
    if attribute.id not in (None, recorded.id):
        yield _moved_pin(f"{path}.id: the attribute", recorded.id, attribute.id)
    known = {(entry.label, entry.type): entry.id for entry in recorded.metadata}
    for index, entry in enumerate(attribute.metadata):
        was = known.get((entry.label, entry.type))
        if entry.id and was not in (None, entry.id):
            yield _moved_pin(f"{path}.metadata[{index}].id: the entry", was, entry.id)


def _moved_pin(what: str, was: int | None, wanted: int | None) -> Violation:
    return Violation(
        reason=Reason.INVALID_SPEC,
        message=f"{what} is registered as {was} and cannot become {wanted}; remove the pin",
    )


def pins_are_distinct(spec: TemplateSpec, recorded: RegisteredTemplate | None) -> Violation | None:
    """No two attributes or metadata entries of the template would get the same id."""
    kept = {attribute.identity: attribute.id for attribute in recorded.attributes} if recorded else {}
    ids = [attribute.id or kept.get(attribute.identity) for attribute in spec.attributes]
    ids += [entry.id for attribute in spec.attributes for entry in attribute.metadata]
    twice = sorted(one for one, count in Counter(ids).items() if one and count > 1)
    if not twice:
        return None
    return Violation(
        reason=Reason.INVALID_SPEC,
        message=f"spec.attributes: the id {twice[0]} is pinned for more than one entry;"
        " remove all pins but one",
    )


def id_is_free_for_template(claim: Claim, row: RegisteredTemplate | None) -> Violation | None:
    """The row with the pinned id is absent, ours or unclaimed."""
    if row is None or row.claim is None or not row.claimed or row.claim.place == claim.place:
        return None
    return Violation(
        reason=Reason.IDENTITY_CONFLICT,
        message=f"spec.templateId: {row.id} belongs to the Template {row.claim}; remove the pin or delete"
        " one of them",
    )


def attribute_ids_are_free(template_id: int | None, owners: Mapping[int, int]) -> Violation | None:
    """No pinned attribute id belongs to another template."""
    taken = sorted(one for one, owner in owners.items() if owner != template_id)
    if not taken:
        return None
    return Violation(
        reason=Reason.IDENTITY_CONFLICT,
        message=f"spec.attributes: the pinned id {taken[0]} belongs to the template {owners[taken[0]]};"
        " remove the pin",
    )


def edit_is_compatible(
    spec: TemplateSpec, recorded: RegisteredTemplate | None, users: int
) -> Violation | None:
    """With compatibility Backward, attributes in use are neither removed nor given another type."""
    if recorded is None or not users or spec.compatibility is not Compatibility.BACKWARD:
        return None
    kept = {(one.label, one.type, one.value_type) for one in spec.attributes}
    lost = [one.label for one in recorded.attributes if (*one.identity, one.value_type) not in kept]
    if not lost:
        return None
    return Violation(
        reason=Reason.INVALID_SPEC,
        message=f"spec.compatibility is Backward and {users} devices use the template: {_names(lost)}"
        " cannot be removed or change type; keep the attributes or set compatibility to None",
    )


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _names(names: Sequence[str], shown: int = 3) -> str:
    """Three names at the most: messages stay short however many there are."""
    listed = ", ".join(f'"{name}"' for name in names[:shown])
    return listed if len(names) <= shown else f"{listed} and {len(names) - shown} more"
