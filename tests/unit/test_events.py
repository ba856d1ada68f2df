"""The bytes, the key and the headers that go to Kafka."""

import json
from dataclasses import replace

from device_registry.domain.events import (
    EventType,
    Recorded,
    device_event,
    envelope,
    template_event,
)
from device_registry.domain.model import DeviceId, Document, Tenant
from device_registry.domain.rendering import template_view
from tests.support.builders import NOON, a_device, a_row, a_template, registered

BODY = '{"id":"a1b2c3","label":"\\u00e9"}'
ROW = a_row(document=Document(body=BODY, hash="h", terms=()), revision=4, generation=9)


def test_the_document_goes_into_the_notification_byte_for_byte() -> None:
    event = device_event(EventType.UPDATE, ROW, NOON)
    assert event.payload == f'{{"data":{BODY},"event":"update","meta":{{"service":"acme"}}}}'


def test_the_envelope_escapes_what_it_is_given() -> None:
    text = envelope(EventType.CREATE, "{}", Tenant('a"\\é'))
    assert text.isascii()
    assert json.loads(text) == {"data": {}, "event": "create", "meta": {"service": 'a"\\é'}}


def test_the_key_keeps_a_device_on_one_partition() -> None:
    recorded = Recorded(id=1, sequence=2, event=device_event(EventType.UPDATE, ROW, NOON))
    assert recorded.key == "acme:a1b2c3"


def test_the_headers_are_cloud_events_and_tell_doubles_and_gaps() -> None:
    cause = a_device(generation=11, writer="kubectl")
    recorded = Recorded(id=1, sequence=2, event=device_event(EventType.UPDATE, ROW, NOON, cause))
    assert recorded.headers == [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"acme/a1b2c3/2"),
        ("ce_type", b"io.dojot.device.update"),
        ("ce_source", b"/device-manager/acme"),
        ("ce_subject", b"a1b2c3"),
        ("ce_time", b"2026-01-01T12:00:00.000000+00:00"),
        ("content-type", b"application/json"),
        ("dojot_sequence", b"2"),
        ("dojot_revision", b"4"),
        ("dojot_generation", b"11"),
        ("dojot_uid", b"uid-of-freezer-7"),
        ("dojot_writer", b"kubectl"),
    ]


def test_an_event_that_no_resource_asked_for_names_the_row() -> None:
    event = device_event(EventType.UPDATE, ROW, NOON)
    assert (event.generation, event.uid, event.writer) == (9, "uid-of-freezer-7", "")
    assert device_event(EventType.UPDATE, replace(ROW, claim=None), NOON).uid == ""


def test_a_template_has_a_stream_of_its_own() -> None:
    template = registered(a_template(), 12)
    event = template_event(template, [DeviceId("a1"), DeviceId("b2")], NOON)
    assert event.subject == "template/12"
    assert json.loads(event.payload) == {
        "event": "template.update",
        "data": {"affected": ["a1", "b2"], "template": template_view(template)},
        "meta": {"service": "acme"},
    }
    assert template_event(replace(template, claim=None), [], NOON).uid == ""
