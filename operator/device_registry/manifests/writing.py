"""Writes values as manifests: for the facade, for exports, and for the registry, which keeps specs so.

What has its default is left out, so that what was read and written again is the same text.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from device_registry.domain.model import (
    AdoptionPolicy,
    Attribute,
    Compatibility,
    Credential,
    DeviceSpec,
    Key,
    Metadata,
    MetadataOverride,
    Override,
    Spec,
    TemplateSpec,
)

from .names import GROUP, VERSION


def device_manifest(key: Key, spec: DeviceSpec, **meta: Mapping[str, str]) -> dict[str, Any]:
    """A Device object; `meta` are labels and annotations."""
    return _manifest(key, device_spec(spec), meta)


def template_manifest(key: Key, spec: TemplateSpec, **meta: Mapping[str, str]) -> dict[str, Any]:
    """A Template object; `meta` are labels and annotations."""
    return _manifest(key, template_spec(spec), meta)


def _manifest(key: Key, spec: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": str(key.kind),
        "metadata": {"namespace": key.namespace, "name": key.name, **meta},
        "spec": spec,
    }


def device_spec(spec: DeviceSpec) -> dict[str, Any]:
    """The `spec` of a Device."""
    return _compact(
        label=spec.label,
        deviceId=spec.device_id,
        templates=[{"name": name} for name in spec.templates],
        attributes=_each(_override, spec.overrides),
        credentials=_each(_credential, spec.credentials),
        deletionPolicy=spec.deletion_policy,
        adoptionPolicy=None if spec.adoption_policy is AdoptionPolicy.NEVER else spec.adoption_policy,
        announce=spec.announce,
    )


def template_spec(spec: TemplateSpec) -> dict[str, Any]:
    """The `spec` of a Template."""
    return _compact(
        label=spec.label,
        templateId=spec.template_id,
        attributes=_each(_attribute, spec.attributes),
        compatibility=None if spec.compatibility is Compatibility.NONE else spec.compatibility,
        deletionPolicy=spec.deletion_policy,
        announce=spec.announce,
    )


def edited_spec(stored: Mapping[str, Any], before: Spec, after: Spec) -> dict[str, Any]:
    """The `spec` of an object after its value was changed from `before` to `after`.

    Only fields that differ are written anew: what was left out, or is of no interest here, stays as it is,
    and so do its owners.
    """
    old, new = _spec(before), _spec(after)
    changed = {name: new.get(name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    return {name: value for name, value in {**stored, **changed}.items() if value is not None}


def _spec(spec: DeviceSpec | TemplateSpec) -> dict[str, Any]:
    return device_spec(spec) if isinstance(spec, DeviceSpec) else template_spec(spec)


def _each(build: Any, values: Iterable[Any]) -> list[dict[str, Any]]:
    return [build(value) for value in values]


def _compact(**fields: Any) -> dict[str, Any]:
    """Without what is absent; an empty text is a value, an empty list is none."""
    return {name: value for name, value in fields.items() if value is not None and value != []}


def _attribute(attribute: Attribute) -> dict[str, Any]:
    return _compact(**_entry(attribute), metadata=_each(_entry, attribute.metadata))


def _entry(entry: Attribute | Metadata) -> dict[str, Any]:
    return _compact(
        label=entry.label,
        type=entry.type,
        valueType=entry.value_type,
        staticValue=entry.static_value,
        id=entry.id,
    )


def _override(override: Override) -> dict[str, Any]:
    return _compact(
        label=override.label,
        type=override.type,
        staticValue=override.static_value,
        metadata=_each(_metadata_override, override.metadata),
    )


def _metadata_override(override: MetadataOverride) -> dict[str, Any]:
    return {"label": override.label, "type": override.type, "staticValue": override.static_value}


def _credential(credential: Credential) -> dict[str, Any]:
    return {
        "attribute": credential.attribute,
        "secretRef": {"name": credential.secret, "key": credential.key},
    }
