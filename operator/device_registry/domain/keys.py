"""Which attributes take a pre-shared key."""

from collections.abc import Iterable

from .model import RegisteredTemplate

PSK = "psk"
"""The value type of attributes whose value is a key."""


def psk_labels(templates: Iterable[RegisteredTemplate]) -> frozenset[str]:
    """Labels of the attributes that take a key; they are all static, so a label means one of them."""
    return frozenset(
        one.label
        for template in templates
        for one in template.attributes
        if one.type == "static" and one.value_type == PSK
    )
