"""`make run` on a cluster that it does not own: what REST does not know becomes a message."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from local.errors import PlatformError
from local.fleet import read


@contextmanager
def answering(*answers: tuple[int, object]) -> Iterator[str]:
    """A server that gives these answers in turn, the last one for ever; answers its URL."""
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/device/a1b2"
        finally:
            server.shutdown()


def test_a_device_is_shown_as_soon_as_it_is_known() -> None:
    with answering((404, {}), (404, {}), (200, {"id": "a1b2"})) as url:
        assert read(url, "token") == {"id": "a1b2"}


def test_a_device_that_another_operator_registered_is_a_message_that_says_so() -> None:
    with answering((404, {})) as url, pytest.raises(PlatformError, match=r"Another operator.*KUBECONFIG"):
        read(url, "token", patience=0)


def test_any_other_refusal_is_told_at_once_with_its_text() -> None:
    with answering((503, {"message": "later"})) as url, pytest.raises(PlatformError, match=r"503.*later"):
        read(url, "token")


def test_a_facade_that_is_away_is_a_message() -> None:
    with pytest.raises(PlatformError, match="does not answer"):
        read("http://127.0.0.1:1/device/a1b2", "token")
