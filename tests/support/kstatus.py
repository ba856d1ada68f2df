"""The rules that tools wait by (kstatus, Flux, Helm): `check` may be run on any status ever seen.

Sources: the API conventions of Kubernetes on conditions, the README of cli-utils' kstatus, and the rules
FAIL0001 to FAIL0009 of Flux' condition checker. Two of those are wider here: Ready may be Unknown while
Reconciling, and the status of the former generation may still stand there when an edit has just been made,
which kstatus reads as InProgress.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

ONLY_WHEN_TRUE = frozenset(
    {"Reconciling", "Stalled", "Paused", "DeletionBlocked", "DeletionHeld", "OverridesUnused", "Drifted"}
)
WAITS_FOR_PEOPLE = frozenset({"Paused", "DeletionHeld"})
"""What is not Ready goes on when somebody says so, and the condition tells how."""
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_LONGEST_MESSAGE = 32_768
_LONGEST_REASON = 1_024

Status = Mapping[str, Any]


def check(status: Status, generation: int) -> list[str]:
    """What is wrong with the status of an object of that generation; an object not seen yet has none."""
    if not status:
        return []
    conditions = _by_type(status)
    return [
        *_root(status, generation),
        *(problem for one in status.get("conditions", ()) for problem in _form(one, status)),
        *_ready(conditions),
    ]


def check_step(before: Status, after: Status) -> list[str]:
    """What is wrong with the way from one status of an object to the next."""
    old, new = _by_type(before), _by_type(after)
    problems = []
    for name in old.keys() & new.keys():
        moved = old[name]["status"] != new[name]["status"]
        same_time = old[name]["lastTransitionTime"] == new[name]["lastTransitionTime"]
        if not moved and not same_time:
            problems.append(f"{name}: lastTransitionTime moved without the status")
        if moved and old[name]["lastTransitionTime"] > new[name]["lastTransitionTime"]:
            problems.append(f"{name}: lastTransitionTime went back")
    if "Ready" in old and "Ready" not in new:
        problems.append("Ready has gone")
    return problems


def verdict(status: Status, generation: int) -> str:
    """What kstatus says of the object: Current, InProgress or Failed."""
    conditions = {name: one["status"] for name, one in _by_type(status).items()}
    if status.get("observedGeneration") != generation or conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    return "Current" if conditions.get("Ready") == "True" else "InProgress"


def _by_type(status: Status) -> dict[str, Mapping[str, Any]]:
    return {one["type"]: one for one in status.get("conditions", ())}


def _root(status: Status, generation: int) -> Iterator[str]:
    observed = status.get("observedGeneration")
    if not isinstance(observed, int):
        yield "observedGeneration is missing"
    elif observed > generation:
        yield f"observedGeneration {observed} is ahead of generation {generation}"
    if len(_by_type(status)) != len(status.get("conditions", ())):
        yield "a condition stands twice"
    if None in status.values():
        yield "a field is null"


def _form(condition: Mapping[str, Any], status: Status) -> Iterator[str]:
    name = condition["type"]
    if condition.get("status") not in {"True", "False", "Unknown"}:
        yield f"{name}: status is {condition.get('status')}"
    if name in ONLY_WHEN_TRUE and condition.get("status") != "True":
        yield f"{name} stands there without being true"
    reason = condition.get("reason", "")
    if not _REASON.fullmatch(reason) or len(reason) > _LONGEST_REASON:
        yield f"{name}: {reason!r} is no reason"
    if not condition.get("message") or len(condition["message"]) > _LONGEST_MESSAGE:
        yield f"{name}: there is no message, or a very long one"
    if condition.get("observedGeneration") != status.get("observedGeneration"):
        yield f"{name}: observedGeneration differs from the root's"
    if not _is_time(condition.get("lastTransitionTime")):
        yield f"{name}: lastTransitionTime is no time"


def _is_time(text: object) -> bool:
    try:
        return datetime.fromisoformat(str(text)).tzinfo is not None
    except ValueError:
        return False


def _ready(conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if "Ready" not in conditions:
        yield "Ready is missing"
        return
    ready, abnormal = conditions["Ready"], conditions.keys() & {"Reconciling", "Stalled"}
    if len(abnormal) > 1:
        yield "Reconciling and Stalled stand there together"
    if ready["status"] == "True" and abnormal:
        yield "Ready is True while the resource is not done"
    if ready["status"] != "True" and not abnormal and not conditions.keys() & WAITS_FOR_PEOPLE:
        yield "Ready is not True, and neither Reconciling nor Stalled says what comes next"
    if ready["status"] == "Unknown" and "Stalled" in abnormal:
        yield "Ready must be False while Stalled"
