"""What was decided about a resource is kept, and never replaced by something older."""

import pytest

from device_registry.domain.model import DeviceId, Key, Kind
from device_registry.domain.reasons import Reason
from device_registry.ports import Registry
from tests.support.builders import ACME, an_outcome

DEVICE = Key(Kind.DEVICE, "acme", "freezer-7")
TEMPLATE = Key(Kind.TEMPLATE, "acme", "freezer-7")


def test_every_field_survives(registry: Registry) -> None:
    outcome = an_outcome(
        Reason.IDENTITY_CONFLICT,
        message='the id "x" belongs to … {a,b} NULL \\',
        wanted="x",
        revision=3,
        sequence=4,
        templates=("t1", "t2"),
        unused=('a"b (static)',),
    )
    with registry.transaction() as transaction:
        transaction.record([outcome])
    assert registry.outcomes([DEVICE, TEMPLATE]) == {DEVICE: outcome}


def test_kinds_of_the_same_name_are_apart(registry: Registry) -> None:
    outcomes = {key: an_outcome(key=key) for key in (DEVICE, TEMPLATE)}
    with registry.transaction() as transaction:
        transaction.record(list(outcomes.values()))
        assert transaction.outcomes([DEVICE, TEMPLATE]) == outcomes


@pytest.mark.parametrize(
    ("later", "taken"),
    [
        ({"generation": 6}, True),
        ({"generation": 5}, True),
        ({"generation": 4}, False),
        ({"generation": 1, "uid": "recreated"}, True),
    ],
)
def test_an_older_generation_never_replaces_a_newer_one(
    registry: Registry, later: dict[str, object], taken: bool
) -> None:
    first, second = an_outcome(generation=5), an_outcome(Reason.INVALID_SPEC, **later)
    with registry.transaction() as transaction:
        transaction.record([first])
        transaction.record([second])
    assert registry.outcomes([DEVICE]) == {DEVICE: second if taken else first}


def test_what_is_forgotten_is_gone(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.record([an_outcome()])
        transaction.forget([DEVICE, TEMPLATE])
    assert registry.outcomes([DEVICE]) == {}


def test_losers_are_found_by_the_id_that_they_wanted(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.record([an_outcome(Reason.IDENTITY_CONFLICT, wanted="b2", target="")])
        assert transaction.losers([(ACME, DeviceId("b2")), (ACME, DeviceId("c3"))]) == [DEVICE]
        assert transaction.losers([(ACME, DeviceId("c3"))]) == []
        assert transaction.losers([]) == []


def test_who_has_its_row_is_no_loser(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.record([an_outcome(Reason.IDENTITY_CONFLICT, wanted="b2")])
        transaction.record([an_outcome(wanted="")])
        assert transaction.losers([(ACME, DeviceId("b2")), (ACME, DeviceId(""))]) == []


def test_blocked_templates_are_found_by_their_id(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.record([an_outcome(Reason.IN_USE, key=TEMPLATE, target="12")])
        assert transaction.blocked([(ACME, 12), (ACME, 13)]) == [TEMPLATE]
        assert transaction.blocked([(ACME, 1)]) == []
        assert transaction.blocked([]) == []
