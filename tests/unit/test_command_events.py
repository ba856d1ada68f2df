"""`device-manager events`: notifications as lines for people."""

from datetime import UTC, datetime
from typing import Any

from device_manager.notifications import Notification
from device_manager.telling import Teller

TEMPERATURE = {"label": "temperature", "type": "dynamic", "value_type": "float"}
SERIAL = {"label": "serial", "type": "static", "value_type": "string", "static_value": "SN-1"}


def a_document(label: str = "Freezer", *attributes: dict[str, Any]) -> dict[str, Any]:
    return {"id": "a1b2", "label": label, "templates": [1], "attrs": {"1": [*(attributes or (SERIAL,))]}}


def a_notification(event: str, data: Any, **headers: str) -> Notification:
    return Notification(
        topic="t",
        partition=0,
        offset=0,
        time=datetime(2026, 1, 1, 12, tzinfo=UTC),
        key="acme:a1b2",
        headers=headers,
        value={"event": event, "data": data, "meta": {"service": "acme"}},
    )


def told(*notifications: Notification) -> list[str]:
    """What stands behind the time and the event."""
    teller = Teller()
    return [teller.line(one)[38:] for one in notifications]


def test_a_line_tells_when_what_who_and_the_number() -> None:
    line = Teller().line(a_notification("create", a_document(), dojot_sequence="1", dojot_writer="git"))
    assert line == "2026-01-01 12:00:00  create           a1b2  Freezer  #1  by git"


def test_an_update_tells_what_changed_since_the_last_record_of_the_device() -> None:
    unit = {"label": "unit", "type": "static", "static_value": "celsius"}
    first = a_notification("create", a_document("Freezer", SERIAL))
    second = a_notification(
        "update",
        a_document("Freezer 7", {**SERIAL, "static_value": "SN-2"}, {**TEMPERATURE, "metadata": [unit]}),
    )
    assert told(first, second) == [
        "a1b2  Freezer",
        (
            'a1b2  Freezer 7  label: "Freezer" -> "Freezer 7"; serial (static): "SN-1" -> "SN-2";'
            ' temperature (dynamic): nothing -> type "float", unit "celsius"'
        ),
    ]
    assert told(first, a_notification("update", a_document()))[1].endswith("nothing that can be seen")


def test_an_update_of_an_unknown_device_and_a_removal_tell_the_device() -> None:
    assert told(a_notification("update", a_document()), a_notification("remove", a_document())) == [
        "a1b2  Freezer",
        "a1b2  Freezer",
    ]


def test_the_other_notifications_tell_what_they_are_about() -> None:
    template = {"affected": ["a", "b"], "template": {"id": 3, "label": "Thermometer"}}
    actuation = {"id": "a1b2", "attrs": {"led": "on", "level": 3}}
    assert told(a_notification("template.update", template), a_notification("configure", actuation)) == [
        "template 3  Thermometer  2 devices",
        "a1b2  led = on, level = 3",
    ]


def test_a_record_that_is_no_notification_is_shown_as_it_is() -> None:
    strange = Notification(
        topic="t", partition=0, offset=0, time=datetime.now(UTC), key="", headers={}, value="hello"
    )
    assert Teller().line(strange)[21:] == "not a notification  hello"
