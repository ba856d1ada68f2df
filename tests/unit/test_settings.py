"""The variables of the original keep their meaning, and a bad one is named."""

from typing import Any

import pytest
from pydantic import ValidationError

from device_registry.settings import AuthMode, Settings, TenantNamespaces


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("DBNAME", "dojot_devm"),
        ("DBHOST", "postgres"),
        ("DBUSER", "postgres"),
        ("DBDRIVER", "postgresql+psycopg2"),
        ("CREATE_DB", True),
        ("KAFKA_HOST", "kafka"),
        ("KAFKA_PORT", 9092),
        ("SUBJECT", "dojot.device-manager.device"),
        ("DEVICE_SUBJECT", "device-data"),
        ("REDIS_HOST", "device-manager-redis"),
        ("REDIS_PORT", 6379),
        ("STATUS_TIMEOUT", 5),
        ("SINGLE_TENANT", ""),
        ("LOG_LEVEL", "INFO"),
    ],
)
def test_variables_of_the_original_have_its_defaults(name: str, default: Any) -> None:
    assert getattr(Settings(), name) == default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("DBNAME", "other", "other"),
        ("CREATE_DB", "False", False),
        ("KAFKA_PORT", "29092", 29092),
        ("BROKER", "http://data-broker", "http://data-broker"),
        ("SUBJECT", "my.subject", "my.subject"),
        ("REDIS_PORT", "6380", 6380),
        ("STATUS_TIMEOUT", "2.5", 2.5),
        ("SINGLE_TENANT", "acme", "acme"),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("LOG_LEVEL", "WARN", "WARN"),
        ("AUTH_MODE", "verify", AuthMode.VERIFY),
        ("TENANT_NAMESPACES", "auto", TenantNamespaces.AUTO),
    ],
)
def test_a_variable_is_read(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any) -> None:
    assert getattr(read(monkeypatch, **{name: text}), name) == value


@pytest.mark.parametrize(
    "name", ["DBPASS", "DEV_MNGR_CRYPTO_PASS", "DEV_MNGR_CRYPTO_IV", "DEV_MNGR_CRYPTO_SALT"]
)
def test_a_secret_is_read_and_never_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    settings = read(monkeypatch, **{name: "kamehameHA"})
    assert getattr(settings, name).get_secret_value() == "kamehameHA"
    assert "kamehameHA" not in f"{settings!r} {settings}"


def test_an_empty_variable_is_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, KAFKA_PORT="", SUBJECT="").SUBJECT == "dojot.device-manager.device"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("KAFKA_PORT", "many"),
        ("CREATE_DB", "perhaps"),
        ("STATUS_TIMEOUT", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("AUTH_MODE", "none"),
        ("TENANT_NAMESPACES", "some"),
        ("WORKERS", "0"),
        ("DBHOST", "postgres:default"),
    ],
)
def test_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    with pytest.raises(ValidationError, match=name):
        read(monkeypatch, **{name: text})


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("db", "postgresql+psycopg2://dojot:s%40cret@db/registry"),
        ("db:6543", "postgresql+psycopg2://dojot:s%40cret@db:6543/registry"),
    ],
)
def test_the_registry_is_found_by_the_variables_of_the_original(
    monkeypatch: pytest.MonkeyPatch, host: str, url: str
) -> None:
    settings = read(monkeypatch, DBHOST=host, DBUSER="dojot", DBPASS="s@cret", DBNAME="registry")
    assert settings.registry_url.render_as_string(hide_password=False) == url


def test_brokers_without_a_port_get_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, KAFKA_HOST="a, b:9999", KAFKA_PORT="1234")
    assert settings.kafka_bootstrap == ["a:1234", "b:9999"]


def test_namespaces_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().namespaces == []
    assert read(monkeypatch, WATCH_NAMESPACES="a, b,").namespaces == ["a", "b"]


def test_every_variable_says_what_it_is_for() -> None:
    silent = [name for name, one in Settings.model_fields.items() if not one.description]
    assert silent == []
