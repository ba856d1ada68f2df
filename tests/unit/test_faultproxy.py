"""The proxy of the fault tests does to connections what it says: a fault that is none proves nothing."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.faultproxy import FaultProxy

SOON = 0.3
"""Seconds after which what has not come is held; what passes needs a thousandth of it."""


@pytest.fixture
def echo() -> Iterator[int]:
    """Return the port of a server that answers with what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    with FaultProxy(echo) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    """Return a connection that has been used already."""
    with _connect(proxy) as client:
        assert _ask(client, b"hello") == b"hello"
        yield client


def test_cut_resets_what_stands_and_welcomes_what_comes(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with _connect(proxy) as another:
        assert _ask(another, b"again") == b"again"


def test_refuse_takes_no_connection_until_it_heals(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)
    proxy.heal()
    with _connect(proxy) as another:
        assert _ask(another, b"again") == b"again"


def test_a_black_hole_holds_everything_and_lets_it_go_when_it_heals(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.black_hole()
    client.sendall(b"held")
    with pytest.raises(TimeoutError):
        client.recv(4)
    with _connect(proxy) as another, pytest.raises(TimeoutError):
        _ask(another, b"nobody there")
    proxy.heal()
    assert client.recv(4) == b"held"


def test_mute_loses_answers_and_resets_when_it_heals(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.mute()
    with pytest.raises(TimeoutError):
        _ask(client, b"carried out, but who knows")
    proxy.heal()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_delay_makes_everything_late(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.delay(SOON / 4)
    began = time.monotonic()
    assert _ask(client, b"late") == b"late"
    assert time.monotonic() - began >= SOON / 2, "once there and once back"


def test_throttle_passes_so_many_bytes_a_second(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.throttle(100_000)
    began = time.monotonic()
    client.sendall(b"x" * 10_000)
    seen = 0
    while seen < 10_000:
        seen += len(client.recv(10_000))
    assert time.monotonic() - began >= 0.1, "there, and meanwhile back"


def test_nobody_behind_the_proxy_looks_like_a_reset(proxy: FaultProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    # The reset may come as early as while the connection is being made.
    with FaultProxy(port) as alone, pytest.raises(ConnectionResetError), _connect(alone) as client:
        client.recv(1)


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection:
        try:
            while heard := connection.recv(65536):
                connection.sendall(heard)
        except OSError:
            return


def _connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=SOON)


def _ask(client: socket.socket, what: bytes) -> bytes:
    client.sendall(what)
    return client.recv(len(what))
