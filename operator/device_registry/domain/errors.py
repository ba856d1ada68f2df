"""Every error of the core. Each says what comes next; the docstring is the default message.

The operator turns them into conditions, the facade into answers; foreign exceptions are converted at the
border of the adapter that meets them, with `raise … from`.
"""

from .reasons import Reason


class RegistryError(Exception):
    """Something went wrong in the device registry."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    @property
    def message(self) -> str:
        """The text for people."""
        return str(self)


class Refused(RegistryError):
    """The resource cannot be registered as it is.

    `reason.stalled` tells whether somebody must change something (True) or whether it waits for another
    resource (False); in both cases nothing was written.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Unavailable(RegistryError):
    """A system that this project depends on does not answer; come back later."""

    reason = Reason.REGISTRY_UNAVAILABLE

    def __init__(self, message: str = "", *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds that it wants to be left alone, if it says so."""


class RegistryUnavailable(Unavailable):
    """Postgres does not answer."""


class BrokerUnavailable(Unavailable):
    """Kafka does not answer."""

    reason = Reason.BROKER_UNAVAILABLE


class ClusterUnavailable(Unavailable):
    """The Kubernetes API server does not answer."""

    reason = Reason.CLUSTER_UNAVAILABLE


class PresenceUnavailable(Unavailable):
    """Redis does not answer."""

    reason = Reason.PRESENCE_UNAVAILABLE


class OperatorUnavailable(Unavailable):
    """No operator is at work to register what is written; nothing was written, try again later."""

    reason = Reason.OPERATOR_UNAVAILABLE


class Fenced(RegistryError):
    """Another operator leads now; this process must not write any more."""


class Contended(RegistryError):
    """Two transactions stood in each other's way and this one gave in; it is worth trying at once again."""


class Rejected(RegistryError):
    """The registry refuses a value; the batch must be split until the bad row stands alone."""


class SchemaOutdated(RegistryError):
    """The schema of the registry is not the one that this version needs; run `device-manager migrate`."""


class KeyUnreadable(RegistryError):
    """A stored key does not open; the message says which."""


class Conflict(RegistryError):
    """The resource was changed by somebody else in the meantime; read it again."""


class NotFound(RegistryError):
    """There is no such resource."""


class Forbidden(RegistryError):
    """The API server refuses the request; the message is the server's."""
