"""Writes at objects that others write too: how often they are tried, and what is said then."""

from http import HTTPStatus
from typing import Final

from device_registry.domain.model import Key

from .problems import Problem, refusal

ATTEMPTS: Final = 100
"""A write takes a few milliseconds."""


def contended(key: Key) -> Problem:
    """503, after so many attempts that met the writes of others."""
    return refusal(f"others change {key} all the time; try again later", HTTPStatus.SERVICE_UNAVAILABLE)
