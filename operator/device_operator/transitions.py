"""Which changes of a status are worth a Kubernetes Event. Pure; `announcements` sends what it answers.

Only what people act on: a resource stops or starts being ready, is stalled from the start, loses its id to
another, or cannot be deleted. That something went well the first time is no news.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from device_registry.domain.reasons import Reason
from device_registry.manifests.status import condition, is_true

_Status = Mapping[str, Any]
_Condition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transition:
    """One Event: a reason of the vocabulary and the message of the condition that changed."""

    type: str
    """Normal or Warning."""
    reason: str
    message: str


def transitions(old: _Status, new: _Status) -> list[Transition]:
    """What happened between two statuses of one resource, most important first."""
    return [*_readiness(old, new), *_deletion(old, new)]


def _readiness(old: _Status, new: _Status) -> Iterator[Transition]:
    before, now = condition(old, "Ready"), condition(new, "Ready")
    if now is None:
        return
    if now["status"] == "True" and _was_in_trouble(old, before):
        yield _transition("Normal", now)
    if now["status"] == "False" and _is_news(before, now):
        yield _transition("Warning", now)


def _was_in_trouble(old: _Status, before: _Condition | None) -> bool:
    """Not ready although it had been, or by a fault; a first wait for a template is neither."""
    if before is None or before["status"] != "False":
        return False
    return _is_stalled(before) or bool(old.get("deviceId") or old.get("templateId"))


def _is_news(before: _Condition | None, now: _Condition) -> bool:
    if before is None or before["status"] == "Unknown":
        return _is_stalled(now)
    if before["status"] == "True":
        return True
    return bool(now["reason"] == Reason.IDENTITY_CONFLICT != before["reason"])


def _is_stalled(found: _Condition) -> bool:
    return found["reason"] in set(Reason) and Reason(found["reason"]).stalled


def _deletion(old: _Status, new: _Status) -> Iterator[Transition]:
    blocked = condition(new, "DeletionBlocked")
    if blocked is not None and is_true(new, "DeletionBlocked") and not is_true(old, "DeletionBlocked"):
        yield _transition("Warning", blocked)


def _transition(type_: str, found: _Condition) -> Transition:
    return Transition(type_, str(found["reason"]), str(found["message"]))
