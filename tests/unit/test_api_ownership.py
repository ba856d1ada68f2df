"""What others declare is known from the API server's own books, field by field."""

from typing import Any

import pytest

from device_api.ownership import check_fields, check_whole, declarers, touched
from device_api.problems import Problem
from device_registry.settings import Settings

SERIAL = {"label": "serial", "type": "static", "staticValue": "SN-1"}
COLOR = {"label": "color", "type": "static", "staticValue": "white"}
SERIAL_FIELDS: dict[str, Any] = {".": {}, "f:label": {}, "f:type": {}, "f:staticValue": {}}


def managed(manager: str, fields: dict[str, Any], operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def a_resource(*managers: dict[str, Any]) -> dict[str, Any]:
    """A device with a label, two templates and two overrides."""
    spec = {
        "label": "Freezer",
        "deviceId": "a1",
        "templates": [{"name": "t1"}, {"name": "t2"}],
        "attributes": [SERIAL, COLOR],
    }
    meta = {"namespace": "acme", "name": "device-a1", "managedFields": list(managers)}
    return {"kind": "Device", "metadata": meta, "spec": spec}


GIT = managed(
    "git",
    {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {
            "f:templates": {".": {}, 'k:{"name":"t1"}': {".": {}, "f:name": {}}},
            "f:attributes": {".": {}, 'k:{"label":"serial","type":"static"}': SERIAL_FIELDS},
        },
    },
)
REST = managed("device-manager-api", {"f:spec": {".": {}, "f:label": {}, "f:deviceId": {}}}, "Update")
STATUS = managed("device-manager", {"f:status": {"f:deviceId": {}}}, "Update", subresource="status")


def with_(**changes: Any) -> dict[str, Any]:
    return {**a_resource()["spec"], **changes}


@pytest.mark.parametrize(
    "spec",
    [
        with_(),
        with_(label="Fridge"),
        with_(attributes=[SERIAL]),
        with_(attributes=[COLOR | {"staticValue": "red"}, SERIAL]),
        with_(attributes=[SERIAL | {"metadata": []}, COLOR]),
        with_(templates=[{"name": "t2"}, {"name": "t1"}, {"name": "t3"}]),
        with_(deletionPolicy="Retain"),
    ],
)
def test_what_nobody_else_declares_is_free(spec: dict[str, Any]) -> None:
    assert touched(a_resource(GIT, REST, STATUS), spec) is None


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        (
            with_(attributes=[SERIAL | {"staticValue": "SN-2"}, COLOR]),
            '.spec.attributes[label="serial",type="static"].staticValue',
        ),
        (with_(attributes=[COLOR]), '.spec.attributes[label="serial",type="static"].label'),
        (with_(attributes=None), '.spec.attributes[label="serial",type="static"].label'),
        (with_(templates=[{"name": "t2"}]), '.spec.templates[name="t1"].name'),
    ],
)
def test_what_git_declares_is_named_with_its_path(spec: dict[str, Any], path: str) -> None:
    owned = touched(a_resource(GIT, REST), spec)
    assert owned is not None
    assert (owned.manager, owned.path) == ("git", path)


@pytest.mark.parametrize("operation", ["Apply", "Update"])
@pytest.mark.parametrize(
    "manager", ["kubectl", "kubectl-client-side-apply", "argocd-controller", "kustomize-controller", "helm"]
)
def test_every_way_of_declaring_counts(manager: str, operation: str) -> None:
    resource = a_resource(managed(manager, {"f:spec": {"f:label": {}}}, operation), REST)
    assert declarers(resource) == [manager]
    with pytest.raises(Problem) as problem:
        check_fields(Settings(), resource, with_(label="other"))
    assert problem.value.status == 409
    assert manager in problem.value.body["message"]


def test_a_spec_that_is_declared_empty_is_declared() -> None:
    assert declarers(a_resource(managed("git", {"f:spec": {}}))) == ["git"]


@pytest.mark.parametrize("manager", ["kubectl-edit", "kubectl-patch"])
def test_a_person_who_edits_once_declares_nothing(manager: str) -> None:
    resource = a_resource(managed(manager, {"f:spec": {"f:label": {}}}, "Update"), REST)
    assert declarers(resource) == []
    check_fields(Settings(), resource, with_(label="other"))
    check_whole(Settings(), resource)


def test_a_resource_is_deleted_by_rest_only_if_nobody_else_declares_any_of_it() -> None:
    check_whole(Settings(), a_resource(REST, STATUS))
    with pytest.raises(Problem) as problem:
        check_whole(Settings(), a_resource(REST, GIT))
    assert problem.value.status == 409
    assert problem.value.body["message"].startswith(
        "Device acme/device-a1 is declared by git; delete it there"
    )


def test_an_installation_may_let_rest_overwrite() -> None:
    settings = Settings.model_validate({"FOREIGN_RESOURCES": "overwrite"})
    check_whole(settings, a_resource(GIT))
    check_fields(settings, a_resource(GIT), with_(attributes=None))
