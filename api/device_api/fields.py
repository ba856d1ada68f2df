"""The small rules that bodies are read with: each takes a JSON value and gives the value that is meant.

The texts of the faults are the contract's: clients show them to people.
"""

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

MISSING = "Missing data for required field."
NULL = "Field may not be null."
NO_TEXT = "Not a valid string."
NO_INTEGER = "Not a valid integer."
WRONG_TYPE = "Invalid type."
BAD_LABEL = "Labels must contain letters, numbers or dashes(-_)"

LABEL_LENGTH = 128
TYPE_LENGTH = 32
VALUE_LENGTH = 128

_LABEL = re.compile(r"[A-Za-z0-9_-]+")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL and lone surrogates: JSON can say them, a database cannot keep them."""

Rule = Callable[[Any], Any]


class Fault(Exception):
    """What is wrong with one value: a sentence, or faults of its parts by name."""

    def __init__(self, what: str | Mapping[str, Any]) -> None:
        super().__init__(str(what))
        self.errors = [what] if isinstance(what, str) else what


def by_field(fault: Fault) -> Mapping[str, Any]:
    """The faults of an object by field; a fault of the whole stands under `_schema`."""
    return fault.errors if isinstance(fault.errors, Mapping) else {"_schema": fault.errors}


class Fields:
    """Reads the fields of one JSON object, collecting their faults. Raises Fault for what is no object."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise Fault({"_schema": [WRONG_TYPE]})
        self._value = value
        self.errors: dict[str, Any] = {}

    def required(self, name: str, rule: Rule, missing: str = MISSING) -> Any:
        """The value of a field that must be there; None when it is at fault."""
        if name in self._value:
            return self.optional(name, rule)
        self.errors[name] = [missing]
        return None

    def optional(self, name: str, rule: Rule, default: Any = None) -> Any:
        """The value of a field that may be left out; None when it is at fault."""
        if name not in self._value:
            return default
        try:
            return rule(self._value[name])
        except Fault as fault:
            self.errors[name] = fault.errors
            return None

    def check(self) -> None:
        """Raise everything that was found as one Fault."""
        if self.errors:
            raise Fault(self.errors)


def text(most: int, least: int = 0) -> Rule:
    """A text of bounded length."""

    def rule(value: Any) -> str:
        return bounded(a_string(value), most, least)

    return rule


def a_string(value: Any) -> str:
    """A text that can be stored."""
    if value is None:
        raise Fault(NULL)
    if not isinstance(value, str) or _UNSTORABLE.search(value):
        raise Fault(NO_TEXT)
    return value


def bounded(value: str, most: int, least: int = 0) -> str:
    """The text, unless it is too short or too long (in characters)."""
    if len(value) > most:
        raise Fault(f"Longer than maximum length {most}.")
    if len(value) < least:
        raise Fault(f"Shorter than minimum length {least}.")
    return value


def number(least: int, most: int) -> Rule:
    """A whole number within bounds."""

    def rule(value: Any) -> int:
        if value is None:
            raise Fault(NULL)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Fault(NO_INTEGER)
        if not least <= value <= most:
            raise Fault(f"Must be between {least} and {most}.")
        return value

    return rule


def attribute_label(value: Any) -> str:
    """The label of an attribute; the whole of it must match, a final newline included."""
    label = a_string(value)
    if not _LABEL.fullmatch(label):
        raise Fault(BAD_LABEL)
    return bounded(label, LABEL_LENGTH)


def ignored_id(value: Any) -> None:
    """An id that a client sends back: it must look like one, and the registry gives its own."""
    if value is None:
        raise Fault(NULL)
    try:
        int(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise Fault(NO_INTEGER) from error


def static_value(value: Any) -> str:
    """A value as text: numbers without exponent, booleans as JSON has them (contract, quirk 6)."""
    if value is None:
        raise Fault(NULL)
    return bounded(a_string(_as_text(value)), VALUE_LENGTH)


def optional_static_value(value: Any) -> str | None:
    """As `static_value`; null means that there is none."""
    return None if value is None else static_value(value)


def list_of(rule: Rule, most: int) -> Rule:
    """A list of values; faults are told by position."""

    def read(value: Any) -> tuple[Any, ...]:
        if value is None:
            raise Fault(NULL)
        if not isinstance(value, list):
            raise Fault(WRONG_TYPE)
        if len(value) > most:
            raise Fault(f"Longer than maximum length {most}.")
        return _each(rule, value)

    return read


def _each(rule: Rule, values: list[Any]) -> tuple[Any, ...]:
    found, faults = [], {}
    for index, value in enumerate(values):
        try:
            found.append(rule(value))
        except Fault as fault:
            faults[str(index)] = fault.errors
    if faults:
        raise Fault(faults)
    return tuple(found)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        # Adding zero takes the sign from a negative zero.
        return format(Decimal(repr(value)) + 0, "f")
    return value
