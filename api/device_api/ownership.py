"""Who else declares a resource, and which of its fields: read from what the API server keeps about managers.

REST never changes what a pipeline or a person declares elsewhere; `writes` asks here before it writes. Fields
that only REST has set, and fields that nobody has set, are free.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from device_registry.domain.reasons import Reason
from device_registry.manifests import REST_MANAGER, key_of
from device_registry.settings import ForeignResources, Settings

from .problems import Problem, refusal

_ONE_TIME: Final = frozenset({"kubectl-edit", "kubectl-patch"})
"""A person who edits by hand writes once, as a REST client does: of such writes the last one counts."""

_Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Owned:
    """A field of a spec, as a path that kubectl would print, and the manager that declares it."""

    manager: str
    path: str


def declarers(obj: Mapping[str, Any]) -> list[str]:
    """The managers besides REST that declare something in the spec of an object, sorted."""
    return sorted({manager for manager, _ in _foreign(obj)})


def touched(obj: Mapping[str, Any], spec: Mapping[str, Any]) -> Owned | None:
    """The first field declared elsewhere that differs between the object and `spec`; None if none does."""
    for manager, tree in _foreign(obj):
        for path in _differing(tree, obj.get("spec"), spec):
            return Owned(manager, f".spec{path}")
    return None


def check_fields(settings: Settings, obj: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    """Raise Problem (409) when the spec changes a field that is declared elsewhere."""
    owned = touched(obj, spec)
    if owned is not None and settings.FOREIGN_RESOURCES is ForeignResources.REFUSE:
        raise _refused(f"{owned.path} of {key_of(obj)} is declared by {owned.manager}; change it there")


def check_whole(settings: Settings, obj: Mapping[str, Any]) -> None:
    """Raise Problem (409) when others declare the object, whole or in part."""
    others = declarers(obj)
    if others and settings.FOREIGN_RESOURCES is ForeignResources.REFUSE:
        raise _refused(f"{key_of(obj)} is declared by {', '.join(others)}; delete it there")


def _refused(message: str) -> Problem:
    instead = "or let REST change what others declare (FOREIGN_RESOURCES=overwrite)"
    return refusal(f"{message}, {instead}", HTTPStatus.CONFLICT, Reason.DECLARED_ELSEWHERE)


def _foreign(obj: Mapping[str, Any]) -> Iterator[tuple[str, _Tree]]:
    for entry in obj["metadata"].get("managedFields") or ():
        manager, fields = str(entry.get("manager", "")), entry.get("fieldsV1") or {}
        if "f:spec" in fields and manager != REST_MANAGER and manager not in _ONE_TIME:
            yield manager, fields["f:spec"]


def _differing(tree: _Tree, before: Any, after: Any) -> Iterator[str]:
    """The paths of a tree of fields (FieldsV1) at which two values are not the same."""
    if not any(step != "." for step in tree):
        if _plain(before) != _plain(after):
            yield ""
        return
    for step, below in tree.items():
        if step != ".":
            shown, old, new = _step(step, before, after)
            yield from (f"{shown}{path}" for path in _differing(below, old, new))


def _step(step: str, before: Any, after: Any) -> tuple[str, Any, Any]:
    """One step down: how it is shown, and what is there on both sides."""
    kind, _, name = step.partition(":")
    if kind == "f":
        return f".{name}", _field(before, name), _field(after, name)
    if kind == "k":
        keys = json.loads(name)
        shown = ",".join(f"{key}={json.dumps(value)}" for key, value in keys.items())
        return f"[{shown}]", _entry(before, keys), _entry(after, keys)
    # Sets and positions, which our resources do not have: the list as a whole.
    return f"[{name}]", before, after


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _entry(value: Any, keys: Mapping[str, Any]) -> Any:
    """The entry of a list-map with these keys."""
    entries: Sequence[Any] = value if isinstance(value, list) else []
    return next((one for one in entries if all(_field(one, key) == keys[key] for key in keys)), None)


def _plain(value: Any) -> Any:
    """What is empty says as much as what is left out."""
    return None if value in ([], {}) else value
