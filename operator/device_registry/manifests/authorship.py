"""Who wrote what an object declares now: for the headers of the events that follow from it.

REST leaves a note in an annotation, with the generation that its write makes: any later write of somebody
else makes another generation, and the note counts no more. Everybody else is known by the field manager.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from .names import REQUEST

REST_MANAGER: Final = "device-manager-api"
"""The field manager of everything that REST writes."""


class Author(NamedTuple):
    """Who wrote, and with which request."""

    writer: str
    """A field manager, or `rest:<user>`."""
    request: str = ""
    """The id of the REST request; empty when it was none."""


def note(generation: int, request: str, user: str, undertaking: str = "") -> dict[str, str]:
    """The annotation for a write over REST that makes this generation of the object.

    `undertaking` is the number of the request that creates it, together with others (see `undertaking_of`).
    """
    said = {"generation": generation, "id": request, "user": user, "undertaking": undertaking}
    return {REQUEST: json.dumps({name: value for name, value in said.items() if value}, sort_keys=True)}


def undertaking_of(obj: Mapping[str, Any]) -> str:
    """The number of the request that created the object; empty when it was not created so."""
    return str(_note(obj["metadata"]).get("undertaking", ""))


def author(meta: Mapping[str, Any]) -> Author:
    """Who wrote the present generation of an object."""
    noted = _note(meta)
    if noted.get("generation") != meta["generation"]:
        return Author(_manager(meta.get("managedFields") or (), but=REST_MANAGER if noted else ""))
    return Author(writer(str(noted.get("user", ""))), str(noted.get("id", "")))


def writer(user: str) -> str:
    """How a user of REST is called in events; without a name it is the field manager."""
    return f"rest:{user}" if user else REST_MANAGER


def _note(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """The note of REST, empty if there is none that can be read."""
    try:
        found = json.loads((meta.get("annotations") or {}).get(REQUEST, "{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _manager(fields: Sequence[Mapping[str, Any]], but: str) -> str:
    """The field manager that wrote the spec last, `but` if there is another.

    Times are in whole seconds: who certainly wrote before must not win by being named first.
    """
    specs = [one for one in fields if "f:spec" in (one.get("fieldsV1") or {})]
    specs = [one for one in specs if one["manager"] != but] or specs
    return str(max(specs, key=lambda one: one.get("time") or "")["manager"]) if specs else ""
