"""What a fleet must look like once everything has settled: a plain model, without batches, queues or waits.

tests/e2e/test_model.py does the same things to a real cluster and compares.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

Attribute = tuple[str, str]
"""Label and type: what identifies an attribute."""
Attributes = Mapping[Attribute, str | None]
"""The attributes of a template with their static values."""
View = frozenset[tuple[str, str, str, str | None, bool]]
"""A rendered device: template, label, type, value, overridden."""


class Spec(NamedTuple):
    """What a device resource asks for."""

    label: str
    templates: tuple[str, ...]
    overrides: tuple[tuple[Attribute, str], ...] = ()


class Shown(NamedTuple):
    """What a device's row shows."""

    label: str
    templates: tuple[str, ...]
    view: View


@dataclass
class Device:
    """A device resource, and the row behind it."""

    spec: Spec
    id: str | None
    created: datetime
    paused: bool = False
    registered: Spec | None = None
    """The spec that the row shows; None while there is no row."""
    shown: Shown | None = None
    """What the row shows: of a device that an edit broke, what was last good."""


@dataclass
class Fleet:
    """Resources by name. `settle` says what follows from what was done since it was last called."""

    templates: dict[str, Attributes] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    """Templates whose deletion was asked for."""
    devices: dict[str, Device] = field(default_factory=dict)

    def settle(self) -> None:
        """Register what can be registered, again and again until nothing changes any more."""
        while self._register() or self._let_go():
            pass
        for device in self.devices.values():
            if device.registered and self._fits(device.registered):
                device.shown = self._render(device.registered)

    def problem(self, name: str) -> str:
        """Why a device is not Ready: the reason, or nothing if it is."""
        device = self.devices[name]
        if not self._is_known(device):
            return "TemplateNotFound or TemplateTerminating"
        if not self._fits(device.spec):
            return "AttributeConflict"
        return "" if device.registered == device.spec else "IdentityConflict"

    def users(self, template: str) -> set[str]:
        """Devices whose rows use a template."""
        rows = ((name, one.registered) for name, one in self.devices.items())
        return {name for name, spec in rows if spec and template in spec.templates}

    def tied(self, name: str) -> bool:
        """Whether another device of the same second wants the id: then either may have it."""
        one = self.devices[name]
        return one.id is not None and any(
            other.id == one.id and other.created == one.created
            for key, other in self.devices.items()
            if key != name
        )

    # --- one step ---------------------------------------------------------------------------------------

    def _register(self) -> bool:
        changed = False
        for name, device in self.devices.items():
            ready = not device.paused and device.registered != device.spec
            if ready and self._is_known(device) and self._fits(device.spec) and self._wins(name):
                self._take(name)
                changed = True
        return changed

    def _is_known(self, device: Device) -> bool:
        """Whether each template is there for it: one that leaves only serves who uses it already."""
        used = device.registered.templates if device.registered else ()
        return all(
            name in self.templates and (name not in self.leaving or name in used)
            for name in device.spec.templates
        )

    def _fits(self, spec: Spec) -> bool:
        known = [attribute for name in spec.templates for attribute in self.templates[name]]
        return len(known) == len(set(known))

    def _wins(self, name: str) -> bool:
        holder = self._holder(self.devices[name].id)
        return holder in (None, name) or self.devices[name].created < self.devices[str(holder)].created

    def _take(self, name: str) -> None:
        holder = self._holder(self.devices[name].id)
        if holder not in (None, name):
            self.devices[str(holder)].registered = self.devices[str(holder)].shown = None
        self.devices[name].registered = self.devices[name].spec

    def _holder(self, device_id: str | None) -> str | None:
        if device_id is None:
            return None
        held = (name for name, one in self.devices.items() if one.id == device_id and one.registered)
        return next(held, None)

    def _let_go(self) -> bool:
        gone = {name for name in self.leaving if not self.users(name)}
        for name in gone:
            del self.templates[name]
            self.leaving.discard(name)
        return bool(gone)

    def _render(self, spec: Spec) -> Shown:
        overrides = dict(spec.overrides)
        view = frozenset(self._entries(spec.templates, overrides))
        return Shown(spec.label, tuple(sorted(spec.templates)), view)

    def _entries(
        self, templates: Iterable[str], overrides: Mapping[Attribute, str]
    ) -> Iterable[tuple[str, str, str, str | None, bool]]:
        for template in templates:
            for attribute, value in self.templates[template].items():
                label, kind = attribute
                own = overrides.get(attribute)
                yield (template, label, kind, value if own is None else own, own is not None)
