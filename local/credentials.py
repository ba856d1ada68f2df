"""Who may talk to the API server: static tokens, keys, and the kubeconfig that names them.

Used by `local.cluster`. Everything is made once per platform and kept, so that a kubeconfig stays valid.
"""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

Tokens: TypeAlias = Mapping[str, tuple[str, Sequence[str]]]
"""Token -> (user, groups)."""

ADMIN = ("admin", ["system:masters"])

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
        {"level": "None"},
    ],
}
"""Every write, with who did it and to what, without bodies (audit.k8s.io/v1)."""


@dataclass(frozen=True)
class Files:
    """The files that the API server reads or writes.

    Attributes:
        folder: of the API server.
    """

    folder: Path

    @property
    def tokens(self) -> Path:
        """Static tokens, CSV."""
        return self.folder / "tokens.csv"

    @property
    def service_account_key(self) -> Path:
        """Private key, PEM."""
        return self.folder / "service-account.key"

    @property
    def audit_policy(self) -> Path:
        """What is noted in the audit log."""
        return self.folder / "audit-policy.json"

    @property
    def certificates(self) -> Path:
        """Folder of the serving certificate, which the server makes itself."""
        return self.folder / "certificates"

    @property
    def admin_token(self) -> str:
        """The administrator's token; raises FileNotFoundError before `prepare`."""
        return self.tokens.read_text().split(",", maxsplit=1)[0]

    def prepare(self, tokens: Tokens) -> None:
        """Make what is missing and write the users down anew."""
        self.folder.mkdir(parents=True, exist_ok=True)
        admin = self.admin_token if self.tokens.exists() else secrets.token_urlsafe()
        self.tokens.write_text(_csv({admin: ADMIN, **tokens}))
        self.tokens.chmod(0o600)
        self.audit_policy.write_text(json.dumps(AUDIT_POLICY))
        if not self.service_account_key.exists():
            self.service_account_key.write_bytes(_private_key())


def write_kubeconfig(path: Path, server: str, files: Files) -> None:
    """Write the administrator's kubeconfig; JSON, which every YAML parser reads."""
    authority = (files.certificates / "apiserver.crt").read_bytes()
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()}
    text = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": files.admin_token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "admin"}}],
            "current-context": "local",
        },
        indent=2,
    )
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        path.chmod(0o600)


def _csv(tokens: Tokens) -> str:
    rows = (f'{token},{user},{user},"{",".join(groups)}"\n' for token, (user, groups) in tokens.items())
    return "".join(rows)


def _private_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,  # what the API server reads
        serialization.NoEncryption(),
    )
