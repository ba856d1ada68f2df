"""A mass deletion is a mistake until somebody says otherwise: the budget lets a few devices go."""

from dataclasses import replace
from datetime import timedelta

import pytest

from device_registry.domain.budget import DeletionBudget
from device_registry.domain.model import DeletionPolicy, Tenant
from device_registry.domain.reasons import Reason
from device_registry.reconcile import Departure, Reconciler
from tests.support.builders import a_device, a_template
from tests.support.clock import Clock
from tests.support.story import Story

FLEET = [a_device(f"d{number}", id=f"d{number}") for number in range(6)]
OTHERS = [a_device(f"o{number}", id=f"o{number}", namespace="other", tenant="other") for number in range(3)]
HELD = Reason.DELETION_HELD


@pytest.fixture
def story(story: Story, clock: Clock) -> Story:
    """Two devices may go within ten minutes."""
    story.reconciler = Reconciler(story.registry, clock, DeletionBudget(count=2))
    story.apply(a_template(), *FLEET)
    story.heard()
    return story


def reasons(story: Story, *devices: int, policy: DeletionPolicy = DeletionPolicy.DELETE) -> list[str]:
    return [one.outcome.reason for one in story.delete(*[FLEET[device] for device in devices], policy=policy)]


def test_beyond_the_budget_nothing_is_removed(story: Story) -> None:
    assert reasons(story, 0, 1, 2, 3) == ["Removed", "Removed", HELD, HELD]
    assert story.heard() == ["remove d0#2", "remove d1#2"]
    assert story.row("d2")
    assert reasons(story, 4) == [HELD], "a single one counts like any other"


def test_the_sentence_says_how_many_went_how_many_wait_and_how_to_allow_it(story: Story) -> None:
    story.delete(*FLEET[:3])
    (held, again) = story.delete(FLEET[3], FLEET[2])
    assert (
        "2 devices of the tenant were deleted within 10 minutes and 2 more are held" in held.outcome.message
    )
    assert "kubectl annotate --overwrite namespace acme dojot.io/allow-mass-deletion=" in held.outcome.message
    assert again.outcome.message == held.outcome.message
    assert story.registry.outcomes([FLEET[3].key])[FLEET[3].key].reason is HELD


def test_held_devices_go_when_the_window_has_room_again(story: Story, clock: Clock) -> None:
    story.delete(*FLEET[:4])
    clock.now += timedelta(minutes=9)
    assert reasons(story, 2, 3) == [HELD, HELD]
    clock.now += timedelta(minutes=1)
    assert reasons(story, 2, 3, 4) == ["Removed", "Removed", HELD]
    assert story.registry.outcomes([FLEET[2].key]) == {}


def test_what_somebody_allowed_goes_whatever_the_budget_says(story: Story) -> None:
    allowed = [Departure(declared=one, policy=DeletionPolicy.DELETE, unlimited=True) for one in FLEET[:5]]
    assert {one.outcome.reason for one in story.reconciler.release_devices(allowed)} == {Reason.REMOVED}
    assert reasons(story, 5) == [HELD], "and it counts"


def test_rows_that_stay_cost_nothing(story: Story) -> None:
    assert reasons(story, 0, 1, 2, 3, policy=DeletionPolicy.RETAIN) == ["Retained"] * 4
    assert reasons(story, 4) == ["Removed"]


def test_devices_without_a_row_cost_nothing(story: Story) -> None:
    strangers = [a_device(f"s{number}", templates=["missing"]) for number in range(3)]
    assert {one.outcome.reason for one in story.delete(*strangers)} == {Reason.REMOVED}
    assert reasons(story, 0, 1) == ["Removed", "Removed"]


def test_each_tenant_has_a_budget_of_its_own(story: Story) -> None:
    story.apply(a_template(namespace="other", tenant="other"), *OTHERS)
    assert reasons(story, 0, 1, 2) == ["Removed", "Removed", HELD]
    results = [one.outcome.reason for one in story.delete(OTHERS[0], FLEET[3], OTHERS[1], OTHERS[2])]
    assert results == ["Removed", HELD, "Removed", HELD]
    assert "2 more are held" in story.delete(FLEET[2])[0].outcome.message


def test_a_share_is_one_of_the_fleet_that_was_there(story: Story, clock: Clock) -> None:
    story.reconciler = Reconciler(story.registry, clock, DeletionBudget(percent=50))
    assert reasons(story, 0) == ["Removed"]
    assert reasons(story, 1, 2, 3, 4) == ["Removed", "Removed", HELD, HELD]


def test_without_a_budget_nothing_is_held_or_counted(story: Story, clock: Clock) -> None:
    story.reconciler = Reconciler(story.registry, clock)
    assert reasons(story, 0, 1, 2) == ["Removed"] * 3
    with story.registry.transaction() as transaction:
        departed = transaction.departed(FLEET[0].tenant, clock.now - timedelta(hours=1))
    assert (departed.left, departed.rows, departed.held) == (0, 3, 0)


def test_departures_are_forgotten_after_the_window(story: Story, clock: Clock) -> None:
    story.delete(FLEET[0])
    clock.now += timedelta(minutes=11)
    story.delete(FLEET[1])
    with story.registry.transaction() as transaction:
        assert transaction.departed(FLEET[0].tenant, clock.now - timedelta(days=1)).left == 1


def test_a_namespace_that_is_bound_to_another_tenant_frees_no_devices(story: Story, clock: Clock) -> None:
    moved = [replace(one, tenant=Tenant("beta")) for one in FLEET]
    assert [one.outcome.reason for one in story.delete(*moved)] == ["Removed"] * 2 + [HELD] * 4
    assert [one.outcome.reason for one in story.delete(*moved[2:])] == [HELD] * 4
    with story.registry.transaction() as transaction:
        departed = transaction.departed(FLEET[0].tenant, clock.now - timedelta(hours=1))
    assert (departed.left, departed.held) == (2, 4)
