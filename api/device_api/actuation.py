"""PUT /device/<id>/actuate: what is sent to the device goes to Kafka, through the outbox as every event."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from device_registry.domain.events import configure_event
from device_registry.domain.model import Tenant

from . import asking, fields
from .context import Context
from .problems import Problem, malformed, no_such, refusal

_ACTUATOR = "actuator"


def checked(body: Any, document: str) -> Mapping[str, Any]:
    """The body, if a device with this document takes it. Raises Problem: 400, 403 for what is no actuator."""
    if not isinstance(body, dict):
        raise malformed({"_schema": [fields.WRONG_TYPE]})
    if "attrs" not in body:
        raise malformed({"attrs": [fields.MISSING]})
    if not isinstance(body["attrs"], dict):
        raise malformed({"attrs": [fields.WRONG_TYPE]})
    known = _actuators(document)
    others = [label for label in body["attrs"] if label not in known]
    if others:
        status = "some of the attributes are not configurable"
        raise Problem(HTTPStatus.FORBIDDEN, {"attrs": others, "status": status})
    return body


async def send(context: Context, tenant: Tenant, device_id: str, data: Mapping[str, Any]) -> None:
    """Tell the device. Raises Problem (404) when it has just gone, 400 for what is nested too deeply."""
    asked = asking.current()
    try:
        event = configure_event(tenant, device_id, data, datetime.now(UTC), writer=asked.writer)
    except RecursionError as error:
        raise refusal("the values are nested too deeply; send less at once") from error
    if not await context.reader.configure(replace(event, request=asked.id)):
        raise no_such("device", device_id)


def _actuators(document: str) -> set[str]:
    groups: dict[str, list[dict[str, Any]]] = json.loads(document)["attrs"]
    return {one["label"] for group in groups.values() for one in group if one["type"] == _ACTUATOR}
