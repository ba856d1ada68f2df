"""A Kubernetes control plane: etcd, kube-apiserver, and controllers for namespaces and owned objects."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from local import credentials
from local.answers import http_ok
from local.binaries import find
from local.folder import Folder
from local.ports import LOOPBACK
from local.process import Plan

CONTROLLERS = (
    # What removes the contents of a deleted namespace, and objects whose owner is gone.
    "namespace-controller,garbage-collector-controller,serviceaccount-controller,"
    # What an installed chart needs: its pods are made, though nothing but a test's kubelet runs them.
    "clusterrole-aggregation-controller,deployment-controller,replicaset-controller,job-controller,"
    "disruption-controller"
)

PORTS = ("etcd", "etcd-peers", "kube-apiserver", "kube-controller-manager")


def plans(folder: Folder, ports: Mapping[str, int], tokens: credentials.Tokens) -> list[Plan]:
    """Return how the control plane is run, in the order in which its parts need each other.

    Args:
        folder: of the platform.
        ports: one for each of `PORTS`.
        tokens: further users, besides the administrator.
    """
    return [
        _etcd(folder, ports),
        _apiserver(folder, ports, tokens),
        _controllers(folder, ports["kube-controller-manager"]),
    ]


def _etcd(folder: Folder, ports: Mapping[str, int]) -> Plan:
    clients, peers = (f"http://{LOOPBACK}:{ports[name]}" for name in ("etcd", "etcd-peers"))
    return Plan(
        name="etcd",
        address=clients,
        command=lambda: [
            str(find("etcd")),
            f"--data-dir={folder.data('etcd')}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",  # a killed process loses nothing by this
            "--log-level=warn",
        ],
        ready=partial(http_ok, ports["etcd"], "/health"),
    )


def _apiserver(folder: Folder, ports: Mapping[str, int], tokens: credentials.Tokens) -> Plan:
    port = ports["kube-apiserver"]
    files = credentials.Files(folder.data("kube-apiserver"))
    return Plan(
        name="kube-apiserver",
        address=f"https://{LOOPBACK}:{port}",
        command=lambda: [
            str(find("kube-apiserver")),
            f"--etcd-servers=http://{LOOPBACK}:{ports['etcd']}",
            f"--secure-port={port}",
            f"--bind-address={LOOPBACK}",
            f"--cert-dir={files.certificates}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            f"--token-auth-file={files.tokens}",
            f"--service-account-issuer=https://{LOOPBACK}:{port}",
            f"--service-account-signing-key-file={files.service_account_key}",
            f"--service-account-key-file={files.service_account_key}",
            "--disable-admission-plugins=ServiceAccount",
            f"--audit-policy-file={files.audit_policy}",
            f"--audit-log-path={audit_log(folder)}",
            "--audit-log-maxsize=1000",
            "--audit-log-maxbackup=1",
        ],
        prepare=partial(files.prepare, tokens),
        ready=lambda: http_ok(port, "/readyz", tls=True, token=files.admin_token),
        # The certificate is made by the server when it starts; it cannot be trusted before.
        settle=partial(credentials.write_kubeconfig, folder.kubeconfig, f"https://{LOOPBACK}:{port}", files),
    )


def _controllers(folder: Folder, port: int) -> Plan:
    files = credentials.Files(folder.data("kube-apiserver"))
    return Plan(
        name="kube-controller-manager",
        address=f"https://{LOOPBACK}:{port}",
        command=lambda: [
            str(find("kube-controller-manager")),
            f"--kubeconfig={folder.kubeconfig}",
            "--leader-elect=false",
            f"--controllers={CONTROLLERS}",
            f"--service-account-private-key-file={files.service_account_key}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={port}",
            f"--cert-dir={folder.data('kube-controller-manager')}",
        ],
        ready=partial(http_ok, port, "/healthz", tls=True),
    )


def certificates(folder: Folder) -> Path:
    """Return the folder of the API server's certificate and key."""
    return credentials.Files(folder.data("kube-apiserver")).certificates


def audit_log(folder: Folder) -> Path:
    """Return the file in which the API server notes every write, one JSON object a line."""
    return folder.log("audit")
