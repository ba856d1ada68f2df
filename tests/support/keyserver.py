"""Serves JSON Web Key Sets, and signs tokens with their keys: what an identity provider does."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


@dataclass
class SigningKey:
    """A private key with what a key set says about it."""

    id: str
    algorithm: str
    private: Any
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def rsa(cls, key_id: str, algorithm: str = "RS256", **extra: Any) -> "SigningKey":
        return cls(key_id, algorithm, rsa.generate_private_key(65537, 2048), extra)

    @classmethod
    def ec(cls, key_id: str, **extra: Any) -> "SigningKey":
        return cls(key_id, "ES256", ec.generate_private_key(ec.SECP256R1()), extra)

    @property
    def public(self) -> dict[str, Any]:
        """The entry of a key set."""
        kind = RSAAlgorithm if isinstance(self.private, rsa.RSAPrivateKey) else ECAlgorithm
        entry: dict[str, Any] = kind.to_jwk(self.private.public_key(), as_dict=True)
        return {**entry, "kid": self.id, "use": "sig", **self.extra}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token."""
        return jwt.encode(
            dict(claims), self.private, algorithm=self.algorithm, headers={"kid": self.id, **header}
        )


@dataclass
class KeyServer:
    """Answers each path with its set; counts the requests."""

    url: str = ""
    sets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: int = 200
    body: bytes | None = None

    def serve(self, *keys: SigningKey, path: str = "/keys") -> None:
        self.sets[path] = [one.public for one in keys]

    def answer(self, path: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if self.status != 200 or path not in self.sets:
            return (self.status if self.status != 200 else 404), b"no"
        return 200, self.body or json.dumps({"keys": self.sets[path]}).encode()


@contextmanager
def a_key_server() -> Iterator[KeyServer]:
    server = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = server.answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        http.shutdown()
        thread.join()
