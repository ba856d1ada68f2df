"""TLS and passwords of connections: the variables that users of these systems know, and what clients get."""

from pathlib import Path
from typing import Any

import pytest
import redis
from kafka import KafkaProducer
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr, ValidationError
from redis.asyncio import Redis

from device_registry.registry.statements import conninfo
from device_registry.settings import Settings


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings()


SECRETS = [name for name, field in Settings.model_fields.items() if field.annotation is SecretStr]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    text = '[{"pass": "päss word"}]' if name == "DEV_MNGR_CRYPTO_FORMER" else "päss word"
    file.write_text(f"{text}\n")
    settings = read(monkeypatch, **{f"{name}_FILE": str(file)})
    assert getattr(settings, name).get_secret_value() == text


def test_a_secret_that_is_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("one")
    with pytest.raises(ValidationError, match="DBPASS and DBPASS_FILE are both set"):
        read(monkeypatch, DBPASS="other", DBPASS_FILE=str(tmp_path / "secret"))


def test_a_secret_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"REDIS_PASSWORD_FILE: .*absent cannot be read"):
        read(monkeypatch, REDIS_PASSWORD_FILE=str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("variables", "needed"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_PASSWORD": "x"}, "KAFKA_SASL_USERNAME"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_USERNAME": "x"}, "KAFKA_SASL_PASSWORD"),
        ({"PGSSLCERT": "/tls.crt"}, "PGSSLKEY"),
        ({"KAFKA_SSL_CERTIFICATE_LOCATION": "/tls.crt"}, "KAFKA_SSL_KEY_LOCATION"),
        ({"REDIS_TLS_CERT_FILE": "/tls.crt"}, "REDIS_TLS_KEY_FILE"),
    ],
)
def test_what_is_missing_beside_another_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], needed: str
) -> None:
    with pytest.raises(ValidationError, match=f"{needed} must be set because of"):
        read(monkeypatch, **variables)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PGSSLMODE", "verify"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("KAFKA_SASL_MECHANISM", "GSSAPI"),
        ("KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM", "maybe"),
        ("REDIS_TLS", "maybe"),
    ],
)
def test_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    with pytest.raises(ValidationError, match=name):
        read(monkeypatch, **{name: text})


def test_postgres_is_told_the_same_by_both_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        PGSSLMODE="verify-full",
        PGSSLROOTCERT="/etc/tls/ca.crt",
        PGSSLCERT="/etc/tls/tls.crt",
        PGSSLKEY="/etc/tls/tls.key",
    )
    told = {
        "sslmode": "verify-full",
        "sslrootcert": "/etc/tls/ca.crt",
        "sslcert": "/etc/tls/tls.crt",
        "sslkey": "/etc/tls/tls.key",
    }
    assert settings.registry_url.query == told
    assert told.items() <= conninfo_to_dict(conninfo(settings.registry_url)).items()


def test_kafka_is_told_nothing_about_tls_that_it_would_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, KAFKA_SSL_CA_LOCATION="/etc/tls/ca.crt")
    assert settings.kafka_security == {"security_protocol": "PLAINTEXT"}


def test_kafka_is_told_everything_in_the_words_of_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    told = read(
        monkeypatch,
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_SASL_MECHANISM="PLAIN",
        KAFKA_SASL_USERNAME="manager",
        KAFKA_SASL_PASSWORD="secret",
        KAFKA_SSL_CA_LOCATION="/ca.crt",
        KAFKA_SSL_CERTIFICATE_LOCATION="/tls.crt",
        KAFKA_SSL_KEY_LOCATION="/tls.key",
        KAFKA_SSL_KEY_PASSWORD="key secret",
        KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM="none",
    ).kafka_security
    assert told == {
        "security_protocol": "SASL_SSL",
        "ssl_check_hostname": False,
        "ssl_cafile": "/ca.crt",
        "ssl_certfile": "/tls.crt",
        "ssl_keyfile": "/tls.key",
        "ssl_password": "key secret",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "manager",
        "sasl_plain_password": "secret",
    }
    assert told.keys() <= KafkaProducer.DEFAULT_CONFIG.keys()


def connection_arguments(client: Any) -> dict[str, Any]:
    return dict(client.connection_pool.connection_kwargs)


@pytest.mark.parametrize("client", [redis.Redis, Redis])
def test_redis_is_told_the_same_by_both_clients(monkeypatch: pytest.MonkeyPatch, client: Any) -> None:
    settings = read(
        monkeypatch,
        REDIS_HOST="cache",
        REDIS_PORT="6380",
        REDIS_USERNAME="manager",
        REDIS_PASSWORD="secret",
        REDIS_TLS="true",
        REDIS_TLS_CA_FILE="/ca.crt",
    )
    told = connection_arguments(client(**settings.redis_client))
    assert (told["host"], told["port"]) == ("cache", 6380)
    assert (told["username"], told["password"]) == ("manager", "secret")
    assert (told["ssl_ca_certs"], told["ssl_check_hostname"]) == ("/ca.crt", True)


def test_redis_without_tls_needs_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    told = read(monkeypatch).redis_client
    assert told == {"host": "device-manager-redis", "port": 6379, "username": None, "password": None}
