"""What the proxies of the fault tests run in leaves nothing behind that would strike another test."""

import asyncio
import gc
import socket
import warnings

from tests.support.loopthread import LoopThread


def test_closing_leaves_no_connection_to_the_collector() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        thread = LoopThread("test")
        thread.call(_close_unheard(deaf.getsockname()[1]))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            thread.close()
            gc.collect()
    assert [str(one.message) for one in caught] == []


async def _close_unheard(port: int) -> None:
    """Close a connection that waits for its peer to read."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"nobody reads this" * 2**20)
    writer.close()
