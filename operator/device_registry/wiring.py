"""Puts adapters behind the ports: the only place that knows which one stands where.

Programs call these functions at start.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from .access import Credentials
from .crypto import KeyRing, PasswordVault, former_passwords
from .kafka import KafkaBus
from .kube import Kube
from .leases import LeaderKube
from .presence import PresenceReader, PresenceStore
from .registry.monitored import MonitoredRegistry
from .registry.writer import LEADERS_SILENCE_SECONDS, PostgresRegistry, make_engine
from .settings import Settings
from .topics import DataBrokerTopics, NamedTopics, TopicSource

_REDIS_SECONDS = 3.0
"""How long Redis may take for an answer; its longest script takes a hundredth of that."""

_REDIS_READ_SECONDS = 0.5
"""How long an answer of the facade may wait for statuses: without them it is still an answer."""


def clock() -> datetime:
    """The current time, in UTC as everything that the registry stores."""
    return datetime.now(UTC)


def registry(settings: Settings) -> PostgresRegistry:
    """The registry for the program that writes it; its `outbox` is for the relay."""
    return PostgresRegistry(make_engine(settings.registry_url, LEADERS_SILENCE_SECONDS))


def bus(settings: Settings) -> KafkaBus:
    """Kafka; topics are named after the tenant unless a data broker names them."""
    return KafkaBus(settings.kafka_bootstrap, topics(settings), security=settings.kafka_security)


def topics(settings: Settings, subject: str = "") -> TopicSource:
    """What names the topics of a subject, that of device notifications by default."""
    subject = subject or settings.SUBJECT
    return DataBrokerTopics(settings.BROKER, subject) if settings.BROKER else NamedTopics(subject)


def vault(settings: Settings) -> KeyRing | None:
    """What encrypts keys, None while there is no password; each password takes some tenths of a second."""
    password = settings.DEV_MNGR_CRYPTO_PASS.get_secret_value()
    if not password:
        return None
    salt = settings.DEV_MNGR_CRYPTO_SALT.get_secret_value()
    former = former_passwords(settings.DEV_MNGR_CRYPTO_FORMER.get_secret_value())
    return KeyRing(
        PasswordVault(password, salt),
        [PasswordVault(one, salt if own is None else own) for one, own in former],
    )


def cluster() -> Kube:
    """The API server; enter it as an asynchronous context."""
    return Kube(Credentials.load())


def leaders_cluster(leads: Callable[[], bool]) -> LeaderKube:
    """The API server for the operator; it is written to only while `leads` says so."""
    return LeaderKube(Credentials.load(), leads)


def monitored(settings: Settings) -> MonitoredRegistry:
    """The registry for the monitor."""
    return MonitoredRegistry(settings.registry_url)


def presence(settings: Settings, monitor: str) -> PresenceStore:
    """Presence for a monitor of that name."""
    client = Redis(
        **settings.redis_client,
        decode_responses=True,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        health_check_interval=10,
        retry=Retry(NoBackoff(), 1),
    )
    return PresenceStore(client, monitor, noting=settings.STATUS_NOTICES)


@asynccontextmanager
async def presence_reader(settings: Settings) -> AsyncIterator[PresenceReader | None]:
    """Presence for the facade, None when documents do not show it."""
    if not settings.STATUS_IN_DOCUMENTS:
        yield None
        return
    client = AsyncRedis(
        **settings.redis_client,
        decode_responses=True,
        socket_timeout=_REDIS_READ_SECONDS,
        socket_connect_timeout=_REDIS_READ_SECONDS,
        retry=AsyncRetry(NoBackoff(), 1),
    )
    reader = PresenceReader(client)
    try:
        yield reader
    finally:
        await reader.close()
