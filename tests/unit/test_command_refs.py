"""How rows are named on the command line."""

import pytest

from device_manager.refs import dependents_first, find
from device_registry.domain.errors import NotFound, Refused
from device_registry.domain.model import Kind, Tenant
from device_registry.registry.overview import UnclaimedRow


def a_row(kind: Kind = Kind.DEVICE, id: str = "12", tenant: str = "acme") -> UnclaimedRow:  # noqa: A002
    given = {"label": "", "namespace": "", "name": "", "since": None, "imported": False}
    return UnclaimedRow(kind=kind, tenant=Tenant(tenant), id=id, **given)  # type: ignore[arg-type]


ROWS = [a_row(Kind.TEMPLATE), a_row(), a_row(id="cafe"), a_row(id="cafe", tenant="other")]


@pytest.mark.parametrize(
    ("word", "kind"), [("12", Kind.DEVICE), ("device/12", Kind.DEVICE), ("Template/12", Kind.TEMPLATE)]
)
def test_a_bare_id_is_a_device_and_a_template_is_named_as_one(word: str, kind: Kind) -> None:
    assert find(word, ROWS).kind is kind


def test_an_id_of_several_tenants_asks_for_the_tenant() -> None:
    with pytest.raises(Refused, match=r"several tenants \(acme, other\); choose with --tenant"):
        find("cafe", ROWS)


@pytest.mark.parametrize("word", ["beef", "template/cafe", "pod/12"])
def test_what_is_not_there_is_named(word: str) -> None:
    with pytest.raises(NotFound, match=word):
        find(word, ROWS)


def test_devices_go_before_the_templates_that_they_use() -> None:
    assert [row.kind for row in dependents_first(ROWS)] == [Kind.DEVICE] * 3 + [Kind.TEMPLATE]
