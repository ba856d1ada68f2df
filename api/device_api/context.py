"""What the routes work with; the program puts it together, tests put in their own."""

from dataclasses import dataclass

from device_registry.key_ports import Vault
from device_registry.ports import Cluster
from device_registry.presence import PresenceReader
from device_registry.registry.reader import RegistryReader
from device_registry.registry.turns import Turns
from device_registry.registry.undertakings import Undertakings
from device_registry.registry.waiter import OutcomeWaiter
from device_registry.settings import Settings

from .namespaces import Namespaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything that outlives a request."""

    settings: Settings
    reader: RegistryReader
    cluster: Cluster
    waiter: OutcomeWaiter
    undertakings: Undertakings
    turns: Turns
    namespaces: Namespaces
    vault: Vault | None
    """What opens keys; None while there is no password."""
    presence: PresenceReader | None = None
    """Who is online; None when documents do not show it."""
