"""What a request must keep to whatever its path is: sizes, and a `?wait=` that there is.

Authentication asks for it as soon as the token is good: 401 comes first.
"""

from typing import Final
from urllib.parse import parse_qs

from starlette.types import Scope

from . import asking
from .asking import WaitFor
from .problems import refusal

_WRITING: Final = frozenset({"POST", "PUT", "DELETE"})
_MOST_HEADER_BYTES: Final = 32 * 1024
"""Tokens with many claims have 8 KiB; twice that, and the rest."""
_MOST_URL_BYTES: Final = 8 * 1024
"""What proxies let through as well."""


def admit(scope: Scope) -> None:
    """Note what the request waits for. Raises Problem (400, 414, 431)."""
    _check_size(scope)
    asking.wait_for(_wait(scope))


def _check_size(scope: Scope) -> None:
    """Raise Problem (414, 431) for what no client needs."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _MOST_URL_BYTES:
        raise refusal(f"The URL must not be longer than {_MOST_URL_BYTES} bytes", 414)
    if sum(len(name) + len(value) for name, value in scope["headers"]) > _MOST_HEADER_BYTES:
        raise refusal(f"The headers must not be longer than {_MOST_HEADER_BYTES} bytes together", 431)


def _wait(scope: Scope) -> WaitFor:
    """What `?wait=` asks for. Raises Problem (400)."""
    if scope["method"] not in _WRITING or b"wait=" not in scope["query_string"]:
        return WaitFor.REGISTERED
    given = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get(
        "wait", ["registered"]
    )
    if given[0] not in list(WaitFor):
        raise refusal(f"wait must be one of {', '.join(WaitFor)}")
    return WaitFor(given[0])
