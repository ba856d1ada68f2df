"""TLS in front of a server that does not speak it: what stunnel does, in a few threads.

Used by `local.secure` for Redis.
"""

import socket
import ssl
import threading
from contextlib import suppress

from local.certificates import Issued

Address = tuple[str, int]

CHUNK = 65536


class Terminator:
    """Takes TLS connections at one address and hands on what they carry to another."""

    def __init__(self, front: Address, behind: Address, issued: Issued) -> None:
        """Choose addresses, and the certificate to show."""
        self._behind = behind
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(issued.certificate, issued.key)
        self._listener = socket.create_server(front)
        self._open = set[socket.socket]()

    def start(self) -> None:
        """Take connections from now on."""
        threading.Thread(target=self._accept, daemon=True, name="terminator").start()

    def stop(self) -> None:
        """Take no more, and cut those that are open."""
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                raw, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        self._open.add(raw)
        # A client that refuses our certificate ends the handshake; that is what some tests are about.
        with suppress(OSError), raw, self._context.wrap_socket(raw, server_side=True) as front:
            self._open.add(front)
            with socket.create_connection(self._behind) as behind:
                self._open.add(behind)
                back = threading.Thread(target=_pump, args=(behind, front), daemon=True)
                back.start()
                _pump(front, behind)
                back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
