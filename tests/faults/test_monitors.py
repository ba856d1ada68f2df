"""A short form of `make test-monitors`: monitors die, and a consumer is told exactly what the model says."""

import time

import pytest

from local.platform import Platform
from tests.support.postgres import Databases
from tests.support.waiting import eventually

from .monitors.reaper import Reaper
from .monitors.stage import Stage
from .monitors.talk import Talk

ATTACKS = 4


@pytest.mark.timeout(600)
def test_monitors_die_and_every_transition_is_told_once(platform: Platform, databases: Databases) -> None:
    with Stage(platform, databases, devices=200, timeout=3) as stage:
        talk = Talk(stage.topic, stage.lasting, seed=7)
        reaper = Reaper(stage.monitors, (1, 4), seed=7)
        stage.run(talk, reaper, lambda: _until_attacked(reaper))
        verdict = stage.verdict(reaper.times)
    assert not verdict.wrong, list(verdict.wrong.items())[:3]
    assert not verdict.doubled
    assert verdict.notices > 2 * len(stage.lasting)


def _until_attacked(reaper: Reaper) -> None:
    begin = time.monotonic()
    eventually(
        lambda: reaper.attacks.total() >= ATTACKS and time.monotonic() - begin > 20,
        within=180,
        what="attacks",
    )
