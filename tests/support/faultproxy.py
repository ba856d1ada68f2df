"""A TCP proxy that does to connections what networks do: for any dependency, whatever it speaks.

with FaultProxy(platform_port) as proxy:     # programs connect to proxy.port
    proxy.black_hole()                       # nothing arrives any more, in either direction
    proxy.heal()                             # what was held arrives, as after a partition
"""

import asyncio
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from .loopthread import LoopThread

HOST = "127.0.0.1"
CHUNK = 64 * 1024
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for 0 seconds: closing sends RST instead of FIN (socket(7))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happens to bytes.

    Attributes:
        held: nothing is passed on; what came waits for better weather.
        mute: requests arrive, answers are lost; such connections can only be reset afterwards.
        delay: seconds that each chunk is late.
        rate: bytes a second and direction, None for no limit.
    """

    held: bool = False
    mute: bool = False
    delay: float = 0.0
    rate: int | None = None


FINE = Weather()


class FaultProxy:
    """One port in front of another; every method may be called at any time from any thread.

    Attributes:
        port: where to connect to.
        connections: how many were accepted so far.
    """

    def __init__(self, target: int, port: int = 0) -> None:
        """Stand before port `target`; listen on `port`, or on a free one."""
        self.port = port
        self.connections = 0
        self._target = target
        self._thread = LoopThread(f"proxy of {target}")
        self._weather = FINE
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._sockets: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Reset every connection and stop listening for good."""
        self._thread.call(self._refuse())
        self._thread.close()

    # --- faults ---------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Reset every connection; new ones are welcome."""
        self._thread.call(self._cut())

    def refuse(self) -> None:
        """Reset every connection and take no new one, as if nobody listened."""
        self._thread.call(self._refuse())

    def black_hole(self) -> None:
        """Hold everything in both directions; connections seem to stand."""
        self._set(Weather(held=True))

    def mute(self) -> None:
        """Lose every answer while requests still arrive and are carried out; reset by `heal`."""
        self._set(Weather(mute=True))

    def delay(self, seconds: float) -> None:
        """Pass each chunk on so much later."""
        self._set(Weather(delay=seconds))

    def throttle(self, rate: int) -> None:
        """Pass on so many bytes a second at the most, in each direction of each connection."""
        self._set(Weather(rate=rate))

    def heal(self) -> None:
        """Pass everything on again, that which was held first."""
        self._thread.call(self._heal())

    # --- in the loop ----------------------------------------------------------------------------------

    def _set(self, weather: Weather) -> None:
        self._thread.call(self._become(weather))

    async def _become(self, weather: Weather) -> None:
        self._weather = weather
        self._changed.set()
        self._changed = asyncio.Event()

    async def _heal(self) -> None:
        if self._weather.mute:
            await self._cut()
        await self._become(FINE)
        await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, HOST, self.port, backlog=512)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        for writer in list(self._sockets):
            _reset(writer)
        self._sockets.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._sockets.add(writer)
        try:
            await self._join(reader, writer)
        except OSError:
            _reset(writer)  # nobody listens behind us, or a side has gone away
        finally:
            self._sockets.discard(writer)
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pass(0)
        to_server, there = await asyncio.open_connection(HOST, self._target)
        self._sockets.add(there)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, there, answers=False))
                pumps.create_task(self._pump(to_server, writer, answers=True))
        except* OSError:
            _reset(writer)
            _reset(there)
        finally:
            self._sockets.discard(there)
            there.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        """Pass on until the source ends; the end is passed on as well, subject to the same weather."""
        while chunk := await source.read(CHUNK):
            await self._pass(len(chunk))
            if sink.is_closing():
                return
            if not (answers and self._weather.mute):
                sink.write(chunk)
                await sink.drain()
        await self._pass(0)
        sink.close()

    async def _pass(self, size: int) -> None:
        """Return when so many bytes may go on."""
        while self._weather.held:
            await self._changed.wait()
        weather = self._weather
        pause = weather.delay + (size / weather.rate if weather.rate else 0.0)
        if pause:
            await asyncio.sleep(pause)


def _reset(writer: asyncio.StreamWriter) -> None:
    end: Any = writer.get_extra_info("socket")
    if end is not None and end.fileno() >= 0:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
