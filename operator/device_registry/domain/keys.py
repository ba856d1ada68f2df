"""What becomes of the keys of a device: which are stored, which go, and what its status says about them.

A key lies in a Secret, the registry keeps it encrypted, and only `/internal/device` shows it.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .model import Attribute, Credential, RegisteredAttribute, RegisteredTemplate
from .psk import Psk, Withheld
from .reasons import Reason
from .rendering import to_json

PSK = "psk"
"""The value type of attributes whose value is a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlan:
    """The keys that a device is to have."""

    wanted: Mapping[str, Psk] = field(default_factory=dict)
    """By label of the attribute."""
    dropped: frozenset[str] = frozenset()
    """Stored keys that nothing refers to any more."""
    reason: Reason | None = None
    """Stored, or the first thing that is wrong; None when the device refers to no key."""
    message: str = ""


def psk_labels(templates: Iterable[RegisteredTemplate]) -> frozenset[str]:
    """Labels of the attributes that take a key; they are all static, so a label means one of them."""
    return frozenset(one.label for template in templates for one in template.attributes if takes_key(one))


def takes_key(attribute: Attribute | RegisteredAttribute) -> bool:
    """Whether the value of an attribute is a key."""
    return (attribute.type, attribute.value_type) == ("static", PSK)


def shows_key(attribute: Mapping[str, Any]) -> bool:
    """As `takes_key`, of an attribute in a document."""
    return (attribute.get("type"), attribute.get("value_type")) == ("static", PSK)


def plan_keys(
    credentials: Sequence[Credential],
    taken: frozenset[str],
    found: Mapping[str, Psk | Withheld],
    stored: Collection[str],
) -> KeyPlan:
    """What to do, given the attributes that take keys, what the Secrets said, and what is stored.

    A key that cannot be had now is kept as it was stored: a Secret that is away for a while loses nothing.
    """
    labels = [one.attribute for one in credentials if one.attribute in taken]
    keys = {label: key for label in labels if isinstance(key := found.get(label), Psk)}
    problem = next(filter(None, (_problem(one, taken, found) for one in credentials)), None)
    good = Withheld(reason=Reason.STORED, message=_stored(len(labels)))
    told = problem or (good if credentials else None)
    return KeyPlan(
        wanted=keys,
        dropped=frozenset(stored) - frozenset(labels),
        reason=told.reason if told else None,
        message=told.message if told else "",
    )


def with_keys(document: str, keys: Mapping[str, Psk]) -> str:
    """The document of a device with its keys in the attributes that take them."""
    if not keys:
        return document
    view = json.loads(document)
    for attribute in (one for group in view["attrs"].values() for one in group):
        if shows_key(attribute) and attribute["label"] in keys:
            attribute["static_value"] = keys[attribute["label"]].digits
    return to_json(view)


def without_keys(view: Mapping[str, Any]) -> Mapping[str, Any]:
    """A device as it is shown without its keys, whether they are told in events or not."""
    groups = view.get("attrs", {})
    return {**view, "attrs": {one: [_without_key(each) for each in group] for one, group in groups.items()}}


def _without_key(attribute: Mapping[str, Any]) -> Mapping[str, Any]:
    if not shows_key(attribute):
        return attribute
    return {name: value for name, value in attribute.items() if name != "static_value"}


def _problem(
    credential: Credential, taken: frozenset[str], found: Mapping[str, Psk | Withheld]
) -> Withheld | None:
    if credential.attribute not in taken:
        return Withheld(
            reason=Reason.NO_SUCH_ATTRIBUTE,
            message=f'no template has a static attribute "{credential.attribute}" of value type psk;'
            " add it, or take the entry out of spec.credentials",
        )
    key = found.get(credential.attribute)
    return key if isinstance(key, Withheld) else None


def _stored(count: int) -> str:
    return f"{count} key{'' if count == 1 else 's'} stored"
