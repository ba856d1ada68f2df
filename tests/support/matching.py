"""Compares an answer with an expected one that has placeholders, as the recorded examples are written.

`$int:NAME`, `$str:NAME` (the same number as text), `$id:NAME` and `$hex:NAME:LENGTH` bind a name at its first
occurrence; two names of a kind (the part before `_`) never have the same value. `$ts`, `$ms`, `$any`,
`$re:REGEX` and `$lit:TEXT` stand for themselves, `${NAME}` for a bound value, `KEY?` for a key that may be
absent. Lists are compared without order unless their path says otherwise.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(\+00:00|Z)")
_VARIABLE = re.compile(r"\$\{([\w.]+)\}")
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Names:
    """Values that names have been bound to; binding gives another one, so that a guess can be given up."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def bind(self, name: str, value: Any) -> Iterator["Names"]:
        """With the name bound, if it may have this value."""
        if name in self.values:
            if self.values[name] == value:
                yield self
        elif not any(_kind(one) == _kind(name) and known == value for one, known in self.values.items()):
            yield self.with_value(name, value)

    def with_value(self, name: str, value: Any) -> "Names":
        """With the name bound, whatever it was before."""
        return Names({**self.values, name: value})

    def fill(self, value: Any) -> Any:
        """The value with every `${NAME}` replaced; a text that is one name only keeps its type."""
        if isinstance(value, str):
            whole = _VARIABLE.fullmatch(value)
            return self.values[whole[1]] if whole else _VARIABLE.sub(self._text, value)
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        if isinstance(value, dict):
            return {str(self.fill(key)): self.fill(one) for key, one in value.items()}
        return value

    def _text(self, found: re.Match[str]) -> str:
        return str(self.values[found[1]])


@dataclass(frozen=True, slots=True)
class Pattern:
    """How to compare: the paths of the lists whose order counts (`""` is the whole)."""

    ordered: frozenset[str] = frozenset()

    def match(self, want: Any, got: Any, names: Names, path: str = "") -> Iterator[Names]:
        """Each way in which the values agree, as the names that it binds."""
        if isinstance(want, str):
            yield from _match_text(want, got, names)
        elif isinstance(want, dict) and isinstance(got, dict):
            yield from self._match_fields(sorted(want.items(), key=_containers_first), got, names, path)
        elif isinstance(want, list) and isinstance(got, list):
            if len(want) == len(got):
                yield from self._match_list(want, got, names, path)
        elif want == got and isinstance(want, bool) == isinstance(got, bool):
            yield names

    def _match_fields(
        self, want: Sequence[tuple[str, Any]], got: Mapping[str, Any], names: Names, path: str
    ) -> Iterator[Names]:
        if not want:
            if not got:
                yield names
            return
        (key, value), *others = want
        optional = key.endswith("?")
        for candidate, bound in _keys(key.removesuffix("?"), got, names):
            rest = {name: one for name, one in got.items() if name != candidate}
            for found in self.match(value, got[candidate], bound, f"{path}.{key}".lstrip(".")):
                yield from self._match_fields(others, rest, found, path)
        if optional and key.removesuffix("?") not in got:
            yield from self._match_fields(others, got, names, path)

    def _match_list(
        self, want: Sequence[Any], got: Sequence[Any], names: Names, path: str
    ) -> Iterator[Names]:
        if path in self.ordered:
            yield from self._in_order(want, got, names, path)
        elif all(any(_agrees(self, one, other, names, path) for other in got) for one in want):
            yield from self._in_any_order(want, got, names, path)

    def _in_order(self, want: Sequence[Any], got: Sequence[Any], names: Names, path: str) -> Iterator[Names]:
        if not want:
            yield names
            return
        for bound in self.match(want[0], got[0], names, path):
            yield from self._in_order(want[1:], got[1:], bound, path)

    def _in_any_order(
        self, want: Sequence[Any], got: Sequence[Any], names: Names, path: str
    ) -> Iterator[Names]:
        if not want:
            yield names
            return
        for index, candidate in enumerate(got):
            for bound in self.match(want[0], candidate, names, path):
                yield from self._in_any_order(want[1:], [*got[:index], *got[index + 1 :]], bound, path)


def _agrees(pattern: Pattern, want: Any, got: Any, names: Names, path: str) -> bool:
    return next(pattern.match(want, got, names, path), None) is not None


def _keys(key: str, got: Mapping[str, Any], names: Names) -> Iterator[tuple[str, Names]]:
    """The keys that an expected key may stand for."""
    if key.startswith("$str:"):
        for candidate in got:
            for bound in _match_text(key, candidate, names):
                yield candidate, bound
        return
    filled = str(names.fill(key))
    if filled in got:
        yield filled, names


def _match_text(want: str, got: Any, names: Names) -> Iterator[Names]:
    tag, _, argument = want.removeprefix("$").partition(":")
    if not want.startswith("$") or want.startswith("${"):
        if str(names.fill(want)) == got:
            yield names
    elif tag in ("int", "str", "id", "hex"):
        name, _, length = argument.partition(":")
        if _has_shape(tag, got, length):
            yield from names.bind(name, int(got) if tag == "str" else got)
    elif _stands_for(tag, argument, got):
        yield names


def _has_shape(tag: str, got: Any, length: str) -> bool:
    if tag == "int":
        return isinstance(got, int) and not isinstance(got, bool)
    if not isinstance(got, str):
        return False
    if tag == "str":
        return got.isdecimal()
    return bool(got) if tag == "id" else bool(re.fullmatch(f"[0-9a-f]{{{length}}}", got))


def _stands_for(tag: str, argument: str, got: Any) -> bool:
    if tag == "any":
        return True
    if tag == "ms":
        return isinstance(got, int) and abs(got / 1000 - time.time()) < _DAY
    patterns = {"ts": _TIMESTAMP.pattern, "re": argument, "lit": re.escape(argument)}
    return isinstance(got, str) and re.fullmatch(patterns[tag], got, re.DOTALL) is not None


def _kind(name: str) -> str:
    return name.partition("_")[0]


def _containers_first(item: tuple[str, Any]) -> tuple[bool, bool, str]:
    """Ids are told apart best by the objects that they stand in, and worst by the list `templates`."""
    key, value = item
    return (key == "templates", not isinstance(value, dict | list), key)
