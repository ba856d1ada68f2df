"""Which devices wait for which template. Fed by every Device event, asked when a template comes or goes."""

from collections.abc import Mapping
from typing import Any

from device_registry.domain.model import Key, Kind
from device_registry.manifests.status import is_true


class Waiting:
    """Templates by key, each with the devices that name it and are not resolved yet.

    Resolved devices are not kept, so a settled fleet costs no memory here.
    """

    def __init__(self) -> None:
        self._devices: dict[Key, set[Key]] = {}
        self._templates: dict[Key, frozenset[Key]] = {}

    def seen(self, key: Key, obj: Mapping[str, Any]) -> None:
        """Note what a Device object says; it may be malformed."""
        resolved = is_true(obj.get("status") or {}, "TemplatesResolved")
        self._replace(key, frozenset() if resolved else named_templates(key, obj))

    def gone(self, key: Key) -> None:
        """The device is no more."""
        self._replace(key, frozenset())

    def of(self, template: Key) -> list[Key]:
        """The devices that wait for a template."""
        return sorted(self._devices.get(template, ()))

    def _replace(self, key: Key, templates: frozenset[Key]) -> None:
        former = self._templates.pop(key, frozenset())
        for template in former - templates:
            self._drop(template, key)
        for template in templates - former:
            self._devices.setdefault(template, set()).add(key)
        if templates:
            self._templates[key] = templates

    def _drop(self, template: Key, device: Key) -> None:
        devices = self._devices[template]
        devices.discard(device)
        if not devices:
            del self._devices[template]


def named_templates(key: Key, obj: Mapping[str, Any]) -> frozenset[Key]:
    """The templates that a Device object names."""
    entries = (obj.get("spec") or {}).get("templates") or ()
    return frozenset(Key(Kind.TEMPLATE, key.namespace, str(one.get("name"))) for one in entries)
