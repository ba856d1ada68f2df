"""The operator ends between two effects, at every place where it can, and what it began is finished once.

Each step is declared while the operator is away, so there is exactly one change of each device to tell. The
operator is then ended at one point after the other, in the order in which it passes them, and finally let go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import pytest

from device_registry.faultpoints import Point
from local.platform import Platform
from tests.faults.storm.listener import Listener
from tests.faults.storm.streams import Streams
from tests.support.kubectl import Kubectl
from tests.support.manifests import a_device, a_template
from tests.support.road import Road, a_road
from tests.support.supervised import Supervised
from tests.support.waiting import eventually

NAMES = ("one", "two", "three")
RELEASED = "release-1", "release-2"
HOLD = (Point.BEFORE_HOLD, Point.AFTER_HOLD)
COMMIT = (Point.BEFORE_COMMIT, Point.AFTER_COMMIT)
TELL = (Point.BEFORE_SEND, Point.AFTER_SEND, Point.BEFORE_MARK, Point.AFTER_MARK)
SHOW = (Point.BEFORE_STATUS, Point.AFTER_STATUS)
RELEASE = (Point.BEFORE_RELEASE, Point.AFTER_RELEASE)


@dataclass(frozen=True)
class Stage:
    """An operator under supervision, and a consumer that hears everything."""

    road: Road
    operator: Supervised
    streams: Streams
    namespace: str

    def end_at_each(self, points: Sequence[Point]) -> None:
        """Let the operator up, again and again, to end at one point after the other."""
        for point in points:
            self.operator.hold_down()
            self.operator.arm(point)
            self.operator.let_up()
            eventually(
                lambda: not self.operator.armed, within=30, what=f"the operator's end at {point.value}"
            )

    def told(self) -> dict[str, int]:
        """How many events each device has had, once nothing waits to be sent."""
        self.road.wait_until_sent()
        expected = {
            (one["tenant"], one["subject"]): one["sequence"]
            for one in self.road.rows("SELECT * FROM event_stream")
        }
        eventually(lambda: self.streams.sequences() == expected, what="every event in Kafka")
        assert self.streams.violations == []
        return {subject: sequence for (_, subject), sequence in expected.items() if "/" not in subject}

    def ids(self, names: Sequence[str]) -> list[str]:
        """The ids of devices that are settled."""
        found = [self.road.ready("device", name, self.namespace, within=60) for name in names]
        return [one["status"]["deviceId"] for one in found]


@pytest.fixture(scope="module")
def stage(platform: Platform, kubectl: Kubectl) -> Iterator[Stage]:
    namespace = kubectl.create_namespace(f"points-{uuid4().hex[:8]}")
    road = a_road(platform, kubectl, f"points_{uuid4().hex[:6]}", "points")
    road.migrate()
    environment = platform.environment(str(road.engine.url.database)) | {"WATCH_NAMESPACES": namespace}
    operator = Supervised("operator", environment, platform.folder.log("operator-points")).start()
    streams = Streams()
    listener = Listener(platform.kafka_bootstrap, [namespace], streams)
    listener.start()
    kubectl.apply(a_template(namespace=namespace))
    road.ready("template", "thermometer", namespace)
    yield Stage(road, operator, streams, namespace)
    listener.close()
    kubectl.run("delete", "devices,templates", "--all", "-n", namespace, "--timeout=30s")
    assert operator.close() == 0
    assert operator.unplanned == []
    road.engine.dispose()


@pytest.fixture
def devices(stage: Stage) -> list[str]:
    """Return the ids of three devices, settled by an operator that was ended at each point on the way."""
    if stage.road.row(stage.namespace, NAMES[0]) is None:
        stage.operator.hold_down()
        stage.road.kubectl.apply([a_device(name, stage.namespace) for name in NAMES])
        unguarded = '{"metadata":{"finalizers":null}}'
        names = [f"device/{name}" for name in NAMES]
        stage.road.kubectl.run("patch", *names, "-n", stage.namespace, "--type=merge", "-p", unguarded)
        stage.end_at_each([*HOLD, *COMMIT, *TELL, *SHOW])
    return stage.ids(NAMES)


def test_a_creation_is_told_once(stage: Stage, devices: list[str]) -> None:
    assert [stage.told()[one] for one in devices] == [1, 1, 1]


def test_an_edit_is_told_once(stage: Stage, devices: list[str]) -> None:
    before = stage.told()
    stage.operator.hold_down()
    edits = [a_device(name, stage.namespace, label=f"{name} anew") for name in NAMES]
    stage.road.kubectl.apply(edits)
    stage.end_at_each([*COMMIT, *TELL, *SHOW])
    assert stage.ids(NAMES) == devices
    assert [stage.told()[one] - before[one] for one in devices] == [1, 1, 1]
    documents = [stage.road.document(stage.namespace, name) for name in NAMES]
    assert [one["label"] for one in documents] == [f"{name} anew" for name in NAMES]


@pytest.mark.parametrize(
    ("names", "points"),
    [(NAMES, (*COMMIT, *TELL)), (RELEASED, (*COMMIT, *RELEASE))],
    ids=["row and event", "finalizer"],
)
def test_a_deletion_is_told_once(stage: Stage, names: Sequence[str], points: Sequence[Point]) -> None:
    stage.road.kubectl.apply([a_device(name, stage.namespace) for name in names])
    ids = stage.ids(names)
    before = stage.told()
    stage.operator.hold_down()
    for name in names:
        stage.road.kubectl.delete("device", name, stage.namespace)
    stage.end_at_each(points)
    eventually(
        lambda: (
            not {one["metadata"]["name"] for one in stage.road.kubectl.list("devices", stage.namespace)}
            & set(names)
        ),
        what="the end of the resources",
    )
    assert [stage.told()[one] - before[one] for one in ids] == [1] * len(ids)
    assert not stage.streams.documents().keys() & {(stage.namespace, one) for one in ids}
    assert stage.road.rows("SELECT id FROM device WHERE id = ANY(:ids)", ids=ids) == []
