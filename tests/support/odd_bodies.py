"""Bodies that no client should send: for hypothesis, from noise to bodies that are almost right."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\0",
        "a\0b",
        "\ud800",
        "\udfff\ud800",
        "é",
        "\U0001f600",
        "x" * 129,
        "x" * 70_000,
        "'; --",
        "\n",
    ]
)
ODD_NUMBERS = st.sampled_from(
    [0, -1, -0.0, 2**31, 2**63, 2**64, 10**400, 1e308, 5e-324, 1.5, float("inf"), float("nan")]
)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), ODD_TEXTS, ODD_NUMBERS)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner)),
    max_leaves=12,
)

RAW = [
    b"",
    b"null",
    b"{",
    b"[]",
    b'"text"',
    b"[" * 100_000,
    b"[" * 5_000 + b"]" * 5_000,
    b'{"label":' * 3_000 + b"1" + b"}" * 3_000,
    b'{"label": "a", "label": "b"}',
    b'{"label": 1e999}',
    b'{"label": ' + b"9" * 5_000 + b"}",
    b'{"label": "\\ud800"}',
    b'{"label": "\\u0000"}',
    b'\xef\xbb\xbf{"label": "bom"}',
    '{"label": "utf-16"}'.encode("utf-16"),
    b'{"label": "\xff\xfe"}',
    b'{"label": NaN}',
    b"{'label': 'x'}",
    b'{"label": "x",}',
    b'{"attrs": {"\\ud800": {"\\u0000": 1e308}}}',
]
"""Bytes that parsers trip over."""

LARGE = [
    b'{"label": "' + b"x" * (10 * 1024 * 1024) + b'"}',
    b"[" + b"0," * (5 * 1024 * 1024) + b"0]",
    b"[" * (10 * 1024 * 1024),
    b'{"label": "d", "attrs": [' + b",".join([b"{}"] * 300_000) + b"]}",
    b'{"templates": [' + b",".join([b"1"] * 1_000_000) + b'], "label": "d"}',
]
"""Bodies of megabytes, below and beyond the limit."""


@st.composite
def damaged(draw: st.DrawFn, good: Mapping[str, Any]) -> Any:
    """A good body with one value somewhere replaced, removed or joined by an odd one."""
    body = copy.deepcopy(dict(good))
    holder, key = draw(st.sampled_from(list(_places(body))))
    how = draw(st.sampled_from(["replace", "remove", "add"]))
    if how == "remove":
        del holder[key]
    elif how == "replace" or isinstance(holder, list):
        holder[key] = draw(VALUES)
    else:
        holder[draw(st.text(max_size=10))] = draw(VALUES)
    return body


def as_json(body: Any) -> bytes:
    """As Python writes it: lone surrogates as escapes, NaN and Infinity as they are."""
    return json.dumps(body).encode()


def _places(value: Any) -> Any:
    """Every place in a body where a value stands: what holds it, and by which key."""
    entries = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, inner in entries:
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)
