"""Values for tests, complete with one word: what a test does not name is like in any other test."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from device_registry.domain.model import (
    Attribute,
    Claim,
    Credential,
    Declared,
    DeviceId,
    DeviceRow,
    DeviceSpec,
    Document,
    Key,
    Kind,
    Metadata,
    MetadataOverride,
    Override,
    RegisteredTemplate,
    TemplateSpec,
    Tenant,
)
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.domain.templating import create, ids_needed
from device_registry.manifests import Resource

_Spec = TypeVar("_Spec", DeviceSpec, TemplateSpec)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ACME = Tenant("acme")


def at(minutes: float) -> datetime:
    """That many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


# --- declared ---------------------------------------------------------------------------------------


def an_attribute(label: str = "temperature", type: str = "dynamic", **more: Any) -> Attribute:  # noqa: A002
    return Attribute(**{"label": label, "type": type, "value_type": "float", **more})


def a_static(label: str = "serial", value: str | None = "s0", **more: Any) -> Attribute:
    return an_attribute(label, "static", **{"value_type": "string", "static_value": value, **more})


def a_psk(label: str = "key", **more: Any) -> Attribute:
    return an_attribute(label, "static", **{"value_type": "psk", **more})


def a_credential(attribute: str = "key", secret: str = "freezer-7-psk") -> Credential:
    return Credential(attribute=attribute, secret=secret, key=attribute)


def an_entry(label: str = "unit", value: str | None = "celsius", **more: Any) -> Metadata:
    return Metadata(**{"label": label, "type": "meta", "value_type": "string", "static_value": value, **more})


def an_override(label: str = "serial", value: str | None = "mine", **more: Any) -> Override:
    return Override(**{"label": label, "type": "static", "static_value": value, **more})


def a_metadata_override(label: str = "unit", value: str = "kelvin") -> MetadataOverride:
    return MetadataOverride(label=label, type="meta", static_value=value)


def a_template(
    name: str = "thermometer",
    *attributes: Attribute,
    generation: int = 1,
    namespace: str = "acme",
    tenant: str = "acme",
    **spec: Any,
) -> Declared[TemplateSpec]:
    """A declared template; without attributes it has `temperature` and `serial`."""
    default = (an_attribute(), a_static())
    return Declared(
        key=Key(Kind.TEMPLATE, namespace, name),
        tenant=Tenant(tenant),
        uid=f"uid-of-template-{name}",
        generation=generation,
        created=NOON,
        spec=TemplateSpec(**{"label": name, "attributes": attributes or default, **spec}),
    )


def a_device(
    name: str = "freezer-7",
    *overrides: Override,
    templates: Iterable[str] = ("thermometer",),
    id: str | None = None,  # noqa: A002 - the word of the contract
    **more: Any,
) -> Declared[DeviceSpec]:
    """A declared device; `more` are fields of the resource (generation, uid ...) or of its spec."""
    resource = {
        "generation": 1,
        "uid": f"uid-of-{name}",
        "created": NOON,
        "writer": "",
        "tenant": ACME,
        "keys": {},
    }
    given = {field: more.pop(field, default) for field, default in resource.items()}
    spec = {"label": name, "templates": tuple(templates), "overrides": overrides, **more}
    namespace = spec.pop("namespace", "acme")
    return Declared(
        key=Key(Kind.DEVICE, namespace, name),
        spec=DeviceSpec(device_id=DeviceId(id) if id is not None else None, **spec),
        **given,
    )


def again(declared: Declared[_Spec]) -> Declared[_Spec]:
    """The resource that is created under the same name once this one is gone."""
    return replace(declared, uid=f"{declared.uid}-again")


# --- registered -------------------------------------------------------------------------------------


def registered(declared: Declared[TemplateSpec], template_id: int = 1, first: int = 1) -> RegisteredTemplate:
    """The first revision of a template; its attributes take ids from `first` on."""
    ids = range(first, first + ids_needed(None, declared.spec))
    return create(declared, template_id, ids, NOON)


def a_row(declared: Declared[DeviceSpec] | None = None, id: str = "a1b2c3", **more: Any) -> DeviceRow:  # noqa: A002
    """A row of the registry that shows `declared`, with an empty document."""
    declared = declared or a_device()
    fields = {
        "tenant": declared.tenant,
        "id": DeviceId(id),
        "spec": declared.spec,
        "document": Document(body="{}", hash="h", terms=()),
        "created": NOON,
        "claim": declared.claim,
        "generation": declared.generation,
    }
    return DeviceRow(**{**fields, **more})


def a_claim(name: str = "freezer-7", *, minutes: float = 0, uid: str = "u") -> Claim:
    return Claim(namespace="acme", name=name, uid=uid, created=at(minutes))


def an_outcome(reason: Reason = Reason.REGISTERED, **more: Any) -> Outcome:
    fields = {
        "key": Key(Kind.DEVICE, "acme", "freezer-7"),
        "tenant": ACME,
        "uid": "uid-of-freezer-7",
        "generation": 1,
        "reason": reason,
        "target": "a1b2c3",
    }
    return Outcome(**{**fields, **more})


def a_resource(declared: Declared[Any] | None = None, **more: Any) -> Resource[Any]:
    """An object of the API server that declares a device unless it is told otherwise."""
    return Resource(**{"declared": declared or a_device(), "resource_version": "7", **more})
