"""Each alert fires when it should, on Prometheus' own tool, and none on a healthy installation."""

import re
from pathlib import Path

import pytest

from tests.support.alerts import ALERTS, Series, all_silent, check, firing, rules
from tests.support.metering import exported_names, metrics_in

PROJECT = ALERTS.parents[3]
RULES = {rule.name: rule for rule in rules()}

LEADER = {
    'device_manager_leader{namespace="iot",instance="a"}': "1x200",
    'device_manager_leader{namespace="iot",instance="b"}': "0x200",
}
WELL: Series = {
    **LEADER,
    'device_manager_leader_epoch{namespace="iot",instance="a"}': "7x200",
    'device_manager_registry_available{namespace="iot",instance="a"}': "1x200",
    'device_manager_registry_available{namespace="iot",instance="b"}': "1x200",
    'device_manager_cluster_available{namespace="iot",instance="a"}': "1x200",
    'device_manager_broker_available{namespace="iot",instance="a"}': "1x200",
    'device_manager_broker_available{namespace="iot",instance="b"}': "0x200",
    'device_manager_queue_oldest_age_seconds{namespace="iot",instance="a"}': "0x200",
    'device_manager_in_hand_oldest_age_seconds{namespace="iot",instance="a"}': "0x200",
    'device_manager_not_ready_oldest_age_seconds{namespace="iot",kind="Device",reason="New"}': "5x200",
    'device_manager_outbox_oldest_age_seconds{namespace="iot",instance="a"}': "0 3x200",
    'device_manager_outbox_quarantined{namespace="iot",instance="a"}': "0x200",
    'device_manager_deletions_held{namespace="iot",instance="a"}': "0x200",
    'device_manager_tenant_conflicts{namespace="iot",instance="a"}': "0x200",
    'device_manager_paused{namespace="iot",what="operator"}': "0x200",
    'device_manager_api_requests_total{namespace="iot",status="200"}': "0+600x200",
    'device_manager_api_requests_total{namespace="iot",status="503"}': "0+1x200",
    'device_manager_api_request_seconds_bucket{namespace="iot",method="GET",le="0.05"}': "0+600x200",
    'device_manager_api_request_seconds_bucket{namespace="iot",method="GET",le="+Inf"}': "0+600x200",
    'device_manager_api_writes_total{namespace="iot",result="Registered"}': "0+60x200",
    'device_manager_api_operator_at_work{namespace="iot"}': "1x200",
    'device_manager_api_registry_available{namespace="iot"}': "1x200",
    'device_manager_api_row_security{namespace="iot"}': "1x200",
    'device_manager_time_to_ready_seconds_bucket{namespace="iot",le="1"}': "0+9x200",
    'device_manager_time_to_ready_seconds_bucket{namespace="iot",le="+Inf"}': "0+9x200",
    'device_manager_monitor_read_age_seconds{namespace="iot"}': "1x200",
    'device_manager_monitor_dependency_available{namespace="iot",dependency="redis"}': "1x200",
    'device_manager_sweep_last_success_timestamp_seconds{namespace="iot"}': "0+60x200",
    'device_manager_status_writes_total{namespace="iot",code="200"}': "0+60x200",
    'device_manager_status_writes_total{namespace="iot",code="409"}': "0+9x200",
    'device_manager_crd_fields_missing{namespace="iot"}': "0x200",
    'device_manager_registry_seconds_bucket{namespace="iot",le="0.005"}': "0+12x200",
    'device_manager_registry_seconds_bucket{namespace="iot",le="+Inf"}': "0+12x200",
    'device_manager_reconcile_total{namespace="iot",result="Registered"}': "0+60x200",
}


def slow(name: str, labels: str, bound: str) -> Series:
    """A histogram whose observations all lie above a bound."""
    inside = ",".join(part for part in ('namespace="iot"', labels) if part)
    return {
        f'{name}_bucket{{{inside},le="{bound}"}}': "0x200",
        f'{name}_bucket{{{inside},le="+Inf"}}': "0+60x200",
    }


TROUBLE: dict[str, Series] = {
    "DeviceManagerAbsent": {"up": "0x200"},
    "DeviceManagerNoLeader": {'device_manager_leader{namespace="iot",instance="a"}': "0x200"},
    "DeviceManagerSeveralLeaders": {
        'device_manager_leader{namespace="iot",instance="a"}': "1x200",
        'device_manager_leader{namespace="iot",instance="b"}': "1x200",
    },
    "DeviceManagerRegistryAway": {'device_manager_registry_available{namespace="iot"}': "0x200"},
    "DeviceManagerApiServerAway": {'device_manager_cluster_available{namespace="iot"}': "0x200"},
    "DeviceManagerBrokerAway": LEADER
    | {'device_manager_broker_available{namespace="iot",instance="a"}': "0x200"},
    "DeviceManagerFacadeBlind": {'device_manager_api_operator_at_work{namespace="iot"}': "0x200"},
    "DeviceManagerMonitorWaits": {
        'device_manager_monitor_dependency_available{namespace="iot",dependency="redis"}': "0x200"
    },
    "DeviceManagerNotReady": {
        'device_manager_not_ready_oldest_age_seconds{namespace="iot",kind="Device",reason="New"}': "0+60x200"
    },
    "DeviceManagerQueueStuck": {
        'device_manager_queue_oldest_age_seconds{namespace="iot"}': "0+60x200",
        'device_manager_registry_available{namespace="iot"}': "1x200",
    },
    "DeviceManagerWorkerStuck": {
        'device_manager_in_hand_oldest_age_seconds{namespace="iot"}': "0+60x200",
        'device_manager_registry_available{namespace="iot"}': "1x200",
    },
    "DeviceManagerEventsLate": {'device_manager_outbox_oldest_age_seconds{namespace="iot"}': "0+60x200"},
    "DeviceManagerQuarantine": {'device_manager_outbox_quarantined{namespace="iot"}': "1x200"},
    "DeviceManagerDeletionsHeld": {'device_manager_deletions_held{namespace="iot"}': "40x200"},
    "DeviceManagerTenantConflict": {'device_manager_tenant_conflicts{namespace="iot"}': "3x200"},
    "DeviceManagerPaused": {'device_manager_paused{namespace="iot",what="operator"}': "1x200"},
    "DeviceManagerApiErrors": {
        'device_manager_api_requests_total{namespace="iot",status="200"}': "0+600x200",
        'device_manager_api_requests_total{namespace="iot",status="503"}': "0+60x200",
    },
    "DeviceManagerApiSlow": slow("device_manager_api_request_seconds", 'method="GET"', "2.5"),
    "DeviceManagerWritesPending": {
        'device_manager_api_writes_total{namespace="iot",result="Registered"}': "0+6x200",
        'device_manager_api_writes_total{namespace="iot",result="Pending"}': "0+6x200",
    },
    "DeviceManagerSlowToReady": slow("device_manager_time_to_ready_seconds", "", "120"),
    "DeviceManagerPresenceLate": {'device_manager_monitor_read_age_seconds{namespace="iot"}': "0+30x200"},
    "DeviceManagerDrift": {'device_manager_drift_repaired_total{namespace="iot"}': "0+1x200"},
    "DeviceManagerResourcesVanished": {
        'device_manager_sweep_differences_total{namespace="iot",difference="Absent"}': "0x80 12x120"
    },
    "DeviceManagerSweepOverdue": {
        'device_manager_sweep_last_success_timestamp_seconds{namespace="iot"}': "600x200"
    },
    "DeviceManagerStatusWritesFail": {
        'device_manager_status_writes_total{namespace="iot",code="403"}': "0+6x200"
    },
    "DeviceManagerCrdsOutdated": {'device_manager_crd_fields_missing{namespace="iot"}': "2x200"},
    "DeviceManagerRegistrySlow": slow("device_manager_registry_seconds", "", "1"),
    "DeviceManagerLeadMoves": {'device_manager_leader_epoch{namespace="iot"}': "0+0.2x200"},
    "DeviceManagerBug": {'device_manager_reconcile_total{namespace="iot",result="KeyError"}': "0x80 2x120"},
    "DeviceManagerTenantsNotIsolated": {'device_manager_api_row_security{namespace="iot"}': "0x200"},
}
AFTER = "90m"
"""Longer than any alert waits."""


def test_prometheus_takes_the_rules_and_has_nothing_to_say_against_them() -> None:
    check()


def test_no_alert_fires_on_a_healthy_installation(tmp_path: Path) -> None:
    assert all_silent(WELL, AFTER, tmp_path)


@pytest.mark.parametrize("name", RULES)
def test_an_alert_fires_in_its_trouble(name: str, tmp_path: Path) -> None:
    assert firing(TROUBLE[name], AFTER, [name], tmp_path) == {name: True}


@pytest.mark.parametrize("name", RULES)
def test_an_alert_asks_for_metrics_that_the_programs_export(name: str) -> None:
    asked = metrics_in(RULES[name].expression)
    assert asked
    assert asked <= exported_names()


@pytest.mark.parametrize("name", RULES)
def test_an_alert_has_a_section_in_the_runbooks(name: str) -> None:
    page, _, anchor = RULES[name].annotations["runbook_url"].partition("#")
    headings = re.findall(r"^## (.+)$", (PROJECT / page).read_text(), re.MULTILINE)
    assert anchor == name.lower()
    assert name in headings


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_how_bad_it_is_and_what_it_means(name: str) -> None:
    assert RULES[name].labels["severity"] in {"critical", "warning", "info"}
    assert {"summary", "description"} <= RULES[name].annotations.keys()
