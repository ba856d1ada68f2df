"""Which topic the events of a tenant go to. The Kafka adapter asks; `wiring` chooses the source."""

import json
import random
import re
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

import urllib3

from .backoff import Holds
from .domain.errors import BrokerUnavailable
from .domain.model import Tenant

TIMEOUT_SECONDS = 5.0
"""How long the data broker may take for an answer: it has the topic in memory."""


_CONNECTIONS = 8
"""Kept open to the data broker; when many tenants are new, more are opened and closed again."""

REMEMBERED_SECONDS = 300.0
"""How long a topic is taken for the tenant's at the most without asking again: a data broker that lost its
memory gives new ones."""

TOPIC_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
"""What Kafka takes as the name of a topic."""


class TopicSource(Protocol):
    """Names topics, to several threads at once."""

    def topic(self, tenant: Tenant) -> str:
        """The topic of a tenant. Raises BrokerUnavailable when nobody can tell it now."""


class NamedTopics:
    """Topics by the naming rule of dojot: tenant, dot, subject."""

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def topic(self, tenant: Tenant) -> str:
        """`<tenant>.<subject>`."""
        return f"{tenant}.{self._subject}"


class DataBrokerTopics:
    """Topics as the data broker of dojot names them, asked once in a while for each tenant.

    Contract: `GET <broker>/topic/<subject>` under a token of the tenant answers `{"topic": …}`. The data
    broker reads the token without verifying it, as everything behind dojot's gateway does. While it does not
    answer, the topics that it has named stay in use.
    """

    def __init__(self, url: str, subject: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = f"{url.rstrip('/')}/topic/{quote(subject, safe='')}"
        self._pool = urllib3.PoolManager(maxsize=_CONNECTIONS, timeout=TIMEOUT_SECONDS, retries=False)
        self._clock = clock
        self._known: dict[Tenant, str] = {}
        self._fresh_until: dict[Tenant, float] = {}
        self._silent = Holds[str](clock=clock)
        self._lock = threading.Lock()

    def topic(self, tenant: Tenant) -> str:
        """The tenant's topic. Raises BrokerUnavailable with what the data broker did instead of naming it."""
        if self._clock() < self._fresh_until.get(tenant, 0.0):
            return self._known[tenant]
        try:
            self._known[tenant] = self._topic_in(self._ask(tenant), tenant)
        except BrokerUnavailable:
            if tenant not in self._known:
                raise
        # Not all at once: whoever asks for every tenant does so one after another.
        share = random.uniform(0.5, 1)  # noqa: S311 - spreads load, keeps no secret
        self._fresh_until[tenant] = self._clock() + REMEMBERED_SECONDS * share
        return self._known[tenant]

    def _ask(self, tenant: Tenant) -> urllib3.BaseHTTPResponse:
        # A broker that hangs costs one time-out per pause, not one for each tenant.
        with self._lock:
            if self._url in self._silent:
                raise BrokerUnavailable(f"the data broker at {self._url} did not answer a moment ago")
        try:
            answer = self._pool.request("GET", self._url, headers=_headers(tenant))
        except urllib3.exceptions.HTTPError as error:
            self._note(silent=True)
            raise BrokerUnavailable(f"the data broker at {self._url} does not answer: {error}") from error
        self._note(silent=False)
        return answer

    def _note(self, *, silent: bool) -> None:
        with self._lock:
            if not silent:
                self._silent.succeed(self._url)
            elif self._url not in self._silent:
                self._silent.fail(self._url)

    def _topic_in(self, answer: urllib3.BaseHTTPResponse, tenant: Tenant) -> str:
        try:
            body = answer.json()
        except ValueError:
            body = None
        topic = body.get("topic") if isinstance(body, dict) else None
        if answer.status != HTTPStatus.OK or not isinstance(topic, str) or not TOPIC_NAME.fullmatch(topic):
            raise BrokerUnavailable(
                f"the data broker names no topic for tenant {tenant} (status {answer.status}); see its log"
            )
        return topic


def _headers(tenant: Tenant) -> Mapping[str, str]:
    claims = {"service": tenant, "username": "device-manager"}
    token = ".".join([_part({"alg": "none", "typ": "JWT"}), _part(claims), _part("unsigned")])
    return {"Authorization": f"Bearer {token}"}


def _part(content: Any) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
