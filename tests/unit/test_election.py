"""The election: one leads, and who cannot be sure of it stops."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from device_operator.election import Alone, LeaseElection, Terms
from device_operator.fencing import FencedBus
from device_registry.domain.errors import ClusterUnavailable, Fenced
from tests.support.leases import MemoryLeases
from tests.support.outbox import ScriptedBus, an_event
from tests.support.until import until

TERMS = Terms(namespace="default", name="operator", duration=15, deadline=10, retry=0.001)


class Candidates:
    """Several candidates for one Lease, with a clock that the test moves."""

    def __init__(self) -> None:
        self.leases = MemoryLeases()
        self.now = 100.0

    def one(self, holder: str) -> LeaseElection:
        return LeaseElection(
            self.leases, TERMS, holder, lambda: datetime.fromtimestamp(self.now, UTC), lambda: self.now
        )

    async def waits(self, candidate: LeaseElection) -> asyncio.Task[None]:
        """The candidate tries in the background, and has seen who leads."""
        before = self.leases.requests
        task = asyncio.create_task(candidate.win())
        await until(lambda: self.leases.requests >= before + 2)
        return task

    async def attempts(self, count: int) -> None:
        """Wait until that many more requests have been made."""
        wanted = self.leases.requests + count
        await until(lambda: self.leases.requests > wanted)

    async def renewal(self) -> None:
        """Wait until the Lease has been renewed once more."""
        renewed = self.leases.spec["renewTime"]
        await until(lambda: self.leases.spec["renewTime"] != renewed)


@pytest.fixture
def candidates() -> Candidates:
    return Candidates()


# --- who leads ------------------------------------------------------------------------------------------


async def test_the_first_takes_the_lease_and_the_others_wait(candidates: Candidates) -> None:
    first, second = candidates.one("first"), candidates.one("second")
    await first.win()
    waiting = await candidates.waits(second)
    assert (first.leads, second.leads, waiting.done()) == (True, False, False)
    spec = candidates.leases.spec
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (
        "first",
        15,
        0,
    )
    waiting.cancel()


async def test_of_two_that_try_at_the_same_time_one_leads(candidates: Candidates) -> None:
    both = [candidates.one("first"), candidates.one("second")]
    tasks = [asyncio.create_task(one.win()) for one in both]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert sum(one.leads for one in both) == 1
    for task in tasks:
        task.cancel()


async def test_a_lease_that_is_not_renewed_is_taken_after_its_duration_and_not_before(
    candidates: Candidates,
) -> None:
    await candidates.one("dead").win()
    successor = candidates.one("successor")
    waiting = await candidates.waits(successor)
    candidates.now += 14.9
    await candidates.attempts(2)
    assert not waiting.done()
    candidates.now += 0.2
    await asyncio.wait_for(waiting, 10)
    assert successor.leads
    assert candidates.leases.spec["leaseTransitions"] == 1


async def test_a_lease_that_is_renewed_is_left_alone_however_long(candidates: Candidates) -> None:
    leader = candidates.one("leader")
    await leader.win()
    keeping = asyncio.create_task(leader.keep())
    waiting = await candidates.waits(candidates.one("other"))
    for _ in range(5):
        candidates.now += 9
        await candidates.renewal()
        await candidates.attempts(4)
    assert (leader.leads, waiting.done(), keeping.done()) == (True, False, False)
    keeping.cancel()
    waiting.cancel()


async def test_a_lease_that_is_given_back_is_taken_at_once(candidates: Candidates) -> None:
    leader, successor = candidates.one("leader"), candidates.one("successor")
    await leader.win()
    waiting = await candidates.waits(successor)
    await leader.release()
    await asyncio.wait_for(waiting, 10)
    assert (leader.leads, successor.leads) == (False, True)


async def test_a_process_takes_up_the_lease_of_its_former_life_at_once(candidates: Candidates) -> None:
    await candidates.one("pod-1").win()
    again = candidates.one("pod-1")
    await asyncio.wait_for(again.win(), 10)
    assert again.leads
    assert candidates.leases.spec["leaseTransitions"] == 0


async def test_a_lease_that_somebody_made_by_hand_and_left_empty_is_free(candidates: Candidates) -> None:
    await candidates.leases.create_lease("default", "operator", {})
    assert candidates.leases.stored is not None
    del candidates.leases.stored["spec"]
    leader = candidates.one("leader")
    await asyncio.wait_for(leader.win(), 10)
    assert candidates.leases.spec["holderIdentity"] == "leader"


# --- who stops ------------------------------------------------------------------------------------------


async def test_who_sleeps_past_its_lease_knows_when_it_wakes_up(candidates: Candidates) -> None:
    leader = candidates.one("leader")
    await leader.win()
    candidates.now += 15
    assert not leader.leads


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has such a clock")
async def test_the_sleep_of_the_machine_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_BOOTTIME: 100.0, time.CLOCK_MONOTONIC: 100.0}
    monkeypatch.setattr(time, "clock_gettime", clocks.__getitem__)
    leader = LeaseElection(MemoryLeases(), TERMS, "leader", lambda: datetime.now(UTC))
    await leader.win()
    assert leader.leads
    clocks[time.CLOCK_BOOTTIME] += 15
    assert not leader.leads


async def test_who_cannot_renew_in_time_stops_before_another_may_begin(candidates: Candidates) -> None:
    leader = candidates.one("leader")
    await leader.win()
    keeping = asyncio.create_task(leader.keep())
    candidates.leases.away = ClusterUnavailable("the API server is away")
    with capture_logs() as lines:
        await candidates.attempts(5)
        assert not keeping.done()
        candidates.now += 10
        await asyncio.wait_for(keeping, 10)
    assert not leader.leads
    assert [line["error"] for line in lines] == ["the API server is away"], "one line, however many attempts"


async def test_a_leader_whose_lease_was_taken_stops_at_once(candidates: Candidates) -> None:
    leader = candidates.one("leader")
    await leader.win()
    candidates.leases.spec["holderIdentity"] = "usurper"
    candidates.leases.touch()
    await asyncio.wait_for(leader.keep(), 10)
    assert not leader.leads


async def test_a_change_of_a_label_costs_nobody_the_lead(candidates: Candidates) -> None:
    leader = candidates.one("leader")
    await leader.win()
    keeping = asyncio.create_task(leader.keep())
    for _ in range(3):
        candidates.leases.touch()
        await candidates.attempts(4)
    assert (leader.leads, keeping.done()) == (True, False)
    keeping.cancel()


async def test_giving_back_what_is_not_ours_changes_nothing(candidates: Candidates) -> None:
    leader, former = candidates.one("leader"), candidates.one("former")
    await leader.win()
    await former.release()
    assert candidates.leases.spec["holderIdentity"] == "leader"


async def test_a_release_that_fails_is_told_and_harms_nobody(candidates: Candidates) -> None:
    leader = candidates.one("leader")
    await leader.win()
    candidates.leases.away = ClusterUnavailable("away")
    await leader.release()
    assert not leader.leads


# --- what hangs on it -------------------------------------------------------------------------------------


async def test_without_an_election_the_one_operator_leads() -> None:
    alone = Alone()
    await alone.win()
    await alone.release()
    assert alone.leads


def test_nothing_is_sent_by_who_does_not_lead() -> None:
    bus = ScriptedBus()
    leads = True
    fenced = FencedBus(bus, lambda: leads)
    assert fenced.send([an_event(1)])[1].sent
    leads = False
    with pytest.raises(Fenced):
        fenced.send([an_event(2)])
    assert [one.id for one in bus.delivered] == [1]
