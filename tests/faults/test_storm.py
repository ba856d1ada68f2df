"""A short storm: every kind of fault once while everybody writes; nothing is lost or out of order.

`make test-faults` is the long one. The same choices again: `pytest tests/faults/test_storm.py --seed=N`.
"""

import random

import pytest

from local.platform import Platform
from tests.faults.storm.stage import Size, Stage
from tests.faults.storm.tempest import Tempest

SECONDS = 60.0
SIZE = Size(devices=100, writes=10)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of the command line, or a new one."""
    return int(request.config.getoption("--seed") or random.SystemRandom().randrange(1, 1_000_000))


@pytest.mark.usefixtures("kubectl")
@pytest.mark.timeout(600)
def test_every_kind_of_fault_once_and_nothing_is_lost(platform: Platform, seed: int) -> None:
    with Stage(platform, SIZE, seed) as stage:
        outcome = Tempest(stage, SECONDS, times=1).run()
        leave_nothing(stage)
    said = f"seed {seed}: {outcome.wrong} {outcome.differences[:10]}"
    assert outcome.good, said
    assert min(outcome.counts.values()) >= 1, f"a lane did not come round: {outcome.counts}"
    assert stage.ledger.acknowledged > SIZE.devices


def leave_nothing(stage: Stage) -> None:
    """Delete everything while the operator is there to let it go."""
    for tenant in stage.tenants:
        stage.kubectl.run("delete", "devices,templates", "--all", "-n", tenant, "--timeout=60s")
