"""What differs between two values made of mappings, lists and texts, told for people."""

from collections.abc import Iterator, Mapping
from typing import Any


def differences(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Path and both values for everything that differs; None stands for what is absent."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in [*one, *(name for name in other if name not in one)]:
            here = f"{path}.{name}" if path else str(name)
            yield from differences(one.get(name), other.get(name), here)
    elif one != other:
        yield path, one, other


def shown(value: Any) -> str:
    """A value in a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        told = ", ".join(f"{name} {shown(one)}" for name, one in value.items() if one != {})
        return told or "it"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f'"{value}"' if isinstance(value, str) else str(value)
