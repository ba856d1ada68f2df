"""The comparison of recorded answers tells right from wrong."""

from typing import Any

import pytest

from tests.support.matching import Names, Pattern


def agrees(want: Any, got: Any, *ordered: str, **known: Any) -> bool:
    return next(Pattern(frozenset(ordered)).match(want, got, Names(known)), None) is not None


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"a": [1, None, True]}, {"a": [True, 1, None]}),
        (["$int:x_a", "$int:x_b"], [2, 1]),
        ({"$str:t": [{"id": "$int:t"}]}, {"7": [{"id": 7}]}),
        (
            [{"id": "$id:d_a", "label": "a"}, {"id": "$id:d_b", "label": "b"}],
            [{"id": "2", "label": "b"}, {"id": "1", "label": "a"}],
        ),
        ({"key?": 1}, {}),
        ({"key?": 1}, {"key": 1}),
        ("$re:a\\d+", "a12"),
        ("$lit:$x", "$x"),
        ("$hex:psk_a:4", "00ff"),
        ({"at": "$ts"}, {"at": "2026-01-01T00:00:00.000001+00:00"}),
        ("No such device: ${known}", "No such device: 7"),
        ("${known}", "7"),
    ],
)
def test_answers_that_agree(want: Any, got: Any) -> None:
    assert agrees(want, got, known=7)


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": 1}, {"a": True}),
        ([1, 2], [1, 1]),
        ([1], [1, 1]),
        (["$int:x_a", "$int:x_b"], [1, 1]),
        ({"a": "$int:x", "b": "$int:x"}, {"a": 1, "b": 2}),
        ({"$str:t": [{"id": "$int:t"}]}, {"7": [{"id": 8}]}),
        ("$int:x", "1"),
        ("$hex:psk_a:4", "00FF"),
        ("$ts", "yesterday"),
        ("$lit:$x", "x"),
        ({"key?": 1}, {"key": 2}),
        ("${known}", "8"),
    ],
)
def test_answers_that_differ(want: Any, got: Any) -> None:
    assert not agrees(want, got, known=7)


def test_order_counts_where_it_is_said_to() -> None:
    assert agrees({"a": [1, 2]}, {"a": [2, 1]})
    assert not agrees({"a": [1, 2]}, {"a": [2, 1]}, "a")
    assert not agrees([1, 2], [2, 1], "")
