"""Reads objects of the API server into values.

The schema has been enforced when the object was written; what is checked here is only that an object which
an older schema let through is refused by name instead of breaking a worker.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from device_registry.domain.errors import Refused
from device_registry.domain.model import (
    AdoptionPolicy,
    Attribute,
    Compatibility,
    Credential,
    Declared,
    DeletionPolicy,
    DeviceId,
    DeviceSpec,
    Key,
    Kind,
    Metadata,
    MetadataOverride,
    Override,
    Spec,
    TemplateSpec,
    Tenant,
)
from device_registry.domain.reasons import Reason

from .authorship import author
from .names import FINALIZER, PAUSED, REQUESTED_AT

_TOKEN_BOUND = 256
"""Characters of a reconcile-now token that the status can acknowledge."""

_Entry = TypeVar("_Entry")
_Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Generic[Spec]):
    """One object as the API server showed it: what it declares, and where it stands."""

    declared: Declared[Spec]
    resource_version: str
    finalizers: tuple[str, ...] = ()
    deleting: bool = False
    paused: bool = False
    requested_at: str = ""
    """The reconcile-now token; empty when there is none."""
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Which object it is."""
        return self.declared.key

    @property
    def guarded(self) -> bool:
        """Whether our finalizer holds the object."""
        return FINALIZER in self.finalizers


def key_of(obj: _Object) -> Key:
    """Which object it is."""
    meta = obj["metadata"]
    return Key(Kind(obj["kind"]), meta["namespace"], meta["name"])


def parse(obj: _Object, tenant: Tenant) -> Resource[DeviceSpec] | Resource[TemplateSpec]:
    """The object as a value. Raises Refused (InvalidSpec) when it does not have the shape of the schema."""
    key = key_of(obj)
    try:
        if key.kind is Kind.DEVICE:
            return _resource(obj, key, tenant, parse_device_spec(obj.get("spec") or {}, key.name))
        return _resource(obj, key, tenant, parse_template_spec(obj.get("spec") or {}, key.name))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(
            Reason.INVALID_SPEC,
            f"{key} does not have the shape of its schema ({type(error).__name__}: {error});"
            " install the CRDs of this version and apply the manifest again",
        ) from error


def _resource(obj: _Object, key: Key, tenant: Tenant, spec: Spec) -> Resource[Spec]:
    meta = obj["metadata"]
    annotations = meta.get("annotations") or {}
    written = author(meta)
    return Resource(
        declared=Declared(
            key=key,
            tenant=tenant,
            uid=meta["uid"],
            generation=meta["generation"],
            created=datetime.fromisoformat(meta["creationTimestamp"]),
            spec=spec,
            writer=written.writer,
            request=written.request,
        ),
        resource_version=meta["resourceVersion"],
        finalizers=tuple(meta.get("finalizers") or ()),
        deleting="deletionTimestamp" in meta,
        paused=annotations.get(PAUSED) == "true",
        requested_at=annotations.get(REQUESTED_AT, "")[:_TOKEN_BOUND],
        status=obj.get("status") or {},
    )


# --- specs ------------------------------------------------------------------------------------------


def parse_device_spec(spec: _Object, name: str) -> DeviceSpec:
    """The spec of a Device; `name` stands in for a label that is left out."""
    device_id = _optional_text(spec, "deviceId", None)
    policy = spec.get("deletionPolicy")
    return DeviceSpec(
        label=_optional_text(spec, "label", name),
        templates=_each(spec, "templates", lambda one: _text(one, "name")),
        overrides=_each(spec, "attributes", _override),
        device_id=DeviceId(device_id) if device_id is not None else None,
        credentials=_each(spec, "credentials", _credential),
        deletion_policy=DeletionPolicy(policy) if policy else None,
        adoption_policy=AdoptionPolicy(spec.get("adoptionPolicy", AdoptionPolicy.NEVER)),
        announce=_optional_text(spec, "announce", None),
    )


def parse_template_spec(spec: _Object, name: str) -> TemplateSpec:
    """The spec of a Template; `name` stands in for a label that is left out."""
    policy = spec.get("deletionPolicy")
    return TemplateSpec(
        label=_optional_text(spec, "label", name),
        attributes=_each(spec, "attributes", _attribute),
        template_id=_number(spec, "templateId"),
        compatibility=Compatibility(spec.get("compatibility", Compatibility.NONE)),
        deletion_policy=DeletionPolicy(policy) if policy else None,
        announce=_optional_text(spec, "announce", None),
    )


def _each(spec: _Object, key: str, build: Callable[[_Object], _Entry]) -> tuple[_Entry, ...]:
    return tuple(build(one) for one in spec.get(key) or ())


def _text(entry: _Object, key: str) -> str:
    value = entry[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text: {value!r}")
    return value


_Default = TypeVar("_Default", str, None)


def _optional_text(entry: _Object, key: str, default: _Default) -> str | _Default:
    return default if entry.get(key) is None else _text(entry, key)


def _number(entry: _Object, key: str) -> int | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, int):
        raise TypeError(f"{key} is no number: {value!r}")
    return value


def _attribute(entry: _Object) -> Attribute:
    return Attribute(
        label=_text(entry, "label"),
        type=_text(entry, "type"),
        value_type=_text(entry, "valueType"),
        static_value=_optional_text(entry, "staticValue", None),
        id=_number(entry, "id"),
        metadata=_each(entry, "metadata", _metadata),
    )


def _metadata(entry: _Object) -> Metadata:
    return Metadata(
        label=_text(entry, "label"),
        type=_text(entry, "type"),
        value_type=_text(entry, "valueType"),
        static_value=_optional_text(entry, "staticValue", None),
        id=_number(entry, "id"),
    )


def _override(entry: _Object) -> Override:
    return Override(
        label=_text(entry, "label"),
        type=_text(entry, "type"),
        static_value=_optional_text(entry, "staticValue", None),
        metadata=_each(entry, "metadata", _metadata_override),
    )


def _metadata_override(entry: _Object) -> MetadataOverride:
    return MetadataOverride(
        label=_text(entry, "label"), type=_text(entry, "type"), static_value=_text(entry, "staticValue")
    )


def _credential(entry: _Object) -> Credential:
    secret = entry["secretRef"]
    return Credential(
        attribute=_text(entry, "attribute"), secret=_text(secret, "name"), key=_text(secret, "key")
    )
