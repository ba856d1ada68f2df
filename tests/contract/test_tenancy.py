"""One tenant is one namespace, and a namespace with rows keeps its tenant."""

from dataclasses import replace
from typing import Any

import pytest

from device_registry.domain.model import Declared, Key, Kind, Tenant, TenantClaim
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.ports import Registry
from tests.support.builders import ACME, a_device, again, at
from tests.support.story import Story

NEW = Tenant("new")


def of(
    namespace: str, name: str = "freezer-7", *, explicit: bool = False, minutes: float = 0, tenant: str = ACME
) -> Declared[Any]:
    """A device without templates, in a namespace that was created so many minutes after noon."""
    claim = TenantClaim(namespace=namespace, explicit=explicit, since=at(minutes))
    device = a_device(name, namespace=namespace, templates=(), tenant=Tenant(tenant))
    return replace(device, tenant_claim=claim)


def reasons(outcomes: list[Outcome]) -> list[str]:
    return [outcome.reason.value for outcome in outcomes]


def noted(registry: Registry, tenant: Tenant = ACME) -> TenantClaim | None:
    with registry.transaction() as transaction:
        return transaction.tenant_claim(tenant)


def test_who_stands_is_noted_with_the_right_by_which_it_stands(story: Story, registry: Registry) -> None:
    story.apply(of("acme", explicit=True, minutes=3))
    assert noted(registry) == TenantClaim(namespace="acme", explicit=True, since=at(3))


def test_a_bound_namespace_goes_before_one_of_the_same_name_and_the_latter_hears_of_it(story: Story) -> None:
    story.apply(of("acme"))
    (bound,) = story.results(of("cold", explicit=True, minutes=9))
    assert bound.outcome.registered
    assert bound.wake == (Key(Kind.DEVICE, "acme", "freezer-7"),)
    (refused,) = story.apply(of("acme"))
    assert refused.reason is Reason.TENANT_CONFLICT
    assert '"cold"' in refused.message
    assert refused.target, "its row stays"


def test_the_older_of_two_bound_namespaces_stands_whoever_comes_first(story: Story) -> None:
    assert reasons(story.apply(of("b", explicit=True, minutes=2))) == ["Registered"]
    assert reasons(story.apply(of("c", explicit=True, minutes=3))) == ["TenantConflict"]
    assert reasons(story.apply(of("a", explicit=True, minutes=1))) == ["Registered"]
    assert reasons(story.apply(of("b", explicit=True, minutes=2))) == ["TenantConflict"]


def test_of_two_namespaces_in_one_batch_the_same_one_stands_as_one_after_the_other(story: Story) -> None:
    batch = story.apply(of("b", explicit=True), of("a", explicit=True))
    assert reasons(batch) == ["TenantConflict", "Registered"]


def test_a_namespace_that_changes_its_tenant_while_it_has_rows_registers_nothing(story: Story) -> None:
    story.apply(of("acme"))
    moved = [of("acme", name, tenant="new", explicit=True) for name in ("freezer-7", "another")]
    outcomes = story.apply(*moved)
    assert reasons(outcomes) == ["TenantConflict"] * 2
    assert all('"acme"' in one.message and '"new"' in one.message for one in outcomes)
    assert reasons(story.apply(of("acme"), of("acme", "another"))) == ["Registered"] * 2


def test_a_changed_tenant_is_accepted_once_the_rows_are_gone(story: Story, registry: Registry) -> None:
    story.apply(of("acme"))
    story.delete(of("acme"))
    assert reasons(story.apply(again(of("acme", tenant="new", explicit=True)))) == ["Registered"]
    assert noted(registry) is None, "nobody stands for the old one"
    assert reasons(story.apply(again(of("other", explicit=True)))) == ["Registered"]


def test_a_namespace_that_was_refused_does_not_stand_for_the_tenant_that_it_wanted(
    story: Story, registry: Registry
) -> None:
    story.apply(of("acme"))
    story.apply(of("acme", tenant="new", explicit=True))
    assert noted(registry, NEW) is None


def test_a_note_is_corrected_only_when_no_row_speaks_against_it(story: Story, registry: Registry) -> None:
    story.apply(of("acme"))
    held = noted(registry)
    assert held
    assert not story.reconciler.correct_tenant(ACME, held, held)
    assert not story.reconciler.correct_tenant(ACME, held, None), "rows are claimed from there"
    story.delete(of("acme"))
    assert story.reconciler.correct_tenant(ACME, held, None)
    assert noted(registry) is None
    assert not story.reconciler.correct_tenant(ACME, held, None), "somebody else was faster"


def test_a_holder_that_lost_its_annotation_is_noted_as_what_it_is(story: Story, registry: Registry) -> None:
    story.apply(of("acme", explicit=True))
    held = noted(registry)
    assert held
    assert story.reconciler.correct_tenant(ACME, held, replace(held, explicit=False))
    assert reasons(story.apply(of("cold", explicit=True, minutes=9))) == ["Registered"]


@pytest.mark.parametrize("name", ["freezer-7", "other"])
def test_two_tenants_have_the_same_device_ids_side_by_side(story: Story, name: str) -> None:
    here = replace(of("acme"), spec=replace(of("acme").spec, device_id="abcd"))
    there = replace(of("new", name, tenant="new"), spec=here.spec)
    assert [one.target for one in story.apply(here, there)] == ["abcd"] * 2


def test_bound_namespaces_are_listed_with_their_tenants(story: Story, registry: Registry) -> None:
    story.apply(of("acme"), of("elsewhere", tenant="new"))
    bound = registry.bound_namespaces()
    assert (bound["acme"], bound["elsewhere"]) == (ACME, NEW)
