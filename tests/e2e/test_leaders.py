"""Two operators on one registry: one works, the other is ready to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine

from local.platform import Platform
from tests.support.kubectl import Kubectl
from tests.support.manifests import a_device, a_template
from tests.support.programs import Program
from tests.support.road import Road
from tests.support.waiting import eventually

TABLES = ("device", "template", "device_template", "outcome", "outbox", "event_stream", "leadership")


@dataclass(frozen=True)
class Pair:
    """A leader, its successor, and the road that both keep."""

    road: Road
    first: Program
    second: Program
    lease: str

    def leaders(self) -> list[Program]:
        """Those that say that they lead."""
        alive = [one for one in (self.first, self.second) if one.alive]
        return [one for one in alive if one.metrics()["device_manager_leader"] == 1]

    def declare(self, name: str, namespace: str, **spec: Any) -> dict[str, Any]:
        """Apply a device and wait until it is registered and published."""
        self.road.kubectl.apply(a_device(name, namespace, **spec))
        return self.road.ready("device", name, namespace, within=60)

    def everything(self, namespace: str) -> Sequence[object]:
        """All rows as of their last write, all records, and the versions of all objects."""
        rows = [self.road.rows(f"SELECT xmin::text, * FROM {table} ORDER BY 1, 2, 3, 4") for table in TABLES]
        versions = [
            one["metadata"]["resourceVersion"] for one in self.road.kubectl.list("devices", namespace)
        ]
        return [rows, versions, self.road.events(namespace)]


@pytest.fixture
def pair(platform: Platform, kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two operators under the times that the test asks for; the first one leads."""
    name = f"leaders_{uuid4().hex[:8]}"
    environment = platform.environment(name) | {
        "LEADER_ELECTION": "true",
        "LEASE_NAME": name.replace("_", "-"),
        **getattr(request, "param", {}),
    }
    first, second = (
        Program("operator", environment, platform.folder.log(f"{name}_{which}")) for which in "ab"
    )
    road = Road(platform, kubectl, first, create_engine(platform.database_url(name)))
    road.migrate()
    both = Pair(road, first, second, environment["LEASE_NAME"])
    try:
        first.start()
        eventually(lambda: both.leaders() == [first], what="the first to lead")
        second.start()
        yield both
    finally:
        _end(both)


def _end(pair: Pair) -> None:
    """Leave nothing behind: whoever runs lets the objects go, then both end."""
    for one in (pair.first, pair.second):
        if one.alive:
            one.resume()
    if not (pair.first.alive or pair.second.alive):
        pair.first.start(LEADER_ELECTION="false")
    try:
        pair.road.leave_nothing(within=90)
    finally:
        for one in (pair.first, pair.second):
            one.kill()
        pair.road.kubectl.run("delete", "lease", pair.lease, "-n", "default", "--ignore-not-found")
        pair.road.engine.dispose()


LONG = {"LEASE_DURATION_SECONDS": "120", "LEASE_RENEW_DEADLINE_SECONDS": "100"}
"""Nothing happens by the end of such a Lease within a test."""
SHORT = {
    "LEASE_DURATION_SECONDS": "5",
    "LEASE_RENEW_DEADLINE_SECONDS": "3",
    "LEASE_RETRY_SECONDS": "0.5",
}
WAITS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'device-manager' AND wait_event_type = 'Lock'
"""


@pytest.mark.parametrize("pair", [LONG], indirect=True)
def test_a_standby_is_ready_and_writes_nothing_and_takes_over_when_the_leader_ends(
    pair: Pair, namespace: str
) -> None:
    pair.road.kubectl.apply(a_template(namespace=namespace))
    first = pair.declare("freezer-1", namespace)
    assert pair.leaders() == [pair.first], "both are ready, one leads"
    assert pair.second.metrics()["device_manager_takeovers_total"] == 0

    assert pair.first.stop() == 0
    second = pair.declare("freezer-2", namespace)

    assert pair.leaders() == [pair.second]
    for device in (first, second):
        records = pair.road.events_of(namespace, device["status"]["deviceId"])
        assert [(one.event, one.sequence) for one in records] == [("create", 1)]


@pytest.mark.parametrize("pair", [LONG], indirect=True)
def test_what_the_leader_has_done_is_not_done_again_by_its_successor(pair: Pair, namespace: str) -> None:
    pair.road.kubectl.apply(a_template(namespace=namespace))
    for number in range(5):
        pair.declare(f"freezer-{number}", namespace)
    before = pair.everything(namespace)[1:]

    pair.first.stop()
    eventually(lambda: pair.leaders() == [pair.second], what="the second to lead")
    eventually(lambda: pair.second.metrics()["device_manager_sweep_seconds_count"] > 0, within=60)
    eventually(lambda: pair.second.metrics()["device_manager_in_hand"] == 0)

    assert pair.everything(namespace)[1:] == before
    assert pair.second.metrics().get('device_manager_status_writes_total{code="200"}', 0) == 0


def test_a_leader_that_is_killed_is_succeeded_when_its_lease_has_ended(pair: Pair, namespace: str) -> None:
    pair.road.kubectl.apply(a_template(namespace=namespace))
    pair.declare("freezer-1", namespace)

    pair.first.kill()
    pair.declare("freezer-2", namespace)

    assert pair.leaders() == [pair.second]
    assert pair.second.metrics()["device_manager_leader_epoch"] == 2


@pytest.mark.parametrize("pair", [SHORT], indirect=True)
def test_a_leader_that_sleeps_past_its_lease_writes_nothing_when_it_wakes_up(
    pair: Pair, namespace: str
) -> None:
    pair.road.kubectl.apply(a_template(namespace=namespace))
    device_id = pair.declare("freezer-1", namespace)["status"]["deviceId"]

    pair.first.pause()
    pair.declare("freezer-1", namespace, label="Edited while the leader slept")
    pair.declare("freezer-2", namespace)
    before = pair.everything(namespace)

    # It wakes up with a watch that shows it both changes before anything tells it that it has lost the lead.
    pair.first.resume()
    assert pair.first.wait() == 1

    assert pair.everything(namespace) == before
    assert pair.leaders() == [pair.second]
    assert [one.sequence for one in pair.road.events_of(namespace, device_id)] == [1, 2]
    assert "not leading any more, ending" in pair.first.log.read_text()


@pytest.mark.parametrize("pair", [SHORT], indirect=True)
def test_a_leader_that_is_frozen_within_a_transaction_holds_its_successor_up_for_seconds_only(
    pair: Pair, namespace: str
) -> None:
    pair.road.kubectl.apply(a_template(namespace=namespace))
    pair.declare("freezer-1", namespace)

    with pair.road.engine.begin() as somebody:
        # Its transaction waits for the row; when it has it, the leader cannot go on any more.
        somebody.exec_driver_sql("SELECT FROM device FOR UPDATE")
        pair.road.kubectl.apply(a_device("freezer-1", namespace, label="Edited while the leader froze"))
        eventually(lambda: pair.road.rows(WAITS), what="the leader to wait")
        pair.first.pause()
    pair.declare("freezer-2", namespace)
    pair.declare("freezer-1", namespace, label="Edited while the leader froze")

    pair.first.resume()
    assert pair.first.wait() == 1
    assert pair.leaders() == [pair.second]


def test_without_an_election_the_operator_that_starts_last_works_and_the_other_ends(
    platform: Platform, kubectl: Kubectl, namespace: str
) -> None:
    name = f"alone_{uuid4().hex[:8]}"
    environment = platform.environment(name)
    first, second = (
        Program("operator", environment, platform.folder.log(f"{name}_{which}")) for which in "ab"
    )
    road = Road(platform, kubectl, second, create_engine(platform.database_url(name)))
    road.migrate()
    pair = Pair(road, first, second, "none")
    first.start()
    try:
        second.start()
        road.kubectl.apply(a_template(namespace=namespace))
        pair.declare("freezer-1", namespace)
        assert first.wait() == 1
    finally:
        _end(pair)
