"""The schemas of Device and Template: read, walked, and turned into values that satisfy them.

The unit tests check every node of the schemas; the round-trip test draws manifests from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from hypothesis import strategies as st

Schema: TypeAlias = Mapping[str, Any]

FOLDER = Path(__file__).parents[2] / "crds"
ANY_TEXT = r"^[^\x00]*$"
TEXT = st.characters(
    exclude_categories=["Cs", "Cc"], include_characters="\n\t", exclude_characters="\ufffe\uffff"
)
"""What a manifest can carry: kubectl reads YAML, and YAML has no other control characters."""
DRAWN_ITEMS = 3
"""Lists are drawn short: the bounds have a test of their own."""


def load(plural: str) -> dict[str, Any]:
    """Return the CustomResourceDefinition of `devices` or `templates`."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{plural}.yaml").read_text())
    return found


def version(plural: str) -> dict[str, Any]:
    """Return the one version that the definition serves."""
    (served,) = load(plural)["spec"]["versions"]
    return dict(served)


def schema(plural: str) -> Schema:
    """Return the schema of the whole resource."""
    found: Schema = version(plural)["schema"]["openAPIV3Schema"]
    return found


def nodes(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield every node of a schema with its path; `[]` stands for the items of a list."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")


def values(node: Schema) -> st.SearchStrategy[Any]:
    """Return a strategy for values that the schema allows; rules in CEL are not looked at."""
    if "enum" in node:
        return st.sampled_from(node["enum"])
    return {"object": _objects, "array": _arrays, "string": _texts, "integer": _integers}[node["type"]](node)


def _objects(node: Schema) -> st.SearchStrategy[Any]:
    fields = {name: values(child) for name, child in node["properties"].items()}
    required = {name: fields.pop(name) for name in node.get("required", [])}
    return st.fixed_dictionaries(required, optional=fields)


def _arrays(node: Schema) -> st.SearchStrategy[Any]:
    keys = node["x-kubernetes-list-map-keys"]
    return st.lists(
        values(node["items"]),
        max_size=min(DRAWN_ITEMS, node["maxItems"]),
        unique_by=lambda item: tuple(item[key] for key in keys),
    )


def _texts(node: Schema) -> st.SearchStrategy[str]:
    least, most = node.get("minLength", 0), node["maxLength"]
    pattern: str = node["pattern"]
    if pattern == ANY_TEXT:
        return st.text(TEXT, min_size=least, max_size=most)
    return st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) <= most)


def _integers(node: Schema) -> st.SearchStrategy[int]:
    return st.integers(node["minimum"], node["maximum"])
