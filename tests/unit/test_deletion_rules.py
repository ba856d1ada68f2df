"""What a namespace says about deletion, and what an unreadable word counts as."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from device_operator.deletion_rules import DeletionRules, DeletionRulesReader
from device_registry.domain.model import DeletionPolicy

POLICY = "dojot.io/deletion-policy"
ALLOW = "dojot.io/allow-mass-deletion"


def read(reader: DeletionRulesReader, **annotations: str) -> DeletionRules:
    names = {"policy": POLICY, "allow": ALLOW}
    given = {names[name]: text for name, text in annotations.items()}
    return reader.read({"metadata": {"name": "acme", "annotations": given}})


def test_a_namespace_that_says_nothing_leaves_it_to_the_settings() -> None:
    assert read(DeletionRulesReader()) == DeletionRules()


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("Retain", DeletionPolicy.RETAIN),
        ("Delete", DeletionPolicy.DELETE),
        ("delte", DeletionPolicy.RETAIN),
        ("", DeletionPolicy.RETAIN),
    ],
)
def test_a_policy_that_nobody_understands_keeps_rows(text: str, policy: DeletionPolicy) -> None:
    assert read(DeletionRulesReader(), policy=text).policy is policy


@pytest.mark.parametrize("text", ["2026-01-01T12:00:00Z", "2026-01-01T10:00:00-02:00"])
def test_a_permission_ends_at_a_time(text: str) -> None:
    assert read(DeletionRulesReader(), allow=text).allowed_until == datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["true", "", "2026-01-01T12:00:00", "tomorrow"])
def test_what_is_no_time_with_its_zone_allows_nothing(text: str) -> None:
    assert read(DeletionRulesReader(), allow=text).allowed_until is None


def test_each_unreadable_word_is_logged_once() -> None:
    reader = DeletionRulesReader()
    with capture_logs() as logs:
        for _ in range(3):
            read(reader, policy="delte", allow="soon")
        read(reader, policy="dlete")
    assert [one["value"] for one in logs] == ["delte", "soon", "dlete"]
