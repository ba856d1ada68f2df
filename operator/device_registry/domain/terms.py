"""The words by which lists are filtered.

A device row carries one array of terms with one index over all tenants, so that every filter of the REST
contract is an array containment and no filter ever joins attribute rows into pages.
"""

from .model import Tenant

_SEPARATOR = "\x1f"
"""ASCII unit separator: no bound text of a resource contains control characters of this kind unescaped."""


def attribute_value(tenant: Tenant, label: str, value: str) -> str:
    """The term for `attr=label=value`: the effective static value of an attribute."""
    return _SEPARATOR.join((tenant, "a", label, value))


def value_type(tenant: Tenant, value_type: str) -> str:
    """The term for `attr_type=value_type`."""
    return _SEPARATOR.join((tenant, "t", value_type))
