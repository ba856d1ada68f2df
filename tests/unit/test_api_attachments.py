"""A template is taken from a device by the name that the device has for it."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from device_api import attachments
from device_api.problems import Problem
from device_registry.domain.model import Claim, DeviceId, RegisteredTemplate, Tenant
from device_registry.registry.bindings import StoredDevice
from tests.support.cluster import MemoryCluster
from tests.support.rest import ACME, DEVICE, Registry, a_context, put

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
CLAIM = Claim(namespace="acme", name="thermometer", uid="1", created=NOON)
TEMPLATE = RegisteredTemplate(tenant=ACME, id=7, label="t", revision=1, created=NOON, claim=CLAIM)


class WithTemplate(Registry):
    """The device a1 uses the template 7."""

    template = TEMPLATE

    async def templates(self, tenant: Tenant, ids: Collection[int]) -> dict[int, RegisteredTemplate]:
        return {7: self.template}


async def detach(template: RegisteredTemplate) -> list[dict[str, str]]:
    """Take the template from the device; answers the templates that the device declares then."""
    cluster, registry = MemoryCluster(), WithTemplate()
    uid = put(cluster, templates=[{"name": "thermometer"}, {"name": "other"}])
    body = '{"attrs": {}, "templates": [7]}'
    registry.template = template
    registry.device = StoredDevice(id=DeviceId("a1"), body=body, key=DEVICE, uid=uid)
    context = a_context(cluster, registry)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("device_api.devices.document", _document)
        await attachments.detach(context, ACME, "a1", "7")
    declared: list[dict[str, str]] = cluster.objects[DEVICE]["spec"]["templates"]
    return declared


async def _document(*_: object) -> str:
    return ""


async def test_a_template_whose_resource_is_gone_is_taken_away_by_its_former_name() -> None:
    assert await detach(replace(TEMPLATE, unclaimed_since=NOON)) == [{"name": "other"}]
    assert await detach(TEMPLATE) == [{"name": "other"}]


async def test_a_template_that_no_resource_ever_declared_is_refused_and_not_passed_over() -> None:
    with pytest.raises(Problem, match="no resource declares it") as problem:
        await detach(replace(TEMPLATE, claim=None))
    assert problem.value.status == 409
