"""The chart against servers that demand TLS and passwords: Secrets become files and variables that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local import postgres
from local.ports import LOOPBACK
from local.secure import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.secure import SecureServers
    from tests.chart.conftest import Chart
    from tests.support.installation import Installation


@pytest.fixture
def installed(chart: Chart, secure: SecureServers) -> Iterator[Installation]:
    with chart("secured") as installation:
        secure.database_url(installation.database)
        make_secrets(installation, secure)
        installation.install(**values(secure))
        yield installation


def test_every_program_is_let_in_and_a_device_goes_the_whole_road(installed: Installation) -> None:
    assert "Everything works." in installed.journey()


def make_secrets(installation: Installation, secure: SecureServers) -> None:
    """What an administrator would bring: certificates, and users with their passwords."""
    files = {
        "ca.crt": secure.authority.certificate,
        "tls.crt": secure.client.certificate,
        "tls.key": secure.client.key,
    }
    create = ("create", "secret", "generic", "-n", installation.namespace)
    installation.kubectl.run(
        *create, "certificates", *(f"--from-file={name}={path}" for name, path in files.items())
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


def values(secure: SecureServers) -> dict[str, Any]:
    """Where the servers are, and how they are spoken to."""
    keys = {"user": "user", "password": "password"}
    authority = {"existingSecret": "certificates"}
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
            "port": secure.ports["sasl"],
            "protocol": "SASL_SSL",
            "sasl": {"existingSecret": "kafka", "secretKeys": keys},
            "tls": authority,
        },
        "redis": {
            "port": secure.ports["redis"],
            "existingSecret": "redis",
            "secretKeys": keys,
            "tls": authority | {"enabled": True},
        },
        "monitor": {"enabled": True},
    }
