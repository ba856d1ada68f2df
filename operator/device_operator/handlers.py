"""kopf's handlers. They hand each event on and do nothing else: no waiting, no patch, no error."""

from typing import Any

import kopf

from device_registry.manifests import GROUP, PLURALS, VERSION

from .intake import Intake


def register(registry: kopf.OperatorRegistry, intake: Intake, *, namespaces: bool) -> None:
    """Have kopf call the intake; `namespaces` says whether the whole cluster may be watched for them."""

    async def resource_seen(event: kopf.RawEvent, **_: Any) -> None:
        intake.resource_seen(event)

    async def namespace_seen(event: kopf.RawEvent, **_: Any) -> None:
        intake.namespace_seen(event)

    for plural in PLURALS.values():
        kopf.on.event(GROUP, VERSION, plural, registry=registry)(resource_seen)
    if namespaces:
        kopf.on.event("", "v1", "namespaces", registry=registry)(namespace_seen)
