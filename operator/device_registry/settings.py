"""Everything that an administrator can set, read from the environment once at start.

The variables of the original DeviceManager keep their names and meanings; the rest is new. The order of
the fields is the order of the chart's values. Every program reads the same settings and uses its part.
"""

from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict
from sqlalchemy import URL

from .connections import ConnectionSettings
from .crypto import former_passwords
from .domain.model import DeletionPolicy
from .registry.roles import FACADE_ROLE

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where Kubernetes tells a pod its namespace."""

LEVELS = ("CRITICAL", "ERROR", "WARNING", "WARN", "INFO", "DEBUG")
"""What LOG_LEVEL may be."""


class AuthMode(StrEnum):
    """How the facade treats tokens."""

    GATEWAY = "gateway"
    """The claim is trusted; for use behind an API gateway that has verified the token."""
    VERIFY = "verify"
    """Signature, expiry, issuer and audience are checked here."""


class TenantNamespaces(StrEnum):
    """What the facade does about a tenant that no namespace is bound to."""

    EXISTING = "existing"
    """Refuse to write."""
    AUTO = "auto"
    """Make a namespace and bind it."""


class ForeignResources(StrEnum):
    """What REST does about resources, or fields of them, that others declare."""

    REFUSE = "refuse"
    """Answer 409 and name the manager that declares them."""
    OVERWRITE = "overwrite"
    """Change and delete them; the next run of whoever declares them may put them back."""


class Settings(ConnectionSettings):
    """The environment, typed. Unreadable values stop the program at start with the variable's name."""

    model_config = SettingsConfigDict(
        case_sensitive=True, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # --- registry (Postgres) ---
    DBNAME: str = Field("dojot_devm", description="Name of the database.")
    DBHOST: str = Field("postgres", description="Host of Postgres, optionally with a port (host:port).")
    DBUSER: str = Field("postgres", description="User of the database.")
    DBPASS: SecretStr = Field(SecretStr(""), description="Password of that user.")
    DBDRIVER: str = Field("postgresql+psycopg2", description="SQLAlchemy's name of the driver.")
    CREATE_DB: bool = Field(
        default=True, description="Whether `migrate` creates the database when it is missing."
    )

    API_DBUSER: str = Field(
        "", description="User of the database for the facade; empty: DBUSER, which then takes API_DBROLE."
    )
    API_DBPASS: SecretStr = Field(SecretStr(""), description="Password of API_DBUSER.")
    API_DBROLE: str = Field(
        FACADE_ROLE,
        min_length=1,
        description="Role that the facade takes, for which row-level security holds; `migrate` makes it.",
    )

    # --- notifications (Kafka) ---
    KAFKA_HOST: str = Field("kafka", description="Host of the first broker; several separated by commas.")
    KAFKA_PORT: int = Field(9092, description="Port of the brokers.")
    BROKER: str = Field(
        "", description="Base URL of the data broker that names topics; empty: <tenant>.<SUBJECT>."
    )
    SUBJECT: str = Field("dojot.device-manager.device", description="Subject of device notifications.")
    DEVICE_SUBJECT: str = Field("device-data", description="Subject of device data, for the monitor.")
    OUTBOX_RETENTION_SECONDS: int = Field(
        86_400, ge=0, description="How long sent events stay in the outbox: a day to look into what was sent."
    )

    # --- presence (Redis) ---
    REDIS_HOST: str = Field("device-manager-redis", description="Host of Redis.")
    REDIS_PORT: int = Field(6379, description="Port of Redis.")
    STATUS_TIMEOUT: float = Field(
        5,
        gt=0,
        description="Seconds without data until a device is offline, where neither the message (`exp`,"
        " seconds) nor a template (`device_timeout`, milliseconds) says so.",
    )
    STATUS_NOTICES: bool = Field(
        default=False,
        description="Whether the monitor writes each change of a status into the tenant's topic of device"
        " data. Consumers that store everything from there will meet them.",
    )

    STATUS_IN_DOCUMENTS: bool = Field(
        default=False,
        description="Whether the facade shows `status` in devices; set it where a monitor runs.",
    )

    # --- keys ---
    DEV_MNGR_CRYPTO_PASS: SecretStr = Field(
        SecretStr(""),
        description="Password of the key encryption, the same for operator and facade; empty: keys are"
        " neither stored nor shown.",
    )
    DEV_MNGR_CRYPTO_IV: SecretStr = Field(
        SecretStr(""), description="Initial vector of values that the original encrypted; 16 characters."
    )
    DEV_MNGR_CRYPTO_SALT: SecretStr = Field(SecretStr(""), description="Salt of the key derivation.")
    DEV_MNGR_CRYPTO_FORMER: SecretStr = Field(
        SecretStr(""),
        description="Passwords that keys may still be encrypted with, while they are changed: a JSON list of"
        ' `{"pass": ..., "salt": ...}`; without `salt` the present one. See `device-manager rotate-key`.',
    )
    PSK_IN_EVENTS: bool = Field(
        default=False,
        description="Whether the update that follows a new key shows the keys of the device in clear, as the"
        " original does. Everybody who reads the topic can read them then.",
    )

    # --- tenants ---
    SINGLE_TENANT: str = Field(
        "", description="Name of the only tenant; empty: the token decides. A plain `true` means `admin`."
    )
    REQUIRE_TENANT_BINDING: bool = Field(
        default=False,
        description="Whether only namespaces with the annotation dojot.io/tenant stand for a tenant.",
    )
    TENANT_NAMESPACES: TenantNamespaces = Field(
        TenantNamespaces.EXISTING, description="Whether the facade makes namespaces for new tenants."
    )
    TENANT_NAMESPACE_PREFIX: str = Field("", description="What such namespaces begin with.")

    # --- operator ---
    WATCH_NAMESPACES: str = Field(
        "", description="Namespaces that the operator serves, separated by commas; empty: all."
    )
    PAUSED: bool = Field(
        default=False,
        description="Whether the operator changes nothing during an incident: neither rows nor statuses."
        " Deletions go on (row, event, finalizer), and events that are in the outbox are sent. What was"
        " missed is applied after a restart without it.",
    )
    WORKERS: int = Field(
        64, ge=1, description="Resources in work at once: bounds memory and writes, whatever arrives."
    )
    BATCH_ROWS: int = Field(
        200, ge=1, description="Rows in one transaction at the most: beyond that a row gets no cheaper."
    )
    BATCH_LINGER_MS: float = Field(
        50, ge=0, description="Milliseconds that a batch waits for company, if there is other work in hand."
    )
    ACKNOWLEDGE_WAIT_MS: float = Field(
        500, ge=0, description="Milliseconds to wait for Kafka, so that one status write tells everything."
    )

    SWEEP_INTERVAL_SECONDS: float = Field(
        600,
        ge=0,
        description="Seconds between two comparisons of cluster and registry, 10 % more or less; 0: never.",
    )

    # --- leader election ---
    LEADER_ELECTION: bool = Field(
        default=True,
        description="Whether operators agree by a Lease who of them works, so that several can run. Without"
        " it the operator that was started last works, and the others end.",
    )
    LEASE_NAME: str = Field(
        "device-manager-operator",
        min_length=1,
        description="Name of the Lease; operators with one registry share it, others must not.",
    )
    LEASE_NAMESPACE: str = Field(
        "", description="Namespace of the Lease; empty: that of the pod, `default` outside of a cluster."
    )
    LEASE_DURATION_SECONDS: float = Field(
        15,
        gt=0,
        description="How long a leader that vanished keeps the lead: another one works two seconds later at"
        " the latest.",
    )
    LEASE_RENEW_DEADLINE_SECONDS: float = Field(
        10,
        gt=0,
        description="How long a leader tries to renew the Lease before it ends; shorter than the duration.",
    )
    LEASE_RETRY_SECONDS: float = Field(
        1,
        gt=0,
        description="Seconds between two attempts to take or renew the Lease; shorter than the deadline.",
    )

    # --- deletion ---
    DELETION_POLICY: DeletionPolicy = Field(
        DeletionPolicy.DELETE,
        description="What becomes of the row of a deleted resource where neither its spec nor the annotation"
        " dojot.io/deletion-policy of its namespace says so: Delete or Retain.",
    )
    DELETION_BUDGET_COUNT: int = Field(
        0, ge=0, description="Devices of a tenant that may be deleted within the window; 0: any number."
    )
    DELETION_BUDGET_PERCENT: float = Field(
        0,
        ge=0,
        le=100,
        description="Percentage of a tenant's devices that may be deleted within the window, one device at"
        " least; 0: any number.",
    )
    DELETION_BUDGET_WINDOW_SECONDS: int = Field(
        600, ge=1, description="Length of the window in which deletions are counted."
    )

    # --- facade ---
    API_HOST: str = Field("0.0.0.0", description="Address that the facade listens on.")  # noqa: S104
    API_PORT: int = Field(5000, description="Port of the facade.")
    AUTH_MODE: AuthMode = Field(AuthMode.GATEWAY, description="Whether tokens are trusted or verified.")
    JWT_SECRET: SecretStr = Field(
        SecretStr(""), description="Secret of tokens that are signed with HS256; empty: none is accepted."
    )
    JWT_JWKS_URL: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="Where the public keys of other tokens are, a JSON Web Key Set; {tenant} stands for the"
        " tenant, as in the realms of Keycloak. Empty: only HS256 is accepted.",
    )
    JWT_ISSUER: str = Field(
        "",
        description="What `iss` of a token must be, several separated by commas; {tenant} stands for the"
        " tenant. Empty: not compared.",
    )
    JWT_AUDIENCE: str = Field(
        "", description="What `aud` of a token must name, several separated by commas; empty: not compared."
    )
    JWT_LEEWAY_SECONDS: float = Field(
        30, ge=0, description="How far clocks may differ when `exp` and `nbf` are compared."
    )
    REST_WAIT_SECONDS: float = Field(
        10, ge=0, description="Seconds that a write waits until it can be read; then it answers 202."
    )
    BODY_LIMIT_MIB: float = Field(
        10, gt=0, description="Largest body of a request; larger ones are answered 413."
    )
    ACCESS_LOG: bool = Field(
        default=True,
        description="Whether each request is a log line: tenant, route, status, duration, request id.",
    )

    FOREIGN_RESOURCES: ForeignResources = Field(
        ForeignResources.REFUSE,
        description="Whether REST may change what kubectl or a GitOps tool declares: refuse or overwrite.",
    )

    # --- observability ---
    METRICS_HOST: str = Field("0.0.0.0", description="Address of health and metrics.")  # noqa: S104
    METRICS_PORT: int = Field(9090, description="Port of /healthz, /readyz and /metrics.")
    LOG_LEVEL: str = Field("INFO", description="CRITICAL, ERROR, WARNING, INFO or DEBUG.")
    LOG_FORMAT: str = Field("json", pattern="^(json|text)$", description="json, or text for a terminal.")

    @field_validator("LOG_LEVEL")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in LEVELS:
            raise ValueError(f"must be one of {', '.join(LEVELS)}")
        return level.upper()

    @field_validator("DEV_MNGR_CRYPTO_FORMER")
    @classmethod
    def _passwords_can_be_read(cls, text: SecretStr) -> SecretStr:
        former_passwords(text.get_secret_value())
        return text

    @field_validator("DBHOST")
    @classmethod
    def _port_is_a_number(cls, host: str) -> str:
        _, colon, port = host.partition(":")
        if colon and not port.isdecimal():
            raise ValueError(f'the port must be a number, but it is "{port}"')
        return host

    @property
    def has_deletion_budget(self) -> bool:
        """Whether deletions are counted at all."""
        return self.DELETION_BUDGET_COUNT > 0 or self.DELETION_BUDGET_PERCENT > 0

    @model_validator(mode="after")
    def _lease_times_fit(self) -> Self:
        if not self.LEASE_RETRY_SECONDS < self.LEASE_RENEW_DEADLINE_SECONDS < self.LEASE_DURATION_SECONDS:
            raise ValueError(
                "LEASE_RETRY_SECONDS must be less than LEASE_RENEW_DEADLINE_SECONDS,"
                " and that less than LEASE_DURATION_SECONDS"
            )
        return self

    @property
    def lease_namespace(self) -> str:
        """Where the Lease is."""
        if self.LEASE_NAMESPACE:
            return self.LEASE_NAMESPACE
        return _POD_NAMESPACE.read_text().strip() if _POD_NAMESPACE.exists() else "default"

    @property
    def registry_url(self) -> URL:
        """Where the registry is, as SQLAlchemy wants it."""
        return self._url(self.DBUSER, self.DBPASS)

    @property
    def facade_url(self) -> URL:
        """The same for the facade, which may have a user of its own."""
        if self.API_DBUSER:
            return self._url(self.API_DBUSER, self.API_DBPASS)
        return self.registry_url

    def _url(self, user: str, password: SecretStr) -> URL:
        host, _, port = self.DBHOST.partition(":")
        return URL.create(
            self.DBDRIVER,
            username=user,
            password=password.get_secret_value() or None,
            host=host,
            port=int(port) if port else None,
            database=self.DBNAME,
            query=self.postgres_tls,
        )

    @property
    def kafka_bootstrap(self) -> list[str]:
        """The brokers, each with its port."""
        hosts = [host.strip() for host in self.KAFKA_HOST.split(",")]
        return [host if ":" in host else f"{host}:{self.KAFKA_PORT}" for host in hosts]

    @property
    def redis_client(self) -> dict[str, Any]:
        """Arguments for every client of redis-py; those for time-outs are the caller's."""
        return {"host": self.REDIS_HOST, "port": self.REDIS_PORT, **self.redis_security}

    @cached_property
    def namespaces(self) -> list[str]:
        """The namespaces to serve; empty for all."""
        return [name.strip() for name in self.WATCH_NAMESPACES.split(",") if name.strip()]
