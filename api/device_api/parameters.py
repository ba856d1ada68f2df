"""What the query of a list asks for (contract: routes, lists): pages, filters, flags.

The first of repeated parameters counts, except for `attr` and `attr_type`, which all must hold. Unknown ones
are ignored.
"""

import re

from starlette.datastructures import QueryParams

from device_registry.registry.filters import Filters, Order, Page

from .problems import refusal

_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*", re.ASCII)
_ATTRIBUTE = re.compile(r"([^=]+)=(.+)", re.DOTALL)
_ORDER = re.compile(r"(?:(asc|desc):)?(id|label|created|updated)")
_MOST = 2**31 - 1
"""Beyond that the database could not count; no registry is that large."""


def integer(text: str) -> int | None:
    """A number as clients write it (`2`, `+2`, `-1`), or None."""
    return int(text) if _INTEGER.fullmatch(text) else None


def identifier(text: str) -> int | None:
    """A template's id, or None for what can be none: such a template does not exist."""
    number = integer(text)
    return number if number is not None and 0 < number <= _MOST else None


def first(query: QueryParams, name: str, default: str = "") -> str:
    """The first value of a parameter."""
    return next(iter(query.getlist(name)), default)


def page(query: QueryParams) -> Page:
    """Which page is asked for. Raises Problem (400)."""
    size, number = _number(query, "page_size", "20"), _number(query, "page_num", "1")
    if size < 1:
        raise refusal("At least one entry per page is mandatory")
    if number < 1:
        raise refusal("Page numbers must be greater than 1")
    order, descending = _order(first(query, "sortBy"))
    return Page(size=size, number=number, order=order, descending=descending)


def filters(query: QueryParams) -> Filters:
    """What rows must have. Raises Problem (400)."""
    template = first(query, "template")
    return Filters(
        label=_text(first(query, "label"), "label"),
        attributes=tuple(_attribute(one) for one in query.getlist("attr")),
        value_types=tuple(_text(one, "attr_type") for one in query.getlist("attr_type")),
        template=template_number(template) if template else None,
    )


def only_ids(query: QueryParams) -> bool:
    """Whether a list of bare ids is asked for: `true`, `1` or nothing after the name, in any case."""
    return first(query, "idsOnly", "no").lower() in ("true", "1", "")


def attribute_format(query: QueryParams) -> str:
    """Which lists of attributes a template shows: both, split or single; what is unknown means both."""
    return first(query, "attr_format", "both")


def count_and_verbose(query: QueryParams) -> tuple[int, bool]:
    """How many devices to create, and whether to show the one. Raises Problem (400)."""
    count = integer(first(query, "count", "1"))
    if count is None:
        raise refusal("If provided, count must be integer")
    if verbose(query) and count != 1:
        raise refusal("Verbose can only be used for single device creation")
    if not 0 < count <= MOST_AT_ONCE:
        raise refusal(f"count must be between 1 and {MOST_AT_ONCE}")
    return count, verbose(query)


def verbose(query: QueryParams) -> bool:
    """Whether an answer is to tell more: `true`, `True` or `1`, and nothing else."""
    return first(query, "verbose") in ("true", "True", "1")


def check_key_length_is_there(query: QueryParams) -> None:
    """Raise Problem (400) when nobody says how long a key is to be: asked before the device is looked for."""
    if "key_length" not in query:
        raise refusal("Missing key_length parameter")


def key_length(query: QueryParams) -> int:
    """Bytes of a key. Raises Problem (400)."""
    length = integer(first(query, "key_length"))
    if length is None:
        raise refusal("key_length must be an integer")
    if not 0 < length <= MOST_KEY_BYTES:
        raise refusal("key_length must be greater than 0 and lesser than 1024")
    return length


def key_labels(query: QueryParams) -> list[str] | None:
    """The attributes to generate keys for, separated by commas; None for all."""
    return first(query, "attrs").split(",") if "attrs" in query else None


def key_source(query: QueryParams) -> tuple[str, str]:
    """Device and attribute to copy a key from. Raises Problem (400)."""
    device_id, label = first(query, "from_dev_id"), first(query, "from_attr_label")
    if not device_id or not label:
        raise refusal("Missing mandatory parameter: from_dev_id or/and from_attr_label")
    return device_id, label


MOST_KEY_BYTES = 1024

MOST_AT_ONCE = 10_000
"""Devices that one request creates: what a registry of this size is made for at all."""


def _number(query: QueryParams, name: str, default: str) -> int:
    number = integer(first(query, name, default))
    if number is None or number > _MOST:
        raise refusal("page_size and page_num must be integers")
    return number


def _order(text: str) -> tuple[Order, bool]:
    """What to sort by, and whether from the end: `label`, `desc:created`; what is unknown means by id."""
    found = _ORDER.fullmatch(text)
    return (Order(found[2]), found[1] == "desc") if found else (Order.ID, False)


def template_number(text: str) -> int:
    """The id of a template to filter by; 0, which no device has, if none can have it. Raises Problem."""
    if integer(text) is None and not text.isdecimal():
        raise refusal("template must be the number of a template")
    return identifier(text) or 0


def _attribute(text: str) -> tuple[str, str]:
    """`label=value`, split at the first sign of equality."""
    found = _ATTRIBUTE.fullmatch(_text(text, "attr"))
    if not found:
        raise refusal("attr must be given as label=value")
    return found[1], found[2]


def _text(text: str, name: str) -> str:
    if "\0" in text:
        raise refusal(f"{name} must not contain NUL")
    return text
