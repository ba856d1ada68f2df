"""Does a server answer? One bounded question per protocol, asked by the parts' readiness checks.

A look over the wire says more than an open port: a frozen server keeps its port open.
"""

import http.client
import socket
import ssl
import struct
from http import HTTPStatus

from local.ports import LOOPBACK

TIMEOUT = 2.0
"""Seconds that a server on this machine has for an answer."""

API_VERSIONS = 18
"""The request that every Kafka client sends first (Kafka protocol guide, ApiVersions)."""


def http_ok(port: int, path: str, *, tls: bool = False, token: str = "") -> bool:
    """Tell whether GET answers 200; raises OSError when nobody answers."""
    connection = _https(port) if tls else http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status == HTTPStatus.OK
    except http.client.HTTPException:
        return False
    finally:
        connection.close()


def redis_ok(port: int) -> bool:
    """Tell whether Redis answers a PING, if only by asking for a password; raises OSError if nobody does."""
    with socket.create_connection((LOOPBACK, port), TIMEOUT) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))


def kafka_ok(port: int) -> bool:
    """Tell whether a broker answers ApiVersions; raises OSError when nobody answers."""
    request = struct.pack(">hhih", API_VERSIONS, 0, 1, -1)
    with socket.create_connection((LOOPBACK, port), TIMEOUT) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        return len(connection.recv(8)) > 0


def _https(port: int) -> http.client.HTTPSConnection:
    # Whether it answers is asked before its certificate is known; nothing secret is read.
    context = ssl._create_unverified_context()  # noqa: S323, SLF001
    return http.client.HTTPSConnection(LOOPBACK, port, timeout=TIMEOUT, context=context)
