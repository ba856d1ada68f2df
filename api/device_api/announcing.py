"""Tokens for `spec.announce`: clients rely on a notification for each PUT, even if it changes nothing."""

import secrets
from datetime import UTC, datetime


def token() -> str:
    """A token that was never used, which begins with the time for people who read it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}-{secrets.token_hex(2)}"
