"""A reverse proxy before the API server that answers in its place: 429, 500, 503, 410, 401, as it is told.

It ends TLS with the API server's own certificate, so a kubeconfig needs another port and nothing else.
Watches are passed on line by line: they can be silenced, expired or robbed of events. For faults below HTTP
put a `FaultProxy` before it.
"""

import asyncio
import json
import random
import re
import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp
from aiohttp import web
from yarl import URL

from .loopthread import LoopThread

HOST = "127.0.0.1"
LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one watch event: more than etcd stores of an object."""

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host"}
"""Belong to one connection, not to the message (RFC 9110, 7.6.1); lengths are computed anew."""

REASONS = {401: "Unauthorized", 409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFault:
    """Which requests are answered with what.

    Attributes:
        status: of the answer.
        methods: of the requests; empty means all.
        path: regular expression to be found in path and query.
        retry_after: seconds, for the header of that name.
        share: how many of the matching requests, 0 to 1.
        late: whether the API server carries the request out and only its answer is replaced.
        body: of the answer; without, the words that the API server has for the status.
    """

    status: int
    methods: frozenset[str] = frozenset()
    path: str = ""
    retry_after: int | None = None
    share: float = 1.0
    late: bool = False
    body: Mapping[str, Any] | None = None

    def concerns(self, request: web.BaseRequest, chance: random.Random) -> bool:
        """Whether this request is to be answered so."""
        if self.methods and request.method not in self.methods:
            return False
        return re.search(self.path, request.path_qs) is not None and chance.random() < self.share

    def answer(self) -> web.Response:
        """The answer, as the API server words it."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        body = _status(self.status) if self.body is None else self.body
        return web.json_response(body, status=self.status, headers=headers)


class _End(NamedTuple):
    """How a watch is to end: with these bytes, then in order or by a reset."""

    last: bytes
    orderly: bool


class HttpFaults:
    """Stands before the API server on port `target`, whose certificate and key lie in `certificates`.

    Attributes:
        port: where to connect to, by https.
        given: how many answers were given in place of the API server, by status.
    """

    def __init__(self, target: int, certificates: Path, seed: int = 0) -> None:
        self.port = 0
        self.given: Counter[int] = Counter()
        self._upstream = f"https://{HOST}:{target}"
        self._pair = certificates / "apiserver.crt", certificates / "apiserver.key"
        self._chance = random.Random(seed)
        self._faults: tuple[HttpFault, ...] = ()
        self._lossy = 0.0
        self._audible = asyncio.Event()
        self._audible.set()
        self._endings: set[asyncio.Future[_End]] = set()
        self._thread = LoopThread(f"http faults of {target}")

    def __enter__(self) -> Self:
        self._thread.call(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.call(self._stop())
        self._thread.close()

    # --- faults ---------------------------------------------------------------------------------------

    def answer(self, *faults: HttpFault) -> None:
        """From now on answer so; the first fault that concerns a request counts."""
        self._faults = faults

    def silence_watches(self) -> None:
        """Let open watches stand without a sound until `heal`; what happens meanwhile comes late."""
        self._thread.call(self._be_audible(audible=False))

    def lose_events(self, share: float) -> None:
        """Lose so many of the watch events (0 to 1), without a trace."""
        self._lossy = share

    def expire_watches(self) -> None:
        """Send 410 Gone in every open watch and end it, as after a compaction of etcd."""
        line = json.dumps({"type": "ERROR", "object": _status(410)}).encode() + b"\n"
        self._thread.call(self._end_watches(_End(line, orderly=True)))

    def break_watches(self) -> None:
        """Reset every open watch in the middle of a line."""
        self._thread.call(self._end_watches(_End(b'{"type":"MODIFIED","obj', orderly=False)))

    def heal(self) -> None:
        """Pass everything on again."""
        self._faults = ()
        self._lossy = 0.0
        self._thread.call(self._be_audible(audible=True))

    # --- in the loop ----------------------------------------------------------------------------------

    async def _start(self) -> None:
        trust = ssl.create_default_context(cafile=str(self._pair[0]))
        connector = aiohttp.TCPConnector(limit=0, ssl=trust)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            read_bufsize=LONGEST_LINE,
        )
        self._runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0
        )
        await self._runner.setup()
        own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        own.load_cert_chain(*self._pair)
        site = web.TCPSite(self._runner, HOST, 0, ssl_context=own, backlog=512)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._end_watches(_End(b"", orderly=False))
        await self._runner.cleanup()
        await self._session.close()

    async def _be_audible(self, *, audible: bool) -> None:
        if audible:
            self._audible.set()
        else:
            self._audible.clear()

    async def _end_watches(self, how: _End) -> None:
        for ending in self._endings:
            if not ending.done():
                ending.set_result(how)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        fault = next((one for one in self._faults if one.concerns(request, self._chance)), None)
        try:
            return await (self._forward(request) if fault is None else self._answer(request, fault))
        except aiohttp.ClientError:
            return _hung_up(request)

    async def _answer(self, request: web.BaseRequest, fault: HttpFault) -> web.StreamResponse:
        self.given[fault.status] += 1
        if fault.late:
            async with self._ask(request) as answer:
                await answer.read()
        return fault.answer()

    async def _forward(self, request: web.BaseRequest) -> web.StreamResponse:
        async with self._ask(request) as answer:
            if answer.ok and "watch=" in request.query_string:
                return await self._follow(request, answer)
            headers = _end_to_end(answer.headers)
            return web.Response(body=await answer.read(), status=answer.status, headers=headers)

    def _ask(self, request: web.BaseRequest) -> Any:
        return self._session.request(
            request.method,
            URL(self._upstream + request.raw_path, encoded=True),
            headers=_end_to_end(request.headers),
            data=request.content if request.body_exists else None,
            allow_redirects=False,
        )

    async def _follow(self, request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """Pass a watch on until it ends by itself or is to end."""
        response = web.StreamResponse(status=answer.status, headers=_end_to_end(answer.headers))
        await response.prepare(request)
        ending: asyncio.Future[_End] = asyncio.get_running_loop().create_future()
        self._endings.add(ending)
        lines = asyncio.create_task(self._pass_lines(answer, response))
        both: set[asyncio.Future[Any]] = {lines, ending}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                await lines
                return response
            lines.cancel()
            await response.write(ending.result().last)
            return response if ending.result().orderly else _hung_up(request)
        finally:
            lines.cancel()
            self._endings.discard(ending)

    async def _pass_lines(self, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        async for line in answer.content:
            await self._audible.wait()
            if self._chance.random() >= self._lossy:
                await response.write(line)


def _hung_up(request: web.BaseRequest) -> web.StreamResponse:
    """The API server has gone away: to the client it looks as if it had cut the connection itself."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


def _status(code: int) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": REASONS.get(code, "ServiceUnavailable"),
        "message": f"the fault suite answers {code}",
    }


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
