"""`device-manager status`: what is counted, and how it is told when a half is missing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from device_manager.actions.status import Fleet, Records, report_of, sentences, show
from device_manager.scope import scope_of
from device_registry.domain.model import Tenant
from device_registry.registry.overview import Leader, TenantFigures, Waiting

EVERYTHING = scope_of(None, None)


def an_object(
    kind: str = "Device", *, generation: int = 1, observed: int = 1, **conditions: str
) -> dict[str, Any]:
    """An object with conditions, `Type="Status"` or `Type="Status Reason"`."""
    told = [
        {"type": name, "status": text.split()[0], "reason": text.split()[-1], "message": ""}
        for name, text in conditions.items()
    ]
    status = {"observedGeneration": observed, "conditions": told} if told else {}
    return {"kind": kind, "metadata": {"generation": generation}, "status": status}


def a_fleet(*objects: dict[str, Any]) -> Fleet:
    fleet = Fleet()
    for one in objects:
        fleet.add(one)
    return fleet


def figures(tenant: str = "acme", namespace: str = "acme", **more: int) -> TenantFigures:
    counted = {"devices": 0, "unclaimed_devices": 0, "templates": 0, "unclaimed_templates": 0, **more}
    return TenantFigures(tenant=Tenant(tenant), namespace=namespace, **counted)


def records(*tenants: TenantFigures, waiting: tuple[Waiting, ...] = ()) -> Records:
    leader = Leader(holder="pod-1", epoch=3, since=datetime(2026, 1, 1, tzinfo=UTC))
    return Records(tenants=tenants, waiting=waiting, leader=leader)


def test_objects_are_counted_by_where_they_stand() -> None:
    fleet = a_fleet(
        an_object("Template", Ready="True Registered"),
        an_object(Ready="True Registered", Published="True"),
        an_object(Ready="True Registered", Published="False Pending"),
        an_object(Ready="False TemplateNotFound"),
        an_object(Ready="False IdentityConflict"),
    )
    assert (fleet.templates, fleet.devices, fleet.ready, fleet.unpublished) == (1, 4, 2, 1)
    assert fleet.reasons == {"TemplateNotFound": 1, "IdentityConflict": 1}


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (an_object(), "Pending"),
        (an_object(generation=2, Ready="True Registered"), "Pending"),
        (an_object(Ready="Unknown Paused", Paused="True Paused", observed=0), "Paused"),
    ],
)
def test_what_nobody_has_looked_at_is_not_ready(obj: dict[str, Any], reason: str) -> None:
    assert a_fleet(obj).reasons == {reason: 1}


def test_a_namespace_is_shown_with_its_tenant_and_the_rows_that_nobody_claims() -> None:
    fleets = {"ns": a_fleet(an_object(Ready="True Registered", Published="True"))}
    report = report_of(
        EVERYTHING, fleets, {"ns": Tenant("acme")}, records(figures(devices=3, unclaimed_devices=2))
    )
    (line,) = report["namespaces"]
    assert (line["namespace"], line["tenant"], line["devices"], line["unclaimed"]) == ("ns", "acme", 1, 2)
    assert report["leader"] == {"holder": "pod-1", "epoch": 3, "since": "2026-01-01T00:00:00+00:00"}


def test_a_tenant_with_rows_and_without_resources_is_shown_and_an_empty_one_is_not() -> None:
    known = records(figures("left", "", templates=1, unclaimed_templates=1), figures("empty"))
    report = report_of(EVERYTHING, {}, {}, known)
    (line,) = report["namespaces"]
    assert (line["tenant"], line["devices"], line["unclaimed"]) == ("left", 0, 1)


def test_a_scope_leaves_other_tenants_out() -> None:
    known = records(figures("one", "one", devices=1), figures("two", "two", devices=1))
    report = report_of(scope_of(["two"], None), {}, {}, known)
    assert [line["tenant"] for line in report["namespaces"]] == ["two"]


def test_without_the_registry_its_figures_are_unknown() -> None:
    report = report_of(EVERYTHING, {"ns": a_fleet(an_object())}, {"ns": Tenant("ns")}, None)
    (line,) = report["namespaces"]
    assert (line["devices"], line["unclaimed"], report["outbox"]) == (1, None, None)


def test_without_the_cluster_the_registry_is_shown() -> None:
    report = report_of(EVERYTHING, None, {}, records(figures(devices=3)))
    (line,) = report["namespaces"]
    assert (line["devices"], line["rows"]["devices"]) == (None, 3)


def test_outbox_and_leader_are_told_in_sentences() -> None:
    waiting = (
        Waiting(tenant=Tenant("one"), waiting=3, quarantined=0, age=65.2),
        Waiting(tenant=Tenant("two"), waiting=0, quarantined=2, age=0),
    )
    report = report_of(EVERYTHING, {}, {}, records(waiting=waiting))
    assert report["outbox"]["tenants"] == {"one": 3}
    assert sentences(report, datetime(2026, 1, 2, 1, tzinfo=UTC)) == [
        "Outbox: 3 waiting, the oldest for 1 min 5 s; 2 in quarantine, see device-manager quarantine list.",
        "Leader: pod-1, epoch 3, for 1 d 1 h.",
    ]


def test_a_registry_that_nobody_has_led_says_so() -> None:
    report = report_of(EVERYTHING, {}, {}, Records(tenants=(), waiting=(), leader=None))
    assert sentences(report, datetime.now(UTC)) == [
        "Outbox: nothing waits.",
        "Leader: no operator has led yet.",
    ]


@pytest.mark.parametrize(("whole", "told"), [(True, "No device and no template is there.\n"), (False, "")])
def test_nothing_is_said_to_be_there_only_by_who_could_look(
    whole: bool, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(report_of(EVERYTHING, None, {}, None), whole=whole)
    assert capsys.readouterr().out == told
