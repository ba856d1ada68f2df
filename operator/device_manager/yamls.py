"""YAML that every reader takes for the same: kubectl and Python do not agree on which bare words are text.

`12e456`, the id of a device, is a number for kubectl and a text for Python. So only what begins with a
letter, has nothing special in it and is no word of YAML stands without quotes.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import yaml

_PLAIN: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./ -]*[A-Za-z0-9_./-])?")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]
    """With quotes wherever there could be a doubt, and without aliases."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Repeated parts are written out: people edit them apart."""
        return True


def _text(dumper: Any, value: str) -> Any:
    """Any text, words of an enumeration included."""
    text = str(value)
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, _text)


def dump(data: Any) -> str:
    """One document."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


def dump_all(documents: Iterable[Any]) -> str:
    """Several documents, each behind a line of three dashes."""
    return "".join(f"---\n{dump(one)}" for one in documents)
