"""Declared, registered and published side by side: what `drift` shows. Nothing here reads or writes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from device_registry.domain.model import (
    DeviceRow,
    DeviceSpec,
    Key,
    Kind,
    RegisteredTemplate,
    TemplateSpec,
    Tenant,
)
from device_registry.manifests import Resource
from device_registry.manifests.writing import device_spec, template_spec
from device_registry.registry.overview import Publication

from .differing import differences, shown
from .pinning import template_spec_of
from .standing import Standing

Row = DeviceRow | RegisteredTemplate
AnyResource = Resource[DeviceSpec] | Resource[TemplateSpec]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is about one resource, one row, or both."""

    kind: Kind
    tenant: Tenant
    resource: AnyResource | None = None
    key: Key | None = None
    """The resource, or the one that the row is for; None when the row is for nobody."""
    standing: Standing | None = None
    """Where the resource says that it stands."""
    problem: str = ""
    """Why the resource cannot be read."""
    row: Row | None = None
    intact: bool = True
    """Whether the row is as the operator wrote it."""
    publication: Publication | None = None
    """The event stream of the row; None when there was never an event."""
    last_word: str = ""
    """What is wrong with the last record of the device in the topic, where topics are read."""
    behind: tuple[str, ...] = ()
    """Templates whose current revision the row of a device does not show yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the comparison."""

    found: Found
    differences: tuple[str, ...] = field(default=())
    reserved: bool = False
    """The row waits for exactly this resource, which would take it without an event."""


def compare(found: Found) -> Line:
    """Everything in which the three differ, in the order of the road."""
    resource, row = found.resource, found.row
    if resource is None or row is None:
        return Line(found=found, differences=tuple(_one_sided(found)))
    content = tuple(_content(resource, row))
    if not row.claimed:
        return _unclaimed(found, content)
    return Line(found=found, differences=(*_registration(found, row), *content, *_publication(found)))


def _one_sided(found: Found) -> Iterator[str]:
    if found.problem:
        yield found.problem
        return
    if found.resource is None:
        yield "not declared: no resource stands behind the row"
        return
    standing = found.standing
    told = f": {standing.reason}: {standing.message}" if standing else ""
    yield f"not registered{told}"


def _unclaimed(found: Found, content: tuple[str, ...]) -> Line:
    """A row that was reserved for the resource and not taken yet."""
    paused = found.resource is not None and found.resource.paused
    if not content and found.intact:
        waits = () if paused else ("not claimed yet: the operator has not looked at the resource",)
        return Line(found=found, differences=waits, reserved=True)
    return Line(found=found, differences=("not claimed yet: claiming it would be an update", *content))


def _registration(found: Found, row: Row) -> Iterator[str]:
    resource, standing = found.resource, found.standing
    if resource and row.generation < resource.declared.generation:
        why = f" ({standing.reason}: {standing.message})" if standing and not standing.ready else ""
        wanted = resource.declared.generation
        yield f"behind: generation {row.generation} is registered, {wanted} declared{why}"
    if not found.intact:
        yield "drifted: the row was changed by hand"
    if found.behind:
        yield f"not propagated: an edit of {', '.join(found.behind)} has not reached the device"


def _publication(found: Found) -> Iterator[str]:
    publication = found.publication
    if publication and publication.waiting:
        yield f"not published: {publication.waiting} of its events wait in the outbox"
    if publication and publication.quarantined:
        yield (
            f"not published: {publication.quarantined} of its events are in quarantine,"
            " see device-manager quarantine list"
        )
    if found.last_word and not (publication and publication.waiting):
        yield found.last_word


# --- contents ---------------------------------------------------------------------------------------


def _content(resource: AnyResource, row: Row) -> Iterator[str]:
    """Fields that resource and row show differently; what the resource leaves to the registry is equal."""
    spec = resource.declared.spec
    if isinstance(spec, DeviceSpec) and isinstance(row, DeviceRow):
        declared = {**_device_fields(spec), "deviceId": spec.device_id or row.id}
        registered = {**_device_fields(row.spec), "deviceId": row.id}
    else:
        assert isinstance(spec, TemplateSpec)
        assert isinstance(row, RegisteredTemplate)
        declared, registered = _template_fields(spec), _template_fields(template_spec_of(row))
        registered = _only_declared_pins(declared, registered)
    for path, one, other in differences(declared, registered):
        yield f"{path}: declared {shown(one)}, registered {shown(other)}"


def _device_fields(spec: DeviceSpec) -> dict[str, Any]:
    written = device_spec(spec)
    return {
        "label": written["label"],
        "templates": [one["name"] for one in written.get("templates", ())],
        "attributes": _keyed(written.get("attributes", ())),
    }


def _template_fields(spec: TemplateSpec) -> dict[str, Any]:
    written = template_spec(spec)
    fields = {"label": written["label"], "attributes": _keyed(written.get("attributes", ()))}
    if spec.template_id is not None:
        fields["templateId"] = spec.template_id
    return fields


def _keyed(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A list-map as a mapping, so that differences name entries and their order does not count."""
    return {
        f"{one['label']} ({one['type']})": {
            name: _keyed(value) if name == "metadata" else value
            for name, value in one.items()
            if name not in ("label", "type")
        }
        for one in entries
    }


def _only_declared_pins(declared: Mapping[str, Any], registered: Mapping[str, Any]) -> dict[str, Any]:
    """The registered fields without the ids that the resource leaves to the registry."""
    kept = {}
    for name, value in registered.items():
        wanted = declared.get(name)
        if name in ("id", "templateId") and wanted is None:
            continue
        kept[name] = _only_declared_pins(wanted or {}, value) if isinstance(value, Mapping) else value
    return kept
