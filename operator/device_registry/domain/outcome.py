"""What was decided about a resource: the registry keeps it, the status shows it, the facade waits for it."""

from dataclasses import dataclass
from typing import Any, Self

from .model import Declared, Key, Tenant
from .reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was decided last about a resource; the facade waits for it and the status shows it."""

    key: Key
    tenant: Tenant
    uid: str
    generation: int
    reason: Reason
    message: str = ""
    target: str = ""
    """The id of the row that the resource holds, device or template; empty while there is none."""
    wanted: str = ""
    """The id that it was refused, because another one has it."""
    revision: int = 0
    """Revision of the document behind it."""
    sequence: int = 0
    """Sequence of the last event that this resource itself caused; 0 when there was none."""
    templates: tuple[str, ...] = ()
    """Names of the templates that a device uses."""
    unused: tuple[str, ...] = ()
    """Overrides that no attribute takes, for people."""
    keys: Reason | None = None
    """Stored, or what is wrong with the keys; None when the resource refers to none."""
    keys_message: str = ""

    @classmethod
    def about(
        cls,
        declared: Declared[Any],
        reason: Reason,
        *,
        message: str = "",
        target: str = "",
        wanted: str = "",
        revision: int = 0,
    ) -> Self:
        """What was decided about this version of a resource."""
        return cls(
            key=declared.key,
            tenant=declared.tenant,
            uid=declared.uid,
            generation=declared.generation,
            reason=reason,
            message=message,
            target=target,
            wanted=wanted,
            revision=revision,
        )

    @property
    def registered(self) -> bool:
        """Whether the registry shows this generation."""
        return self.reason is Reason.REGISTERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How many devices use a template, how many show its current revision, how many it has yet to reach."""

    total: int
    current: int
    stale: int = 0
    """Devices that propagation has not tried with the current revision yet."""
