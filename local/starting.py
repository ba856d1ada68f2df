"""Start parts side by side, and leave nothing behind when that fails or is interrupted.

Used by `local.platform` for the infrastructure and by `local.programs` for the programs.
"""

import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from local.process import GRACE, Part

PAUSE = 0.2
"""Seconds between two rounds of stopping what is still about to start."""

IMPATIENCE = 1.0
"""Seconds to end, when a start is called off: an API server that is not ready yet does not listen."""


def start_together(chains: Sequence[Sequence[Part]]) -> None:
    """Start chains of parts at the same time; within a chain a part waits for the one before.

    Parts that run are left alone. When one fails, or the caller is interrupted, those that this call has
    started are stopped again.

    Raises:
        PartFailed: of the first part that failed.
    """
    idle = [part for chain in chains for part in chain if not part.alive]
    with ThreadPoolExecutor(max_workers=max(1, len(chains))) as pool:
        running = [pool.submit(_start_in_order, chain) for chain in chains]
        try:
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
            for each in done:
                each.result()
        except BaseException:
            _abandon(idle, running)
            raise


def stop_together(parts: Iterable[Part], grace: float = GRACE) -> None:
    """Stop parts that do not need each other; `grace` as for `Part.stop`."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda part: part.stop(grace), parts))


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM within the block: amid stopping, a second one would leave processes."""
    # Only the main thread may change signal handlers, and only it is interrupted.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start_in_order(chain: Sequence[Part]) -> None:
    for part in chain:
        part.start()


def _abandon(parts: Sequence[Part], running: Sequence[Future[None]]) -> None:
    # A chain ends as soon as the part that it waits for is gone; it may have started one more meanwhile.
    unfinished: Iterable[Future[None]] = running
    with uninterrupted():
        while unfinished:
            stop_together(parts, IMPATIENCE)
            _, unfinished = wait(unfinished, timeout=PAUSE)
        stop_together(parts, IMPATIENCE)
