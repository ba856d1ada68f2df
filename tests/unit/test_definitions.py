"""Whether a kind is being deleted: the answer must be younger than the question."""

import asyncio

from structlog.testing import capture_logs

from device_operator.definitions import Definitions
from device_registry.domain.errors import Forbidden
from device_registry.domain.model import Kind
from tests.support.cluster import MemoryCluster


class DistantCluster(MemoryCluster):
    """Others get their turn while it thinks."""

    async def is_ending(self, kind: Kind) -> bool:
        await asyncio.sleep(0)
        return await super().is_ending(kind)


class Desk:
    def __init__(self) -> None:
        self.cluster = DistantCluster()
        self.now = 100.0
        self.definitions = Definitions(self.cluster, self._clock)

    def _clock(self) -> float:
        self.now += 0.001
        return self.now

    @property
    def asked(self) -> int:
        return self.cluster.calls["is_ending"]


async def test_a_no_is_not_remembered_because_the_next_object_may_go_with_its_kind() -> None:
    desk = Desk()
    assert not await desk.definitions.ending(Kind.DEVICE)
    desk.cluster.ending.add(Kind.DEVICE)
    assert await desk.definitions.ending(Kind.DEVICE)
    assert not await desk.definitions.ending(Kind.TEMPLATE)


async def test_those_who_wait_together_share_an_answer() -> None:
    desk = Desk()
    answers = await asyncio.gather(*(desk.definitions.ending(Kind.DEVICE) for _ in range(50)))
    assert not any(answers)
    assert desk.asked <= 2


async def test_a_yes_holds_for_five_seconds() -> None:
    desk = Desk()
    desk.cluster.ending.add(Kind.DEVICE)
    assert await desk.definitions.ending(Kind.DEVICE)
    desk.cluster.ending.clear()
    desk.now += 4
    assert await desk.definitions.ending(Kind.DEVICE)
    desk.now += 2
    assert not await desk.definitions.ending(Kind.DEVICE)


async def test_where_nobody_may_ask_a_deletion_is_like_any_other_and_logged_once() -> None:
    desk = Desk()
    desk.cluster.failures["is_ending"] = [Forbidden("not you"), Forbidden("not you")]
    with capture_logs() as logs:
        assert not await desk.definitions.ending(Kind.DEVICE)
        assert not await desk.definitions.ending(Kind.TEMPLATE)
    assert [one["error"] for one in logs] == ["not you"]
