"""A document that Kafka refuses: the rest flows, the status says so, and people decide what becomes of it."""

import json
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from device_manager.cli import app
from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.topic import SUBJECT
from tests.support.waiting import eventually

TIGHT, WIDE = 3_000, 1_000_000
"""Bytes of a record that the topic takes: enough for a small device, and the usual."""


def limit(road: Road, tenant: str, size: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=road.platform.kafka_bootstrap)
    changes = {"max.message.bytes": str(size)}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, f"{tenant}.{SUBJECT}", changes)])
    admin.close()


@pytest.fixture
def command(road: Road, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in road.platform.environment(str(road.engine.url.database)).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["quarantine", *arguments])
        assert done.exit_code in (0, 1), done.output
        return done.output

    return run


def test_a_document_that_is_too_large_is_put_aside_told_and_sent_when_the_limit_is_raised(
    road: Road, namespace: str, command: Any
) -> None:
    plain = [{"label": f"a{number}", "type": "static", "valueType": "string"} for number in range(20)]
    road.kubectl.apply(a_template(namespace=namespace, attributes=plain))
    small = {"attributes": [{"label": "a0", "type": "static", "staticValue": "x"}]}
    large = {
        "attributes": [{"label": one["label"], "type": "static", "staticValue": "x" * 128} for one in plain]
    }
    road.kubectl.apply(a_template("small", namespace, attributes=plain[:1]))
    good = {**small, "templates": [{"name": "small"}]}
    road.kubectl.apply(a_device("first", namespace, **good))
    road.ready("device", "first", namespace, within=60)
    limit(road, namespace, TIGHT)

    names = [f"good-{number}" for number in range(10)]
    manifests = [a_device(name, namespace, **good) for name in names]
    road.kubectl.apply([*manifests[:5], a_device("large", namespace, **large), *manifests[5:]])

    for name in names:
        road.ready("device", name, namespace, within=60)
    shown = road.wait_for(
        "device", "large", namespace, "Ready=True", "Published=False:Quarantined", within=60
    )
    assert "quarantine" in shown["Published"]["message"].lower()
    device_id = road.kubectl.get("device", "large", namespace)["status"]["deviceId"]
    (listed,) = json.loads(command("list", "--tenant", namespace, "-o", "json"))
    assert (listed["subject"], listed["type"], listed["state"]) == (device_id, "create", "Waiting")
    assert "MessageSizeTooLarge" in listed["error"]
    eventually(lambda: road.operator.metrics()["device_manager_outbox_quarantined"] == 1, within=20)

    limit(road, namespace, WIDE)
    assert "1 of 1 events will be sent again." in command("retry", str(listed["id"]))

    road.wait_for("device", "large", namespace, "Published=True:Acknowledged", within=60)
    records = road.events_of(namespace, device_id)
    assert [(one.event, one.sequence) for one in records] == [("create", 1)]
    assert json.loads(command("list", "-o", "json")) == []
