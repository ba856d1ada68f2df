"""TLS and passwords against servers that demand them: what fits works, what does not has a name."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import redis
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from device_registry import wiring
from device_registry.domain.errors import BrokerUnavailable, RegistryUnavailable
from device_registry.kafka import KafkaBus
from device_registry.registry.reader import RegistryReader
from device_registry.registry.writer import PostgresRegistry
from device_registry.settings import Settings
from local import postgres
from local.ports import LOOPBACK
from local.secure import PASSWORD, USER, SecureServers
from tests.support.outbox import an_event
from tests.support.topics import records

# The library leaves sockets of failed connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")

WRONG_AUTHORITY = "certificate verify failed"
WRONG_HOST = "does not match host name|Hostname mismatch|not valid for 'localhost'"


# --- Kafka ------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device_registry.kafka.BLOCK_SECONDS", 2.0)


@pytest.fixture
def bus(secure: SecureServers) -> Iterator[Callable[..., KafkaBus]]:
    """Makes a bus on a listener by further variables."""
    made: list[KafkaBus] = []

    def make(listener: str, host: str = LOOPBACK, **variables: Any) -> KafkaBus:
        trusted = {"KAFKA_SSL_CA_LOCATION": str(secure.authority.certificate)}
        address = {"KAFKA_HOST": host, "KAFKA_PORT": secure.ports[listener]}
        made.append(wiring.bus(Settings.model_validate({**trusted, **address, **variables})))
        return made[-1]

    yield make
    for one in made:
        one.close()
    made.clear()
    gc.collect()


def sends(secure: SecureServers, bus: KafkaBus) -> bool:
    tenant = f"t{uuid4().hex[:12]}"
    assert bus.send([an_event(1, "a1", 1, tenant=tenant)])[1].sent
    topic = f"{tenant}.dojot.device-manager.device"
    return len(records(f"{LOOPBACK}:{secure.ports['plain']}", topic)) == 1


def refusal(bus: KafkaBus) -> str:
    with pytest.raises(BrokerUnavailable) as caught:
        bus.send([an_event(1, "a1", 1, tenant="refused")])
    return caught.value.message


def sasl(mechanism: str = "SCRAM-SHA-512", **more: str) -> dict[str, str]:
    login = {"KAFKA_SASL_USERNAME": USER, "KAFKA_SASL_PASSWORD": PASSWORD}
    return {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": mechanism, **login, **more}


TLS = {"KAFKA_SECURITY_PROTOCOL": "SSL"}


def test_events_reach_kafka_over_tls(secure: SecureServers, bus: Callable[..., KafkaBus]) -> None:
    assert sends(secure, bus("tls", **TLS))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_events_reach_kafka_with_a_password(
    secure: SecureServers, bus: Callable[..., KafkaBus], mechanism: str
) -> None:
    assert sends(secure, bus("sasl", **sasl(mechanism)))


def test_events_reach_kafka_with_a_client_certificate(
    secure: SecureServers, bus: Callable[..., KafkaBus]
) -> None:
    mine = {
        "KAFKA_SSL_CERTIFICATE_LOCATION": str(secure.client.certificate),
        "KAFKA_SSL_KEY_LOCATION": str(secure.client.key),
    }
    assert sends(secure, bus("mutual", **TLS, **mine))


def test_a_broker_without_our_host_name_may_be_allowed(
    secure: SecureServers, bus: Callable[..., KafkaBus]
) -> None:
    relaxed = {"KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM": "none"}
    assert sends(secure, bus("tls", "localhost", **TLS, **relaxed))


def test_kafka_with_a_strangers_certificate_is_refused(
    secure: SecureServers, bus: Callable[..., KafkaBus]
) -> None:
    stranger = str(secure.stranger.certificate)
    assert WRONG_AUTHORITY in refusal(bus("tls", **TLS, KAFKA_SSL_CA_LOCATION=stranger))


def test_kafka_with_another_hosts_certificate_is_refused(bus: Callable[..., KafkaBus]) -> None:
    assert "Hostname mismatch" in refusal(bus("tls", "localhost", **TLS))


def test_a_missing_file_of_authorities_is_told(bus: Callable[..., KafkaBus]) -> None:
    assert "No such file" in refusal(bus("tls", **TLS, KAFKA_SSL_CA_LOCATION="/nowhere/ca.crt"))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_wrong_password_for_kafka_is_told(bus: Callable[..., KafkaBus], mechanism: str) -> None:
    told = refusal(bus("sasl", **sasl(mechanism, KAFKA_SASL_PASSWORD="wrong")))
    # The library sometimes sees the end of the connection before the answer.
    assert "uthentication failed" in told or "refuses user and password" in told


def test_no_certificate_where_kafka_wants_one_is_told(bus: Callable[..., KafkaBus]) -> None:
    assert "certificate required" in refusal(bus("mutual", **TLS))


def test_a_protocol_that_does_not_fit_the_port_is_told(bus: Callable[..., KafkaBus]) -> None:
    told = refusal(bus("tls", KAFKA_SECURITY_PROTOCOL="PLAINTEXT"))
    assert "KAFKA_SECURITY_PROTOCOL does not fit its port" in told


# --- Postgres ---------------------------------------------------------------------------------------------


def registry_settings(secure: SecureServers, **variables: str) -> Settings:
    return Settings.model_validate(
        {
            "DBHOST": f"{LOOPBACK}:{secure.ports['postgres']}",
            "DBNAME": "postgres",
            "DBUSER": postgres.USER,
            "DBPASS": postgres.PASSWORD,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(secure.authority.certificate),
            **variables,
        }
    )


def written_by_the_operator(settings: Settings) -> None:
    with closing(wiring.registry(settings)) as registry:
        assert isinstance(registry, PostgresRegistry)
        registry.ping()


def read_by_the_facade(settings: Settings) -> None:
    async def ask() -> None:
        async with RegistryReader(settings.registry_url) as reader:
            await reader.ping()

    asyncio.run(ask())


DRIVERS = pytest.mark.parametrize("ask", [written_by_the_operator, read_by_the_facade])
Ask = Callable[[Settings], None]


@DRIVERS
def test_postgres_is_reached_over_tls(secure: SecureServers, ask: Ask) -> None:
    ask(registry_settings(secure))


@DRIVERS
def test_postgres_is_reached_with_a_client_certificate(secure: SecureServers, ask: Ask) -> None:
    with (
        closing(psycopg2.connect(secure.database_url("postgres"))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("DROP ROLE IF EXISTS certified")
        cursor.execute("CREATE ROLE certified LOGIN")
        connection.commit()
    mine = {"PGSSLCERT": str(secure.client.certificate), "PGSSLKEY": str(secure.client.key)}
    ask(registry_settings(secure, DBUSER="certified", DBPASS="", **mine))


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"PGSSLMODE": "disable", "PGSSLROOTCERT": ""}, "no encryption"),
        ({"DBPASS": "wrong"}, "password authentication failed"),
        ({"PGSSLROOTCERT": "/nowhere/ca.crt"}, 'root certificate file "/nowhere/ca.crt" does not exist'),
    ],
)
def test_postgres_that_does_not_let_us_in_is_told(
    secure: SecureServers, variables: dict[str, str], told: str
) -> None:
    with pytest.raises(RegistryUnavailable, match=told):
        written_by_the_operator(registry_settings(secure, **variables))


@DRIVERS
def test_postgres_with_a_strangers_certificate_is_refused(secure: SecureServers, ask: Ask) -> None:
    stranger = str(secure.stranger.certificate)
    with pytest.raises(RegistryUnavailable, match=WRONG_AUTHORITY):
        ask(registry_settings(secure, PGSSLROOTCERT=stranger))


def test_postgres_with_another_hosts_certificate_is_refused(secure: SecureServers) -> None:
    elsewhere = f"localhost:{secure.ports['postgres']}"
    with pytest.raises(RegistryUnavailable, match=WRONG_HOST):
        written_by_the_operator(registry_settings(secure, DBHOST=elsewhere))


# --- Redis ------------------------------------------------------------------------------------------------


def redis_arguments(secure: SecureServers, **variables: str) -> dict[str, Any]:
    return Settings.model_validate(
        {
            "REDIS_HOST": LOOPBACK,
            "REDIS_PORT": secure.ports["redis"],
            "REDIS_USERNAME": USER,
            "REDIS_PASSWORD": PASSWORD,
            "REDIS_TLS": "true",
            "REDIS_TLS_CA_FILE": str(secure.authority.certificate),
            **variables,
        }
    ).redis_client


def test_redis_is_reached_over_tls_with_a_user(secure: SecureServers) -> None:
    with redis.Redis(**redis_arguments(secure)) as client:
        assert client.ping()


async def test_redis_is_reached_by_the_asynchronous_client(secure: SecureServers) -> None:
    async with Redis(**redis_arguments(secure)) as client:
        assert await client.ping()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"REDIS_PASSWORD": "wrong"}, "invalid username-password pair"),
        ({"REDIS_USERNAME": "nobody"}, "invalid username-password pair"),
        ({"REDIS_HOST": "localhost"}, WRONG_HOST),
        ({"REDIS_TLS_CA_FILE": ""}, WRONG_AUTHORITY),
    ],
)
def test_redis_that_does_not_let_us_in_is_told(
    secure: SecureServers, variables: dict[str, str], told: str
) -> None:
    arguments = redis_arguments(secure, **variables) | {"retry": Retry(NoBackoff(), 0)}
    with redis.Redis(**arguments) as client, pytest.raises(redis.RedisError, match=told):
        client.ping()


def test_redis_without_our_host_name_may_be_allowed(secure: SecureServers) -> None:
    relaxed = redis_arguments(secure, REDIS_HOST="localhost", REDIS_TLS_CHECK_HOSTNAME="false")
    with redis.Redis(**relaxed) as client:
        assert client.ping()
