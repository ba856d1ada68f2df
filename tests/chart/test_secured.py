"""The chart against servers that demand TLS and passwords: Secrets become files and variables that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from local import postgres
from local.ports import LOOPBACK
from local.secure import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.secure import SecureServers
    from tests.chart.conftest import Chart
    from tests.support.installation import Installation

KEY_PASSWORD = "of the key"


@pytest.fixture(params=["sasl", "mutual"])
def installed(
    request: pytest.FixtureRequest, chart: Chart, secure: SecureServers, tmp_path: Path
) -> Iterator[Installation]:
    """With a user and a password for Kafka, or with a certificate whose key is encrypted."""
    with chart(f"secured_{request.param}") as installation:
        secure.database_url(installation.database)
        make_secrets(installation, secure, encrypted(secure.client.key, tmp_path / "encrypted.key"))
        installation.install(**values(secure, request.param))
        yield installation


def test_every_program_is_let_in_and_a_device_goes_the_whole_road(installed: Installation) -> None:
    assert "Everything works." in installed.journey()


def encrypted(key: Path, to: Path) -> Path:
    """The private key as many keep it: with a password."""
    private = load_pem_private_key(key.read_bytes(), None)
    to.write_bytes(
        private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(KEY_PASSWORD.encode())
        )
    )
    return to


def make_secrets(installation: Installation, secure: SecureServers, encrypted_key: Path) -> None:
    """What an administrator would bring: certificates, and users with their passwords."""
    files = {
        "ca.crt": secure.authority.certificate,
        "tls.crt": secure.client.certificate,
        "tls.key": secure.client.key,
        "encrypted.key": encrypted_key,
    }
    create = ("create", "secret", "generic", "-n", installation.namespace)
    installation.kubectl.run(
        *create,
        "certificates",
        f"--from-literal=password={KEY_PASSWORD}",
        *(f"--from-file={name}={path}" for name, path in files.items()),
    )
    logins = {
        "database": (postgres.USER, postgres.PASSWORD),
        "kafka": (USER, PASSWORD),
        "redis": (USER, PASSWORD),
    }
    for name, (user, password) in logins.items():
        installation.kubectl.run(
            *create, name, f"--from-literal=user={user}", f"--from-literal=password={password}"
        )


def values(secure: SecureServers, listener: str) -> dict[str, Any]:
    """Where the servers are, and how they are spoken to."""
    keys = {"user": "user", "password": "password"}
    authority = {"existingSecret": "certificates"}
    own = {"certKey": "tls.crt", "keyKey": "encrypted.key", "keyPasswordKey": "password"}
    kafka = {
        "sasl": {
            "protocol": "SASL_SSL",
            "sasl": {"existingSecret": "kafka", "secretKeys": keys},
            "tls": authority,
        },
        "mutual": {"protocol": "SSL", "tls": authority | own},
    }
    return {
        "database": {
            "port": secure.ports["postgres"],
            "user": "",
            "existingSecret": "database",
            "secretKeys": keys,
            "sslMode": "verify-full",
            "tls": authority | {"certKey": "tls.crt", "keyKey": "tls.key"},
        },
        "kafka": {
            "hosts": [LOOPBACK],
            "port": secure.ports[listener],
            **kafka[listener],
        },
        "redis": {
            "port": secure.ports["redis"],
            "existingSecret": "redis",
            "secretKeys": keys,
            "tls": authority | {"enabled": True},
        },
        "monitor": {"enabled": True},
    }
