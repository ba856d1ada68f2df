"""Where the API server is, and how this process proves who it is.

Credentials come from where every client of Kubernetes takes them: KUBECONFIG, ~/.kube/config, or the service
account of the pod. `kube` uses them for its requests, the operator for kopf's.
"""

import os
import ssl
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from kubernetes import config as kubernetes_config
from kubernetes.client import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where the API server is and how to prove who we are."""

    server: str
    ca_file: str | None
    verify: bool
    certificate: tuple[str, str | None] | None
    configuration: Configuration

    @classmethod
    def load(cls) -> Self:
        """From kubeconfig or the pod. Raises kubernetes' ConfigException when there is neither."""
        configuration = Configuration()
        _fill(configuration)
        certificate = (configuration.cert_file, configuration.key_file) if configuration.cert_file else None
        return cls(
            server=configuration.host,
            ca_file=configuration.ssl_ca_cert,
            verify=configuration.verify_ssl,
            certificate=certificate,
            configuration=configuration,
        )

    def headers(self) -> dict[str, str]:
        """The authorization as it is now: tokens of service accounts change while we run."""
        token = self.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            return {"Authorization": token}
        if self.configuration.username:
            pair = f"{self.configuration.username}:{self.configuration.password}"
            return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        return {}

    def ssl_context(self) -> ssl.SSLContext | bool:
        """What to check the server against, and our own certificate if there is one."""
        if not self.server.startswith("https"):
            return False
        context = ssl.create_default_context(cafile=self.ca_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate:
            context.load_cert_chain(*self.certificate)
        return context


def _fill(configuration: Configuration) -> None:
    """Decided here, as the library's own choice tells people on stdout that it might not work in a pod."""
    # Named, because the library reads the variable when it is imported, and only then.
    named = os.environ.get("KUBECONFIG", "")
    # Not Path.expanduser, which raises where the user has no home; then there is no such file.
    usual = os.path.expanduser(kubernetes_config.KUBE_CONFIG_DEFAULT_LOCATION)  # noqa: PTH111
    if named or Path(usual).exists():
        kubernetes_config.load_kube_config(named or usual, client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        kubernetes_config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
