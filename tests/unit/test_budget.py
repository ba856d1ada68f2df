"""How many devices may go: arithmetic."""

import pytest

from device_registry.domain.budget import DeletionBudget, Departed


@pytest.mark.parametrize(
    ("count", "percent", "left", "rows", "room"),
    [
        (5, 0, 0, 100, 5),
        (5, 0, 5, 95, 0),
        (5, 0, 9, 91, 0),
        (0, 10, 0, 100, 10),
        (0, 10, 4, 96, 6),
        (0, 10, 0, 3, 1),
        (0, 0.1, 1, 2, 0),
        (5, 10, 0, 100, 5),
        (50, 10, 0, 100, 10),
        (0, 100, 30, 70, 70),
    ],
)
def test_the_lower_limit_counts_and_what_left_is_part_of_the_fleet(
    count: int, percent: float, left: int, rows: int, room: int
) -> None:
    budget = DeletionBudget(count=count, percent=percent)
    assert budget.room(Departed(left=left, rows=rows, held=7)) == room


def test_a_budget_is_off_until_there_is_a_limit() -> None:
    assert not DeletionBudget().enabled
    assert DeletionBudget(count=1).enabled
    assert DeletionBudget(percent=0.5).enabled
