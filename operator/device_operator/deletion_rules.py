"""What a namespace says about the deletion of its resources; `namespaces` asks when it sees one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from device_registry.domain.model import DeletionPolicy
from device_registry.manifests import ALLOW_MASS_DELETION, DELETION_POLICY

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeletionRules:
    """The annotations of a namespace, read."""

    policy: DeletionPolicy | None = None
    """For resources that name none; None where the settings decide."""
    allowed_until: datetime | None = None
    """Until when deletions beyond the budget are allowed."""


class DeletionRulesReader:
    """Reads them.

    What cannot be read counts as the answer that removes nothing, and is logged once for each text.
    """

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def read(self, namespace: Mapping[str, Any]) -> DeletionRules:
        """The rules of a namespace object."""
        name = namespace["metadata"]["name"]
        annotations = namespace["metadata"].get("annotations") or {}
        return DeletionRules(
            self._policy(name, annotations.get(DELETION_POLICY)),
            self._time(name, annotations.get(ALLOW_MASS_DELETION)),
        )

    def _policy(self, name: str, text: str | None) -> DeletionPolicy | None:
        if text is None:
            return None
        if text in list(DeletionPolicy):
            return DeletionPolicy(text)
        # Keeping a row can be undone, removing it cannot.
        self._tell_once(name, DELETION_POLICY, text, "unknown deletion policy, rows are kept")
        return DeletionPolicy.RETAIN

    def _time(self, name: str, text: str | None) -> datetime | None:
        if text is None:
            return None
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            self._tell_once(
                name, ALLOW_MASS_DELETION, text, "not a time with its zone (RFC 3339), not allowed"
            )
            return None
        return time

    def _tell_once(self, name: str, annotation: str, text: str, what: str) -> None:
        if (name, text) not in self._told:
            self._told.add((name, text))
            log.warning(what, namespace=name, annotation=annotation, value=text)
