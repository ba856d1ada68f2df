"""Ids that devices get without asking are stable, shaped as dojot's, and probe when taken."""

import re

from hypothesis import given
from hypothesis import strategies as st

from device_registry.domain.identity import PROBES, candidates, choose


def test_the_same_names_always_give_the_same_id() -> None:
    assert choose("acme", "freezer-7", ()) == "acd738"
    assert list(candidates("acme", "freezer-7")) == list(candidates("acme", "freezer-7"))


@given(st.text(), st.text())
def test_every_candidate_is_six_hexadecimal_digits(namespace: str, name: str) -> None:
    found = list(candidates(namespace, name))
    assert len(found) == PROBES
    assert all(re.fullmatch("[0-9a-f]{6}", one) for one in found)


def test_names_are_not_glued_together() -> None:
    assert choose("a", "bc", ()) != choose("ab", "c", ())


def test_a_taken_candidate_is_passed_by() -> None:
    first, second, *_ = candidates("acme", "freezer-7")
    assert choose("acme", "freezer-7", {first}) == second


def test_when_all_are_taken_there_is_none() -> None:
    assert choose("acme", "freezer-7", set(candidates("acme", "freezer-7"))) is None
