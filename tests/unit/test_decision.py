"""Every answer that can be given about a declared device, from values alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from device_registry.domain.decision import (
    Facts,
    Keep,
    Release,
    Remove,
    Write,
    decide,
    forget,
    is_outdated,
    rerender,
)
from device_registry.domain.events import EventType
from device_registry.domain.model import (
    AdoptionPolicy,
    Declared,
    DeletionPolicy,
    DeviceId,
    DeviceRow,
    DeviceSpec,
    RegisteredTemplate,
    Tenant,
)
from device_registry.domain.reasons import Reason
from device_registry.domain.rules import Violation
from tests.support.builders import (
    NOON,
    a_claim,
    a_device,
    a_static,
    a_template,
    an_attribute,
    an_override,
    at,
    registered,
)

TEMPLATES = {"thermometer": registered(a_template())}


def facts(own: DeviceRow | None = None, row: DeviceRow | None = None, **more: Any) -> Facts:
    known = {"namespace": "acme", "templates": TEMPLATES, "wanted": DeviceId("a1b2c3"), "now": at(5)}
    return Facts(**{"own": own, "row": row, **known, **more})


def written(declared: Declared[DeviceSpec], known: Facts | None = None) -> Write:
    decision = decide(declared, known or facts())
    assert isinstance(decision, Write)
    return decision


def rendered_row(declared: Declared[DeviceSpec]) -> DeviceRow:
    return written(declared, facts(now=NOON)).row


def violated(decision: object) -> Violation:
    assert isinstance(decision, Violation)
    return decision


def test_a_new_device_is_created() -> None:
    decision = written(a_device(generation=3))
    row = decision.row
    assert decision.event is EventType.CREATE
    assert (row.id, row.revision, row.generation, row.created, row.updated) == ("a1b2c3", 1, 3, at(5), None)
    assert (row.claim, row.templates) == (a_device().claim, {1: 1})


def test_a_device_that_did_not_change_is_kept() -> None:
    row = rendered_row(a_device())
    assert decide(a_device(), facts(row, row)) == Keep(row=row)


def test_a_new_generation_with_the_same_document_is_written_without_an_event() -> None:
    row = rendered_row(a_device())
    decision = written(a_device(generation=2), facts(row, row))
    assert (decision.event, decision.row) == (None, replace(row, generation=2))


def test_another_document_is_an_update_at_a_new_revision_and_time() -> None:
    row = rendered_row(a_device())
    decision = written(a_device("freezer-7", an_override()), facts(row, row))
    assert decision.event is EventType.UPDATE
    assert (decision.row.revision, decision.row.updated, decision.row.created) == (2, at(5), NOON)
    assert '"updated":"2026-01-01T12:05:00.000000+00:00"' in decision.row.document.body


def test_an_older_generation_changes_nothing() -> None:
    row = rendered_row(a_device(generation=4))
    assert decide(a_device(generation=3, label="old"), facts(row, row)) == Keep(row=row)
    assert not is_outdated(a_device(generation=1, uid="recreated"), row)
    assert not is_outdated(a_device(generation=1), replace(row, unclaimed_since=NOON))


def test_a_recreated_resource_takes_its_row_back_in_silence() -> None:
    row = rendered_row(a_device())
    again = a_device(uid="recreated", created=at(9))
    decision = written(again, facts(row, row))
    assert (decision.event, decision.row.claim, decision.displaced) == (None, again.claim, None)
    left_behind = replace(row, unclaimed_since=at(1))
    decision = written(again, facts(left_behind, left_behind))
    assert (decision.event, decision.row.unclaimed_since) == (None, None)


@pytest.mark.parametrize("policy", AdoptionPolicy)
@pytest.mark.parametrize("label", ["freezer-7", "changed"])
@pytest.mark.parametrize("with_claim", [True, False])
def test_an_unclaimed_row_is_taken_as_the_policy_says(
    policy: AdoptionPolicy, label: str, with_claim: bool
) -> None:
    former = rendered_row(a_device())
    former = replace(former, unclaimed_since=at(1), claim=former.claim if with_claim else None)
    heir = a_device("heir", label=label, adoption_policy=policy)
    decision = decide(heir, facts(row=former))
    allowed = policy is AdoptionPolicy.ADOPT or (
        policy is AdoptionPolicy.IF_IDENTICAL and label == "freezer-7"
    )
    if allowed:
        assert isinstance(decision, Write)
        assert decision.event == (None if label == "freezer-7" else EventType.UPDATE)
        assert decision.row.claim == heir.claim
    else:
        assert violated(decision).reason is Reason.ALREADY_EXISTS
        assert "spec.adoptionPolicy" in violated(decision).message


def test_a_younger_claimant_is_refused_and_told_who_has_the_id() -> None:
    row = replace(rendered_row(a_device()), claim=a_claim("winner", minutes=0))
    violation = violated(decide(a_device("loser", created=at(1)), facts(row=row)))
    assert violation.reason is Reason.IDENTITY_CONFLICT
    assert '"a1b2c3"' in violation.message
    assert "acme/winner" in violation.message


def test_an_older_claimant_displaces_the_younger() -> None:
    younger = a_claim("younger", minutes=9)
    row = replace(rendered_row(a_device()), claim=younger)
    decision = written(a_device(created=at(1)), facts(row=row))
    assert (decision.displaced, decision.row.claim) == (younger, a_device(created=at(1)).claim)


def test_of_two_of_the_same_second_the_holder_stays() -> None:
    row = replace(rendered_row(a_device()), claim=a_claim("other", uid="b"))
    assert isinstance(decide(a_device(uid="c"), facts(row=row)), Violation)
    assert isinstance(decide(a_device(uid="a"), facts(row=row)), Violation)


def test_a_registered_device_keeps_its_id() -> None:
    own = rendered_row(a_device())
    violation = violated(decide(a_device(id="ffff"), facts(own, None, wanted=DeviceId("ffff"))))
    assert violation.reason is Reason.INVALID_SPEC
    assert violation.message.startswith("spec.deviceId")


def test_a_row_left_behind_does_not_hold_back_another_id() -> None:
    own = replace(rendered_row(a_device()), unclaimed_since=NOON)
    decision = written(a_device(id="ffff"), facts(own, None, wanted=DeviceId("ffff")))
    assert (decision.event, decision.row.id) == (EventType.CREATE, "ffff")


def test_another_namespace_of_the_tenant_is_refused() -> None:
    violation = violated(decide(a_device(), facts(namespace="first")))
    assert (violation.reason, '"first"' in violation.message) == (Reason.TENANT_CONFLICT, True)


def test_a_namespace_that_changes_its_tenant_is_refused_while_it_has_rows() -> None:
    own = rendered_row(a_device())
    violation = violated(decide(a_device(tenant=Tenant("new")), facts(own)))
    assert (violation.reason, '"acme"' in violation.message) == (Reason.TENANT_CONFLICT, True)


def test_a_missing_template_is_waited_for() -> None:
    violation = violated(decide(a_device(templates=["thermometer", "x"]), facts()))
    assert violation.reason is Reason.TEMPLATE_NOT_FOUND
    assert not violation.reason.stalled
    assert '1 template that the device names: "x"' in violation.message


@pytest.mark.parametrize(
    ("policy", "answer"), [(DeletionPolicy.DELETE, Remove), (DeletionPolicy.RETAIN, Release)]
)
def test_a_resource_that_goes_leaves_what_the_policy_says(policy: DeletionPolicy, answer: type) -> None:
    row = rendered_row(a_device())
    assert forget(row, policy) == answer(row=row)


# --- after a template changed -----------------------------------------------------------------------


def after(*attributes: Any, revision: int = 2) -> Mapping[str, RegisteredTemplate]:
    return {"thermometer": replace(registered(a_template("thermometer", *attributes)), revision=revision)}


def test_a_changed_template_is_an_update_that_does_not_move_the_time() -> None:
    decision = rerender(rendered_row(a_device()), after(an_attribute("new")))
    assert isinstance(decision, Write)
    assert decision.event is EventType.UPDATE
    assert (decision.row.revision, decision.row.updated, decision.row.templates) == (2, None, {1: 2})


def test_a_new_revision_with_the_same_document_is_only_noted() -> None:
    decision = rerender(rendered_row(a_device()), after(an_attribute(), a_static()))
    assert isinstance(decision, Write)
    assert (decision.event, decision.row.revision, decision.row.templates) == (None, 1, {1: 2})


def test_a_template_edit_that_clashes_with_another_template_is_refused() -> None:
    both = a_device(templates=["thermometer", "second"])
    second = registered(a_template("second", an_attribute("x")), 2, first=9)
    row = written(both, facts(templates={**TEMPLATES, "second": second})).row
    clash = registered(a_template("second", an_attribute()), 2, first=9)
    violation = violated(rerender(row, {**TEMPLATES, "second": clash}))
    assert violation.reason is Reason.ATTRIBUTE_CONFLICT
    assert all(word in violation.message for word in ('"thermometer"', '"second"', '"temperature"'))
