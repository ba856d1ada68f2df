"""Event loops of tests: they leave no connection to the garbage collector.

A connection that was closed may wait for its peer: to end TLS, to read the rest. Programs end together with
their loop; in a run of tests the process goes on, and the collector's warning strikes an innocent test.
"""

import asyncio
from typing import Any


class TidyLoop(asyncio.SelectorEventLoop):
    """Aborts what is still connected when it is closed."""

    def close(self) -> None:
        """Abort what is still connected, then close as usual."""
        if not self.is_closed():
            this: Any = self
            for transport in list(this._transports.values()):
                transport.abort()
            self.run_until_complete(asyncio.sleep(0))
        super().close()
