"""The loops of tests leave nothing behind that would strike another test."""

import asyncio
import gc
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.loops import TidyLoop
from tests.support.loopthread import LoopThread


@pytest.fixture
def deaf() -> Iterator[int]:
    """Return a port that accepts connections and never reads from them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_asynchronous_tests_run_in_such_a_loop() -> None:
    assert isinstance(asyncio.get_running_loop(), TidyLoop)


def test_a_closed_loop_leaves_no_connection_to_the_collector(deaf: int) -> None:
    loop = TidyLoop()
    loop.run_until_complete(_close_unheard(deaf))
    with _nothing_to_collect():
        loop.close()


def test_a_closed_thread_leaves_no_connection_to_the_collector(deaf: int) -> None:
    thread = LoopThread("test")
    thread.call(_close_unheard(deaf))
    with _nothing_to_collect():
        thread.close()


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(one.message) for one in caught] == []


async def _close_unheard(port: int) -> None:
    """Close a connection that waits for its peer to read."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"nobody reads this" * 2**20)
    writer.close()
