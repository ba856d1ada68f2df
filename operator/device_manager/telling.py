"""Notifications as lines for people: what happened to which device, and what changed since the last one."""

from collections.abc import Iterator, Mapping
from typing import Any

from .differing import differences, shown
from .notifications import Notification


class Teller:
    """Remembers the last document of each device, so that an update can tell what changed."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def line(self, one: Notification) -> str:
        """One line."""
        time = one.time.strftime("%Y-%m-%d %H:%M:%S")
        told = f"{time}  {one.event or 'not a notification':<15}  {self._told(one)}"
        sequence = one.headers.get("dojot_sequence", "")
        writer = one.headers.get("dojot_writer", "")
        return told + (f"  #{sequence}" if sequence else "") + (f"  by {writer}" if writer else "")

    def _told(self, one: Notification) -> str:
        if one.event == "template.update":
            template = one.data.get("template") or {}
            affected = len(one.data.get("affected") or ())
            return f"template {template.get('id')}  {template.get('label')}  {affected} devices"
        if one.event == "configure":
            return f"{one.device}  {_pairs(one.data.get('attrs') or {})}"
        if one.event in ("create", "update", "remove"):
            return f"{one.device}  {one.data.get('label')}{self._changes(one)}"
        return str(one.value)[:120]

    def _changes(self, one: Notification) -> str:
        former = self._known.pop(one.key, None)
        if one.event != "remove":
            self._known[one.key] = view(one.data)
        if one.event != "update" or former is None:
            return ""
        return "  " + ("; ".join(_changes(former, view(one.data))) or "nothing that can be seen")


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a device's document that people declare."""
    attributes = [one for group in (document.get("attrs") or {}).values() for one in group]
    return {
        "label": document.get("label"),
        "templates": [str(one) for one in document.get("templates") or ()],
        **{f"{one['label']} ({one['type']})": _entry(one) for one in attributes},
    }


def _entry(attribute: Mapping[str, Any]) -> dict[str, Any]:
    entry = {"type": attribute.get("value_type"), "value": attribute.get("static_value")}
    for one in attribute.get("metadata") or ():
        entry[one["label"]] = one.get("static_value")
    return {name: value for name, value in entry.items() if value is not None}


def _changes(former: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for path, one, other in differences(former, now):
        yield f"{path.removesuffix('.value')}: {shown(one)} -> {shown(other)}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())
