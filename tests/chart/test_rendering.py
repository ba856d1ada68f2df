"""What Helm makes of the chart without a cluster: the same in Helm 3 and 4, nothing of misspelt values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from device_registry.crypto import former_passwords
from device_registry.domain.model import Kind
from device_registry.manifests import missing_fields
from device_registry.settings import Settings
from tests.support import chartcases, chartvalues
from tests.support.chartfiles import FILES, ROOT
from tests.support.chartobjects import component, containers, pod_spec, ports, variables
from tests.support.helm import CHART, Helm, HelmError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


GATEWAY = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}
"""Who may call the facade where everything is on."""


@pytest.mark.parametrize("case", chartcases.CASES)
def test_the_chart_renders_as_it_did_when_somebody_last_looked(helm4: Helm, case: str) -> None:
    kept = (chartcases.SNAPSHOTS / f"{case}.yaml").read_text()
    assert chartcases.snapshot(chartcases.rendered(helm4, case)) == kept, "run `make snapshots` and look"


@pytest.mark.parametrize("case", chartcases.CASES)
def test_helm_3_renders_what_helm_4_renders(helm3: Helm, helm4: Helm, case: str) -> None:
    assert chartcases.rendered(helm3, case) == chartcases.rendered(helm4, case)


@pytest.mark.parametrize("case", chartcases.CASES)
def test_lint_has_nothing_to_complain_about(helm4: Helm, case: str) -> None:
    text = helm4.run("lint", str(CHART), "--strict", "--values", str(CHART / "ci" / f"{case}-values.yaml"))
    assert "0 chart(s) failed" in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_made_from_other_files_is_up_to_date(path: Path) -> None:
    assert path.read_text() == FILES[path](), "run `make docs`"


@pytest.mark.parametrize("plural", ["devices", "templates"])
def test_the_crds_are_those_of_the_project_and_survive_the_release(helm4: Helm, plural: str) -> None:
    (crd,) = [one for one in helm4.template() if one["metadata"]["name"] == f"{plural}.dojot.io"]
    source = yaml.safe_load((ROOT / "crds" / f"{plural}.yaml").read_text())
    assert crd["spec"] == source["spec"]
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    kind = Kind.DEVICE if plural == "devices" else Kind.TEMPLATE
    assert list(missing_fields(kind, crd)) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"databse": {}}, "databse"),
        ({"database": {"hots": "x"}}, "hots"),
        ({"operator": {"replica": 2}}, "replica"),
        ({"facade": {"service": {"ports": 1}}}, "ports"),
        ({"settings": {"WROKERS": 1}}, "WROKERS"),
        ({"settings": {"METRICS_PORT": 1}}, "METRICS_PORT"),
        ({"settings": {"DBPASS": "x"}}, "DBPASS"),
        ({"operator": {"settings": {"KAFKA_HOST": "x"}}}, "KAFKA_HOST"),
        ({"facade": {"settings": {"DELETION_BUDGET_WINDOW_SECONDS": 60}}}, "DELETION_BUDGET_WINDOW_SECONDS"),
        ({"kafka": {"protocol": "TLS"}}, "protocol"),
        ({"kafka": {"hosts": []}}, "hosts"),
        ({"database": {"port": "5432"}}, "port"),
        ({"database": {"port": 70_000}}, "port"),
        ({"image": {"digest": "sha256:short"}}, "digest"),
        ({"tenants": {"namespaces": "all"}}, "namespaces"),
        ({"watchNamespaces": ["Upper"]}, "watchNamespaces"),
        ({"encryption": {"iv": "short"}}, "iv"),
        ({"encryption": {"former": [{"password": "x"}]}}, "password"),
        ({"metrics": {"prometheusRule": {"runbookUrl": "docs/runbooks.md"}}}, "runbookUrl"),
        ({"operator": {"resources": {"limit": {}}}}, "limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("major", [3, 4])
def test_a_misspelt_or_impossible_value_is_refused_by_name(
    request: pytest.FixtureRequest, major: int, values: Mapping[str, Any], told: str
) -> None:
    helm: Helm = request.getfixturevalue(f"helm{major}")
    with pytest.raises(HelmError, match=told):
        helm.template(values)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"operator": {"replicas": 2, "leaderElection": False}}, "operator.replicas must be 1"),
        ({"operator": {"serviceAccount": {"create": False}}}, "operator.serviceAccount.name is needed"),
        ({"facade": {"ingress": {"enabled": True}}}, "facade.ingress.hosts must name a host"),
        (
            {"metrics": {"renderMode": "failIfMissing", "podMonitor": {"enabled": True}}},
            "the cluster knows no PodMonitor",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_that_contradict_each_other_are_refused_with_a_reason(
    helm4: Helm, values: Mapping[str, Any], told: str
) -> None:
    with pytest.raises(HelmError, match=told):
        helm4.template(values)


def test_every_value_is_documented_and_nothing_else() -> None:
    described = [one.path for one in chartvalues.documented()]
    assert len(described) == len(set(described))
    undocumented = [
        path for path in leaves(chartvalues.values()) if not any(path.startswith(one) for one in described)
    ]
    assert undocumented == []


def test_a_chart_that_includes_this_one_may_switch_it_and_share_globals(helm4: Helm) -> None:
    assert helm4.template({"enabled": True, "global": {"domain": "example.com"}})


def test_every_variable_of_the_programs_can_be_set(everything: list[dict[str, Any]]) -> None:
    settable = variables(everything) & set(Settings.model_fields)
    fixed = {"LEADER_ELECTION", "LEASE_NAME", "LEASE_NAMESPACE"} - set(Settings.model_fields)
    assert settable >= chartvalues.OWN_VALUES - fixed
    secrets = {name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}
    assert secrets <= variables(everything)


def test_selectors_name_nothing_that_a_new_version_changes(everything: list[dict[str, Any]]) -> None:
    for one in everything:
        if one["kind"] == "Deployment":
            assert set(one["spec"]["selector"]["matchLabels"]) == {
                "app.kubernetes.io/name",
                "app.kubernetes.io/instance",
                "app.kubernetes.io/component",
            }


def test_an_image_is_taken_by_its_digest_from_the_mirror(everything: list[dict[str, Any]]) -> None:
    digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    images = {one["image"] for one in containers(everything) if one["name"] != "beside"}
    assert images == {f"mirror.example.com/device-manager@{digest}"}


def test_only_programs_that_talk_to_the_api_server_have_a_token(everything: list[dict[str, Any]]) -> None:
    with_token = {
        component(one)
        for one in everything
        for volume in pod_spec(one).get("volumes", ())
        if "projected" in volume
    }
    assert with_token == {"operator", "facade", "uninstall", "test"}
    assert all(not pod_spec(one)["automountServiceAccountToken"] for one in everything if pod_spec(one))


def test_network_policies_let_each_program_reach_what_it_uses(everything: list[dict[str, Any]]) -> None:
    reached = {component(one): ports(one) for one in everything if one["kind"] == "NetworkPolicy"}
    assert reached == {
        "operator": {53, 6443, 5432, 9093, 9094, 9095, 8080},
        "facade": {53, 6443, 5432, 6380, 8080},
        "monitor": {53, 5432, 9093, 9094, 9095, 6380, 8080},
        "migration": {53, 5432, 8080},
        "uninstall": {53, 6443},
    }


def test_whoever_may_call_the_facade_helm_test_may(helm4: Helm, everything: list[dict[str, Any]]) -> None:
    def callers(objects: list[dict[str, Any]]) -> list[Any]:
        (policy,) = [one for one in objects if one["kind"] == "NetworkPolicy" and component(one) == "facade"]
        (rule,) = [one for one in policy["spec"]["ingress"] if one["ports"][0]["port"] == "http"]
        return list(rule.get("from", []))

    (pod,) = [one for one in everything if one["kind"] == "Pod" and component(one) == "test"]
    gateway, journey = callers(everything)
    assert gateway == GATEWAY
    assert journey["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    closed = {"networkPolicy": {"enabled": True, "facade": {"from": [GATEWAY]}}}
    assert callers(helm4.template(closed | {"tests": {"enabled": False}})) == [GATEWAY]
    assert callers(helm4.template({"networkPolicy": {"enabled": True}})) == []


@pytest.mark.parametrize("name", ["DELETION_BUDGET_COUNT", "DELETION_BUDGET_PERCENT"])
@pytest.mark.parametrize("program", ["operator", "facade", "monitor"])
def test_a_deletion_budget_is_for_all_programs_or_none(helm4: Helm, name: str, program: str) -> None:
    with pytest.raises(HelmError, match=name):
        helm4.template({program: {"settings": {name: 10}}})
    roles = [one for one in helm4.template({"settings": {name: 10}}) if one["kind"] == "ClusterRole"]
    (facade,) = [one for one in roles if component(one) == "facade" and "namespaces" in str(one["rules"])]
    assert {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["patch"]} in facade["rules"]


def test_secrets_are_watched_unless_an_administrator_does_not_want_it(helm4: Helm) -> None:
    for case, verbs in (("everything", ["get", "list", "watch"]), ("given-secrets", ["get"])):
        (role,) = [
            one
            for one in chartcases.rendered(helm4, case)
            if one["kind"] == "ClusterRole" and component(one) == "operator"
        ]
        assert [rule["verbs"] for rule in role["rules"] if rule["resources"] == ["secrets"]] == [verbs]


def test_former_passwords_reach_the_programs_as_these_read_them(helm4: Helm) -> None:
    (secret,) = [one for one in chartcases.rendered(helm4, "given-secrets") if one["kind"] == "Secret"]
    former = former_passwords(secret["stringData"]["DEV_MNGR_CRYPTO_FORMER"])
    assert list(former) == [("former", None), ("first", "0")]


def test_in_namespaced_mode_no_right_reaches_beyond_the_namespaces(helm4: Helm) -> None:
    for one in chartcases.rendered(helm4, "namespaced"):
        if one["kind"] == "ClusterRole" and component(one) in {"operator", "uninstall"}:
            assert all(rule.get("resourceNames") for rule in one["rules"]), one["metadata"]["name"]


def test_a_new_image_makes_a_new_migration_and_the_same_one_does_not(helm4: Helm) -> None:
    def job(**values: Any) -> str:
        (found,) = [one for one in helm4.template(values) if component(one) == "migration"]
        return str(found["metadata"]["name"])

    assert job() == job(facade={"replicas": 5})
    assert job() != job(image={"tag": "2"})


def test_the_chart_and_its_program_have_one_version() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = (ROOT / "pyproject.toml").read_text()
    assert f'\nversion = "{about["appVersion"]}"\n' in project


def test_artifact_hub_is_told_about_the_crds() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    assert {one["kind"] for one in yaml.safe_load(about["artifacthub.io/crds"])} == {"Device", "Template"}
    examples = yaml.safe_load(about["artifacthub.io/crdsExamples"])
    assert {one["kind"] for one in examples} == {"Device", "Template"}


def test_the_schema_is_valid_json_for_every_reader() -> None:
    assert json.loads((CHART / "values.schema.json").read_text())["additionalProperties"] is False


def leaves(below: Any, path: str = "") -> Iterator[str]:
    """Paths of everything that is no section."""
    if isinstance(below, dict) and below:
        for name, value in below.items():
            yield from leaves(value, f"{path}.{name}".removeprefix("."))
    else:
        yield path
