"""When Secrets that nobody watches are asked for, and what that outlives."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from device_operator.secret_users import SecretUsers
from device_operator.secret_watching import SecretWatching
from device_registry.domain.model import Key, Kind
from tests.support.cluster import MemoryCluster
from tests.support.manifests import a_device
from tests.support.until import until

DEVICE = Key(Kind.DEVICE, "acme", "freezer-7")
CREDENTIAL = {"attribute": "key", "secretRef": {"name": "psk", "key": "psk"}}


class SlowCluster(MemoryCluster):
    """Answers no question about the version of a Secret until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()

    async def secret_version(self, namespace: str, name: str) -> str:
        self.calls["secret_version"] += 1
        await self.answers.wait()
        return await super().secret_version(namespace, name)


class Desk:
    """A device that refers to a Secret without a label, and who looks after it."""

    def __init__(self, interval: float) -> None:
        self.cluster = SlowCluster()
        self.cluster.put_secret("acme", "psk", {"psk": "MDA="}, labelled=False)
        users = SecretUsers()
        users.seen(DEVICE, a_device(namespace="acme", credentials=[CREDENTIAL]))
        self.looked: list[Key] = []
        self.watching = SecretWatching(self.cluster, users, self.looked.append, [], interval)


@pytest.fixture
def desk() -> Desk:
    return Desk(interval=0.01)


@pytest.fixture
async def asking(desk: Desk) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(desk.watching._ask_for_ever())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_end_of_kopf_cuts_questions_off_and_not_the_asking(
    desk: Desk, asking: asyncio.Task[None]
) -> None:
    elders = asyncio.all_tasks()
    await until(lambda: desk.cluster.calls["secret_version"])
    for younger in asyncio.all_tasks() - elders:
        younger.cancel()
    await until(lambda: asking.done() or desk.cluster.calls["secret_version"] == 2)
    desk.cluster.answers.set()
    await until(lambda: asking.done() or desk.looked)
    assert not asking.done()


async def test_the_asking_ends_when_it_is_meant_itself(desk: Desk, asking: asyncio.Task[None]) -> None:
    await until(lambda: desk.cluster.calls["secret_version"])
    asking.cancel()
    await until(asking.done)
    assert asking.cancelled()


class _Asked(Exception):
    """Ends the loop of a test."""


@pytest.mark.parametrize("interval", [1.0, 600.0])
async def test_secrets_are_asked_for_after_one_interval(
    interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def ask() -> None:
        raise _Asked

    watching = Desk(interval).watching
    monkeypatch.setattr(watching, "ask", ask)
    with monkeypatch.context() as hurried, pytest.raises(_Asked):
        hurried.setattr(asyncio, "sleep", sleep)
        await watching._ask_for_ever()
    assert sum(waited) == interval


async def test_devices_whose_keys_were_not_read_are_looked_at_soon_and_then_after_growing_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, waited = Desk(interval=600.0), list[float]()

    async def sleep(seconds: float) -> None:
        if len(waited) == 10:
            raise _Asked
        waited.append(seconds)

    with monkeypatch.context() as hurried, pytest.raises(_Asked):
        hurried.setattr(asyncio, "sleep", sleep)
        await desk.watching._look_for_ever()
    assert waited == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600]
    assert desk.looked == [DEVICE] * 10
