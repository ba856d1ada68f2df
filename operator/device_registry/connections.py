"""How Postgres, Kafka and Redis are spoken to when they ask for TLS or a password: the settings for it.

`settings` builds on this; adapters get the finished arguments and never see a variable. The names are those
that users of these systems know: libpq's, librdkafka's, and for Redis those of its charts.
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings


class PostgresTls(StrEnum):
    """libpq's `sslmode`."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class KafkaProtocol(StrEnum):
    """Kafka's `security.protocol`."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return self in {KafkaProtocol.SSL, KafkaProtocol.SASL_SSL}

    @property
    def authenticated(self) -> bool:
        """Whether the client says who it is, by SASL."""
        return self in {KafkaProtocol.SASL_PLAINTEXT, KafkaProtocol.SASL_SSL}


class SaslMechanism(StrEnum):
    """Kafka's `sasl.mechanism`, as far as it needs a user name and a password."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class HostCheck(StrEnum):
    """Kafka's `ssl.endpoint.identification.algorithm`."""

    HTTPS = "https"
    NONE = "none"


class ConnectionSettings(BaseSettings):
    """Variables for TLS and passwords, and what clients are given for them.

    A secret may stand in a file that its name with `_FILE` names. Files of certificates are read anew for
    each connection, so a renewed certificate needs no restart; secrets are read once.
    """

    # --- registry (Postgres) ---
    PGSSLMODE: PostgresTls = Field(
        PostgresTls.PREFER,
        description="Whether Postgres is spoken to by TLS: disable, allow, prefer, require, verify-ca (the"
        " certificate is checked) or verify-full (and that it was issued for DBHOST). Other variables of"
        " libpq work as well.",
    )
    PGSSLROOTCERT: str = Field(
        "", description="File of the authorities that may have signed Postgres' certificate; system: its own."
    )
    PGSSLCERT: str = Field("", description="File of our certificate for Postgres.")
    PGSSLKEY: str = Field("", description="File of its key; readable by its owner alone, or root's.")

    # --- notifications (Kafka) ---
    KAFKA_SECURITY_PROTOCOL: KafkaProtocol = Field(
        KafkaProtocol.PLAINTEXT, description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    KAFKA_SASL_MECHANISM: SaslMechanism = Field(
        SaslMechanism.SCRAM_SHA_512, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    KAFKA_SASL_USERNAME: str = Field("", description="User of Kafka.")
    KAFKA_SASL_PASSWORD: SecretStr = Field(SecretStr(""), description="Password of that user.")
    KAFKA_SSL_CA_LOCATION: str = Field(
        "",
        description="File of the authorities that may have signed the brokers' certificates; empty: those"
        " that the system trusts.",
    )
    KAFKA_SSL_CERTIFICATE_LOCATION: str = Field("", description="File of our certificate for Kafka.")
    KAFKA_SSL_KEY_LOCATION: str = Field("", description="File of its key.")
    KAFKA_SSL_KEY_PASSWORD: SecretStr = Field(SecretStr(""), description="Password of that key.")
    KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM: HostCheck = Field(
        HostCheck.HTTPS, description="https: a broker's certificate must bear its host name; none: any."
    )

    # --- presence (Redis) ---
    REDIS_USERNAME: str = Field("", description="User of Redis (ACL); empty: the default one.")
    REDIS_PASSWORD: SecretStr = Field(SecretStr(""), description="Password of that user.")
    REDIS_TLS: bool = Field(default=False, description="Whether Redis is spoken to by TLS.")
    REDIS_TLS_CA_FILE: str = Field(
        "",
        description="File of the authorities that may have signed Redis' certificate; empty: those that"
        " the system trusts.",
    )
    REDIS_TLS_CERT_FILE: str = Field("", description="File of our certificate for Redis.")
    REDIS_TLS_KEY_FILE: str = Field("", description="File of its key.")
    REDIS_TLS_CHECK_HOSTNAME: bool = Field(
        default=True, description="Whether the certificate must bear REDIS_HOST."
    )

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        names = [name for name, field in cls.model_fields.items() if field.annotation is SecretStr]
        return values | {
            name: _content(name, file, given=bool(values.get(name)))
            for name in names
            if (file := os.environ.get(f"{name}_FILE"))
        }

    @model_validator(mode="after")
    def _what_needs_each_other(self) -> Self:
        if self.KAFKA_SECURITY_PROTOCOL.authenticated:
            _require(self, "KAFKA_SASL_USERNAME", f"KAFKA_SECURITY_PROTOCOL={self.KAFKA_SECURITY_PROTOCOL}")
            _require(self, "KAFKA_SASL_PASSWORD", f"KAFKA_SECURITY_PROTOCOL={self.KAFKA_SECURITY_PROTOCOL}")
        for certificate, key in _PAIRS:
            if getattr(self, certificate):
                _require(self, key, certificate)
        return self

    @property
    def postgres_tls(self) -> dict[str, str]:
        """What libpq is told about TLS, in a URL or as arguments; nothing where it knows by itself."""
        told = {
            "sslmode": "" if self.PGSSLMODE is PostgresTls.PREFER else self.PGSSLMODE.value,
            "sslrootcert": self.PGSSLROOTCERT,
            "sslcert": self.PGSSLCERT,
            "sslkey": self.PGSSLKEY,
        }
        return {name: value for name, value in told.items() if value}

    @property
    def kafka_security(self) -> dict[str, Any]:
        """Arguments for every client of kafka-python, besides the brokers' addresses."""
        return {
            "security_protocol": self.KAFKA_SECURITY_PROTOCOL.value,
            **self._kafka_tls,
            **self._kafka_sasl,
        }

    @property
    def _kafka_tls(self) -> dict[str, Any]:
        if not self.KAFKA_SECURITY_PROTOCOL.encrypted:
            return {}
        return {
            "ssl_check_hostname": self.KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM is HostCheck.HTTPS,
            "ssl_cafile": self.KAFKA_SSL_CA_LOCATION or None,
            "ssl_certfile": self.KAFKA_SSL_CERTIFICATE_LOCATION or None,
            "ssl_keyfile": self.KAFKA_SSL_KEY_LOCATION or None,
            "ssl_password": self.KAFKA_SSL_KEY_PASSWORD.get_secret_value() or None,
        }

    @property
    def _kafka_sasl(self) -> dict[str, Any]:
        if not self.KAFKA_SECURITY_PROTOCOL.authenticated:
            return {}
        return {
            "sasl_mechanism": self.KAFKA_SASL_MECHANISM.value,
            "sasl_plain_username": self.KAFKA_SASL_USERNAME,
            "sasl_plain_password": self.KAFKA_SASL_PASSWORD.get_secret_value(),
        }

    @property
    def redis_security(self) -> dict[str, Any]:
        """Arguments for every client of redis-py, synchronous or not, besides the server's address."""
        tls = {
            "ssl": True,
            "ssl_ca_certs": self.REDIS_TLS_CA_FILE or None,
            "ssl_certfile": self.REDIS_TLS_CERT_FILE or None,
            "ssl_keyfile": self.REDIS_TLS_KEY_FILE or None,
            "ssl_check_hostname": self.REDIS_TLS_CHECK_HOSTNAME,
        }
        return {
            "username": self.REDIS_USERNAME or None,
            "password": self.REDIS_PASSWORD.get_secret_value() or None,
            **(tls if self.REDIS_TLS else {}),
        }


_PAIRS = (
    ("PGSSLCERT", "PGSSLKEY"),
    ("KAFKA_SSL_CERTIFICATE_LOCATION", "KAFKA_SSL_KEY_LOCATION"),
    ("REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"),
)
"""A certificate is of no use without its key."""


def _content(name: str, file: str, *, given: bool) -> str:
    """What the file of a secret holds, without the line's end that editors leave."""
    if given:
        raise ValueError(f"{name} and {name}_FILE are both set; leave one of them out")
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}_FILE: {file} cannot be read: {error}") from error


def _require(settings: ConnectionSettings, name: str, because: str) -> None:
    value = getattr(settings, name)
    if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
        raise ValueError(f"{name} must be set because of {because}")
