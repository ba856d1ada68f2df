"""What is known about the request in hand, for everything that has no request at hand: writes and log lines.

The outermost middleware begins it, authentication adds who asks, and `admission` what a write waits for.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import uuid4

from device_registry.domain.model import Tenant
from device_registry.manifests import writer


class WaitFor(StrEnum):
    """When a write is answered (`?wait=`)."""

    REGISTERED = "registered"
    """As soon as it can be read."""
    PUBLISHED = "published"
    """As soon as Kafka has acknowledged its event as well."""


_NOBODY = Tenant("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    id: str = field(default_factory=lambda: uuid4().hex)
    tenant: Tenant = _NOBODY
    user: str = ""
    wait: WaitFor = WaitFor.REGISTERED

    @property
    def writer(self) -> str:
        """Who writes, as events name it."""
        return writer(self.user)


_ASKED: ContextVar[Asked] = ContextVar("asked")


def begin(asked: Asked) -> None:
    """A request has come."""
    _ASKED.set(asked)


def know(tenant: Tenant, user: str) -> None:
    """It is known now who asks."""
    _ASKED.set(replace(current(), tenant=tenant, user=user))


def wait_for(wait: WaitFor) -> None:
    """It is known now when a write is to be answered."""
    _ASKED.set(replace(current(), wait=wait))


def current() -> Asked:
    """The request in hand."""
    return _ASKED.get(None) or Asked()
