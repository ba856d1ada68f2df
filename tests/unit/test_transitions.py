"""Which changes of a status become Kubernetes Events."""

import asyncio
from typing import Any

import pytest

from device_operator.announcements import WAITING, Announcements
from device_operator.transitions import transitions
from device_registry.domain.errors import Forbidden
from tests.support.builders import NOON, a_resource
from tests.support.cluster import MemoryCluster
from tests.support.until import until

READY = "True", "Registered"
WAITS = "False", "TemplateNotFound"
BROKEN = "False", "InvalidSpec"
LOST = "False", "IdentityConflict"
AWAY = "Unknown", "RegistryUnavailable"


def status(ready: tuple[str, str] | None, **more: Any) -> dict[str, Any]:
    """A status with that Ready condition, and others by name with their reason."""
    conditions = [("Ready", *ready)] if ready else []
    conditions += [(name, "True", reason) for name, reason in more.pop("also", {}).items()]
    listed = [{"type": t, "status": s, "reason": r, "message": f"{r}!"} for t, s, r in conditions]
    return {**more, "conditions": listed}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (status(None), status(READY), []),
        (status(None), status(WAITS), []),
        (status(WAITS), status(READY), []),
        (status(READY), status(READY), []),
        (status(BROKEN), status(BROKEN), []),
        (status(READY), status(AWAY), []),
        (status(AWAY, deviceId="a1"), status(READY, deviceId="a1"), []),
        (status(None), status(BROKEN), ["Warning InvalidSpec"]),
        (status(READY), status(WAITS), ["Warning TemplateNotFound"]),
        (status(WAITS, deviceId="a1"), status(READY, deviceId="a1"), ["Normal Registered"]),
        (status(BROKEN), status(READY), ["Normal Registered"]),
        (status(WAITS), status(LOST), ["Warning IdentityConflict"]),
        (status(LOST), status(LOST), []),
        (status(READY), status(READY, also={"DeletionBlocked": "InUse"}), ["Warning InUse"]),
        (
            status(READY, also={"DeletionBlocked": "InUse"}),
            status(READY, also={"DeletionBlocked": "InUse"}),
            [],
        ),
        ({}, {}, []),
    ],
)
def test_only_what_people_act_on_is_told(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    assert [f"{one.type} {one.reason}" for one in transitions(old, new)] == expected


def test_the_message_is_that_of_the_condition() -> None:
    (one,) = transitions({}, status(BROKEN))
    assert one.message == "InvalidSpec!"


async def test_what_comes_too_fast_is_dropped_and_nobody_waits_for_it() -> None:
    announcements = Announcements(MemoryCluster(), lambda: NOON)
    for _ in range(WAITING + 5):
        announcements.tell(a_resource(), {}, status(BROKEN))


async def test_a_refused_event_does_not_stop_the_next() -> None:
    cluster = MemoryCluster()
    cluster.failures["post_event"] = [Forbidden()]
    announcements = Announcements(cluster, lambda: NOON)
    running = asyncio.create_task(announcements.run())
    announcements.tell(a_resource(), {}, status(BROKEN))
    announcements.tell(a_resource(), {}, status(LOST))
    await until(lambda: cluster.posted)
    running.cancel()
    (event,) = cluster.posted
    assert event["reason"] == "IdentityConflict"
    assert event["regarding"]["name"] == "freezer-7"
    assert event["eventTime"] == "2026-01-01T12:00:00.000000Z"
