"""Which topic the events of a tenant go to. The Kafka adapter asks; `wiring` chooses the source."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

import urllib3

from .backoff import Holds
from .domain.errors import BrokerUnavailable
from .domain.model import Tenant

TIMEOUT_SECONDS = 5.0
"""How long the data broker may take for an answer: it has the topic in memory."""


class TopicSource(Protocol):
    """Names topics."""

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
    """Topics as the data broker of dojot names them, asked once per tenant and process.

    Contract: `GET <broker>/topic/<subject>` under a token of the tenant answers `{"topic": …}`. The data
    broker reads the token without verifying it, as everything behind dojot's gateway does.
    """

    def __init__(self, url: str, subject: str) -> None:
        self._url = f"{url.rstrip('/')}/topic/{quote(subject, safe='')}"
        self._pool = urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False)
        self._known: dict[Tenant, str] = {}
        self._silent = Holds[str]()

    def topic(self, tenant: Tenant) -> str:
        """The tenant's topic. Raises BrokerUnavailable with what the data broker did instead of naming it."""
        if tenant not in self._known:
            self._known[tenant] = self._topic_in(self._ask(tenant), tenant)
        return self._known[tenant]

    def _ask(self, tenant: Tenant) -> urllib3.BaseHTTPResponse:
        # A broker that hangs costs one time-out per pause, not one for each tenant.
        if self._url in self._silent:
            raise BrokerUnavailable(f"the data broker at {self._url} did not answer a moment ago")
        try:
            answer = self._pool.request("GET", self._url, headers=_headers(tenant))
        except urllib3.exceptions.HTTPError as error:
            self._silent.fail(self._url)
            raise BrokerUnavailable(f"the data broker at {self._url} does not answer: {error}") from error
        self._silent.succeed(self._url)
        return answer

    def _topic_in(self, answer: urllib3.BaseHTTPResponse, tenant: Tenant) -> str:
        try:
            body = answer.json()
        except ValueError:
            body = None
        topic = body.get("topic") if isinstance(body, dict) else None
        if answer.status != HTTPStatus.OK or not isinstance(topic, str) or not topic:
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
