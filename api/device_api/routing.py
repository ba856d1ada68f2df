"""What every route takes from its request."""

from typing import cast

from fastapi import Request

from device_registry.domain.model import Tenant

from .context import Context


def context_of(request: Request) -> Context:
    """What the facade works with."""
    return cast("Context", request.app.state.context)


def tenant_of(request: Request) -> Tenant:
    """Whom the token speaks for: the middleware has asked."""
    return cast("Tenant", request.scope["tenant"])
