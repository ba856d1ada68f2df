"""The chart on a real API server: its pods run as they say, with the rights that it gives and no others."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.e2e.conftest import fleet, namespace, shared_namespace
from tests.e2e.test_deletion import test_our_finalizer_comes_back_when_somebody_takes_it_off
from tests.e2e.test_keys_of_secrets import (
    home,
    test_devices_follow_a_labelled_secret_that_several_refer_to,
)
from tests.e2e.test_pause import test_only_transitions_are_told_and_describe_shows_them
from tests.e2e.test_road import (
    test_a_deletion_is_exactly_one_remove_and_row_and_object_are_gone,
    test_a_device_before_its_template_waits_and_is_ready_within_two_seconds_of_its_arrival,
    test_an_edit_of_a_template_updates_each_of_its_devices_once,
    test_applying_the_fleet_again_writes_nothing_anywhere,
    test_restarting_the_operator_over_a_settled_fleet_writes_nothing_anywhere,
)
from tests.e2e.test_tenants import (
    test_an_annotation_goes_before_a_name_and_the_loser_comes_back_when_it_is_gone,
)

if TYPE_CHECKING:
    from tests.support.dockerfile import Image
    from tests.support.installation import Installation

__all__ = [
    "fleet",
    "home",
    "namespace",
    "shared_namespace",
    "test_a_deletion_is_exactly_one_remove_and_row_and_object_are_gone",
    "test_a_device_before_its_template_waits_and_is_ready_within_two_seconds_of_its_arrival",
    "test_an_annotation_goes_before_a_name_and_the_loser_comes_back_when_it_is_gone",
    "test_an_edit_of_a_template_updates_each_of_its_devices_once",
    "test_applying_the_fleet_again_writes_nothing_anywhere",
    "test_devices_follow_a_labelled_secret_that_several_refer_to",
    "test_only_transitions_are_told_and_describe_shows_them",
    "test_our_finalizer_comes_back_when_somebody_takes_it_off",
    "test_restarting_the_operator_over_a_settled_fleet_writes_nothing_anywhere",
]
"""Those end-to-end tests that together need every right of the operator."""

pytestmark = pytest.mark.usefixtures("evidence")

PROGRAMS = ("operator", "facade", "monitor")


def test_when_helm_has_waited_every_program_is_ready(installed: Installation) -> None:
    for program in PROGRAMS:
        found = installed.kubectl.get("deployment", installed.named(program), installed.namespace)
        assert found["status"]["readyReplicas"] == found["spec"]["replicas"]


def test_the_journey_of_helm_test_succeeds(installed: Installation) -> None:
    log = installed.journey()
    assert "Kafka has the event" in log
    assert "shows it" in log
    assert "Everything works." in log


def test_installing_again_changes_nothing(installed: Installation) -> None:
    before = everything(installed)
    installed.install()
    assert everything(installed) == before


def test_the_programs_run_as_a_user_without_rights(installed: Installation, image: Image) -> None:
    for program in PROGRAMS:
        for pod in installed.kubelet.of(program):
            assert pod.pid is not None
            assert set(psutil.Process(pod.pid).uids()) == {image.runs_as(image.user) or os.getuid()}


def test_the_programs_can_write_nowhere_and_gain_no_rights(installed: Installation) -> None:
    for program in PROGRAMS:
        for pod in installed.kubelet.of(program):
            status = Path(f"/proc/{pod.pid}/status").read_text().split()
            assert status[status.index("NoNewPrivs:") + 1] == "1"
            assert status[status.index("CapEff:") + 1] in {"0" * 16, *([] if os.getuid() == 0 else status)}


def test_no_pod_was_restarted(installed: Installation) -> None:
    pods = installed.kubectl.list("pods", installed.namespace)
    restarts = {
        one["metadata"]["name"]: one["status"]["containerStatuses"][0]["restartCount"] for one in pods
    }
    assert set(restarts.values()) == {0}, restarts


@pytest.mark.parametrize(
    ("program", "question"),
    [
        (program, question)
        for program in PROGRAMS
        for question in (
            "create pods",
            "update secrets",
            "delete secrets",
            "create clusterroles.rbac.authorization.k8s.io",
            "patch namespaces",
            "delete namespaces",
            "patch customresourcedefinitions.apiextensions.k8s.io",
            "delete leases.coordination.k8s.io",
            "impersonate users",
            "escalate clusterroles.rbac.authorization.k8s.io",
        )
    ]
    + [
        ("operator", "create secrets"),
        ("operator", "patch secrets"),
        ("operator", "create devices.dojot.io"),
        ("operator", "delete devices.dojot.io"),
        ("operator", "update devices.dojot.io"),
        ("operator", "get customresourcedefinitions.apiextensions.k8s.io/pods.example.com"),
        ("operator", "get leases.coordination.k8s.io/another"),
        ("facade", "patch devices.dojot.io --subresource=status"),
        ("facade", "list secrets"),
        ("facade", "watch devices.dojot.io"),
        ("facade", "create namespaces"),
        ("facade", "get leases.coordination.k8s.io"),
        ("monitor", "get secrets"),
        ("monitor", "get devices.dojot.io"),
        ("monitor", "get namespaces"),
    ],
)
def test_what_a_program_does_not_need_is_denied(installed: Installation, program: str, question: str) -> None:
    assert not installed.can(program, *question.split(), "--all-namespaces")


@pytest.mark.parametrize(
    ("program", "question"),
    [
        ("operator", "watch devices.dojot.io"),
        ("operator", "watch secrets"),
        ("operator", "patch templates.dojot.io --subresource=status"),
        ("facade", "create devices.dojot.io"),
    ],
)
def test_what_a_program_needs_is_allowed(installed: Installation, program: str, question: str) -> None:
    assert installed.can(program, *question.split(), "--all-namespaces")


@pytest.mark.parametrize(
    ("role", "allowed", "denied"),
    [
        ("view", ["get", "list", "watch"], ["create", "patch", "delete"]),
        ("edit", ["get", "create", "update", "patch", "delete", "deletecollection"], []),
        ("admin", ["get", "create", "update", "patch", "delete", "deletecollection"], []),
    ],
)
def test_people_with_a_role_of_the_cluster_have_it_for_devices(
    installed: Installation, shared_namespace: str, role: str, allowed: list[str], denied: list[str]
) -> None:
    installed.kubectl.run(
        "create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", "-n", shared_namespace
    )
    for verb in [*allowed, *denied]:
        question = ("auth", "can-i", verb, "devices.dojot.io", "-n", shared_namespace, f"--as={role}")
        assert (installed.kubectl.answers(*question) == "yes") is (verb in allowed)


def test_a_program_is_given_the_secrets_that_it_needs_and_no_others(installed: Installation) -> None:
    given = {program: secret_variables(installed, program) for program in PROGRAMS}
    assert "DEV_MNGR_CRYPTO_PASS" not in given["monitor"]
    assert given["operator"] == {"DBPASS", "DEV_MNGR_CRYPTO_PASS", "DEV_MNGR_CRYPTO_SALT"}
    assert not [one for one in given["facade"] if one.startswith("KAFKA")]


def secret_variables(installed: Installation, program: str) -> set[str]:
    """The variables of a program that come from Secrets."""
    found = installed.kubectl.get("deployment", installed.named(program), installed.namespace)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return {one["name"] for one in container["env"] if "secretKeyRef" in one.get("valueFrom", {})}


def everything(installed: Installation) -> dict[str, Any]:
    """Every object of the release with its version, and the pods that run."""
    kinds = (
        "deployments,jobs,pods,services,configmaps,secrets,serviceaccounts,poddisruptionbudgets,roles,"
        "rolebindings,clusterroles,clusterrolebindings,customresourcedefinitions,"
        "mutatingadmissionpolicies,mutatingadmissionpolicybindings"
    )
    label = f"app.kubernetes.io/instance={installed.release},app.kubernetes.io/component!=test"
    text = installed.kubectl.run("get", kinds, "--all-namespaces", "-l", label, "-o", "json")
    return {
        f"{one['kind']} {one['metadata']['name']}": one["metadata"]["resourceVersion"]
        for one in json.loads(text)["items"]
    }
