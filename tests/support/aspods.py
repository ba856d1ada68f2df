"""Programs of end-to-end tests as the chart's pods would run them: `make test-chart` sets E2E_AS_PODS.

What a test sets by variables stays; command, arguments, user, file system and rights are those of the chart:
the image's entry point with the arguments of the pod, the pod's user, and the token of its service account in
the place of the administrator's.
"""

import functools
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import leash
from tests.support.apiserver import ApiServer
from tests.support.dockerfile import Image, kept_image
from tests.support.helm import Helm

NAMESPACE = "as-pods"
COMPONENTS = {"operator": "operator", "api": "facade", "monitor": "monitor"}
"""Program -> component of the chart."""

_PROJECT = Path(__file__).parents[2]
_RIGHTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
_TOKEN_SECONDS = 7_200
_VALUES = {
    "fullnameOverride": "device-manager",
    "encryption": {"existingSecret": "keys"},
    "tenants": {"namespaces": "auto"},
    # So that the facade may lift a budget, as some tests have it do.
    "settings": {"DELETION_BUDGET_COUNT": 1},
    "monitor": {"enabled": True},
}
_RBAC = "rbac.authorization.k8s.io"
_LEASES = {
    "apiGroups": ["coordination.k8s.io"],
    "resources": ["leases"],
    "verbs": ["get", "create", "update"],
}
_ANY_LEASE: tuple[dict[str, Any], ...] = (
    {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "as-pods-leases"},
        "rules": [_LEASES],
    },
    {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "as-pods-leases"},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "as-pods-leases"},
        "subjects": [{"kind": "ServiceAccount", "name": "device-manager-operator", "namespace": NAMESPACE}],
    },
)
"""Tests name Leases as they like; the chart gives the right to one name."""


def launching(program: str, environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Command and environment for the program of a test."""
    image, pods = _image(), _pods()
    pod = pods[COMPONENTS[program]]
    (container,) = pod["containers"]
    user = image.runs_as(int(pod["securityContext"]["runAsUser"]))
    command = [str(image.path("/app/bin") / image.entrypoint[0]), *container["args"]]
    env = {**image.environment, **environment}
    if "KUBECONFIG" in env:
        env["KUBECONFIG"] = _as_account(env["KUBECONFIG"], pod["serviceAccountName"], user)
    return [sys.executable, "-I", leash.__file__, str(os.getpid()), str(user or ""), *command], env


@functools.cache
def _image() -> Image:
    return kept_image(_PROJECT)


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="device-manager-as-pods-"))
    folder.chmod(0o711)
    return folder


@functools.cache
def _rendered() -> list[dict[str, Any]]:
    return Helm.of(_folder()).template(_VALUES, f"--namespace={NAMESPACE}")


@functools.cache
def _pods() -> dict[str, dict[str, Any]]:
    """Component -> spec of its pod."""
    return {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"]["template"]["spec"]
        for one in _rendered()
        if one["kind"] == "Deployment"
    }


def _as_account(kubeconfig: str, account: str, user: int | None) -> str:
    """A kubeconfig like that one, with the account's token in the place of the administrator's.

    One that is not the administrator's already is a test's own, and stays.
    """
    config = json.loads(Path(kubeconfig).read_text())
    token = config["users"][0]["user"].get("token", ".")
    if "." in token:  # a service account's
        return kubeconfig
    config["users"][0]["user"] = {"token": _token(kubeconfig, account)}
    with tempfile.NamedTemporaryFile("w", dir=_folder(), delete=False) as file:
        json.dump(config, file)
    if user is not None:
        os.chown(file.name, user, user)
    return file.name


@functools.cache
def _token(kubeconfig: str, account: str) -> str:
    api = ApiServer(Path(kubeconfig))
    _give_rights(api)
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token"
    spec = {"expirationSeconds": _TOKEN_SECONDS}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return str(api.call("POST", path, request)["status"]["token"])


def _give_rights(api: ApiServer) -> None:
    """Make the accounts and roles of the chart, if they are not there."""
    if api.find(f"/api/v1/namespaces/{NAMESPACE}") is None:
        meta = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        api.call("POST", "/api/v1/namespaces", meta)
    rights = [one for one in _rendered() if one["kind"] in _RIGHTS and "annotations" not in one["metadata"]]
    for one in [*rights, *_ANY_LEASE]:
        api.apply(one)
