"""What the handling of devices and of templates have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from device_registry.ports import Cluster

from .census import Census
from .circuit import Circuit
from .departures import Departures
from .held import Held
from .queue import WorkQueue
from .refresh import Refresh
from .secret_users import SecretUsers
from .statuses import StatusWriter
from .tenants import Tenants
from .waiting import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The parts of the operator that both kinds use; `program` fills it."""

    cluster: Cluster
    api_server: Circuit
    queue: WorkQueue
    statuses: StatusWriter
    waiting: Waiting
    secret_users: SecretUsers
    tenants: Tenants
    refresh: Refresh
    departures: Departures
    held: Held
    census: Census
    paused: bool
    """The whole operator is: nothing but deletions goes on."""
    clock: Callable[[], datetime]
    """The current time with its zone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the look at a resource ended."""

    result: str
    """A reason of the vocabulary, for the metric."""
    settled: bool = True
    """False: nothing will tell us when it can go on, so look again after a pause."""
