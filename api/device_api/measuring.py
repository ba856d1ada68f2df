"""Counts and times writes by what became of them, in the words of docs/reasons.md."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from device_registry.domain.errors import RegistryError
from device_registry.domain.reasons import Reason

from . import asking, metrics
from .asking import WaitFor
from .problems import Problem

_DONE: Final = {"create": Reason.REGISTERED, "change": Reason.REGISTERED, "delete": Reason.REMOVED}


@contextmanager
def measured(operation: str) -> Iterator[None]:
    """A block that is one write: create, change or delete."""
    started, result = time.perf_counter(), "Unexpected"
    try:
        yield
        published = asking.current().wait is WaitFor.PUBLISHED
        result = Reason.ACKNOWLEDGED if published else _DONE[operation]
    except (Problem, RegistryError) as error:
        result = str(getattr(error, "reason", "")) or "Refused"
        raise
    finally:
        metrics.WRITES.labels(operation, str(result)).inc()
        metrics.WAIT_SECONDS.labels(operation).observe(time.perf_counter() - started)
