"""Builds the status of a resource from what was decided about it.

The rules are those of kstatus and of the Kubernetes API conventions: `observedGeneration` in the root and in
every condition, `lastTransitionTime` moves only with the status of its condition, `Ready` is always there,
and the abnormal conditions (Reconciling, Stalled …) stand there only while they are true. Nothing in a
status moves by itself, so a settled fleet writes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from device_registry.domain.model import DeviceSpec, TemplateSpec
from device_registry.domain.outcome import Outcome, Usage
from device_registry.domain.reasons import Reason

from .parsing import Resource

_TEMPLATE_REASONS = frozenset(
    {Reason.TEMPLATE_NOT_FOUND, Reason.TEMPLATE_TERMINATING, Reason.ATTRIBUTE_CONFLICT}
)
PAUSED = "Paused"
"""The condition that acknowledges the pause annotation."""
_PAUSE = "nothing is changed while the annotation dojot.io/paused is set; remove it to go on"
_MESSAGE_BOUND = 1024
"""Characters that a message may have: enough for every sentence of ours, far below the schema's bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Where the event of the device's own generation is."""

    reason: Reason
    """Acknowledged, Pending or BrokerUnavailable."""

    @property
    def done(self) -> bool:
        """Whether Kafka has it."""
        return self.reason is Reason.ACKNOWLEDGED


class Condition(NamedTuple):
    """One condition before the bookkeeping."""

    type: str
    status: str
    reason: str
    message: str


_PUBLISHED = {
    Reason.ACKNOWLEDGED: ("True", "Kafka has acknowledged the event of this generation"),
    Reason.PENDING: ("False", "the event is in the outbox and will be sent"),
    Reason.QUARANTINED: (
        "False",
        "Kafka refuses the event for good; it was put aside, see `device-manager quarantine list`",
    ),
    Reason.BROKER_UNAVAILABLE: ("False", "Kafka does not answer; the event waits in the outbox"),
}


def device_status(
    resource: Resource[DeviceSpec], outcome: Outcome, published: Published | None, now: datetime
) -> dict[str, Any]:
    """The whole status of a Device. `published` is None while there is no registered generation."""
    fields = {
        "deviceId": outcome.target,
        "templates": ",".join(resource.declared.spec.templates),
        "lastHandledReconcileAt": resource.requested_at,
    }
    conditions = list(_device_conditions(outcome, published))
    return _status(resource, outcome, fields, conditions, now)


def template_status(
    resource: Resource[TemplateSpec], outcome: Outcome, usage: Usage, now: datetime
) -> dict[str, Any]:
    """The whole status of a Template."""
    fields = {
        "templateId": int(outcome.target or 0),
        "revision": outcome.revision,
        "devices": {"total": usage.total, "current": usage.current} if outcome.target else None,
        "lastHandledReconcileAt": resource.requested_at,
    }
    conditions = list(_template_conditions(resource, outcome, usage))
    return _status(resource, outcome, fields, conditions, now)


def paused_status(resource: Resource[DeviceSpec] | Resource[TemplateSpec], now: datetime) -> dict[str, Any]:
    """The status as it is, with the Paused condition."""
    return with_condition(resource, Condition(PAUSED, "True", Reason.PAUSED, _PAUSE), now)


def with_condition(
    resource: Resource[DeviceSpec] | Resource[TemplateSpec],
    told: Condition,
    now: datetime,
    observed: int | None = None,
) -> dict[str, Any]:
    """The status as it is, with one condition more; an object without any also gets `Ready` Unknown.

    `observed` is the generation that all of it is about from now on; without, it goes on being about the
    generation that it was about, so that an edit which nobody looked into still reads as unfinished.
    """
    generation = observed or resource.status.get("observedGeneration") or resource.declared.generation
    conditions = resource.status.get("conditions") or ()
    known = [{**one, "observedGeneration": generation} for one in conditions if one["type"] != told.type]
    former = condition(resource.status, told.type)
    ready = [] if known else [_dated(told._replace(type="Ready", status="Unknown"), None, generation, now)]
    return {
        "observedGeneration": generation,
        "conditions": [*known, *ready, _dated(told, former, generation, now)],
    }


def condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The condition of that type in a status, if it is there."""
    return next((one for one in status.get("conditions") or () if one["type"] == name), None)


def is_true(status: Mapping[str, Any], name: str) -> bool:
    """Whether a condition is there and true."""
    found = condition(status, name)
    return found is not None and found["status"] == "True"


# --- conditions -------------------------------------------------------------------------------------


def _device_conditions(outcome: Outcome, published: Published | None) -> Iterator[Condition]:
    yield _ready(outcome)
    if outcome.registered:
        yield Condition("TemplatesResolved", "True", Reason.RESOLVED, _resolved(outcome))
    elif outcome.reason in _TEMPLATE_REASONS:
        yield Condition("TemplatesResolved", "False", outcome.reason, outcome.message)
    if outcome.registered and outcome.keys:
        stored = "True" if outcome.keys is Reason.STORED else "False"
        yield Condition("CredentialsReady", stored, outcome.keys, outcome.keys_message)
    yield _registered(outcome)
    if outcome.registered and published:
        status, message = _PUBLISHED[published.reason]
        yield Condition("Published", status, published.reason, message)
    if outcome.unused:
        listed = ", ".join(outcome.unused)
        yield Condition(
            "OverridesUnused",
            "True",
            "OverridesUnused",
            f"no attribute of the templates takes: {listed}; remove them or fix label and type",
        )
    yield from _abnormal(outcome)


def _template_conditions(
    resource: Resource[TemplateSpec], outcome: Outcome, usage: Usage
) -> Iterator[Condition]:
    blocked = resource.deleting and outcome.reason is Reason.IN_USE
    shown = outcome if not blocked else _as_registered(outcome)
    yield _ready(shown)
    yield _registered(shown)
    if shown.registered:
        yield _propagated(usage)
    if blocked:
        yield Condition("DeletionBlocked", "True", Reason.IN_USE, outcome.message)
    yield from _abnormal(shown)


def _as_registered(outcome: Outcome) -> Outcome:
    """A template whose deletion waits is as registered as before."""
    return Outcome(
        key=outcome.key,
        tenant=outcome.tenant,
        uid=outcome.uid,
        generation=outcome.generation,
        reason=Reason.REGISTERED,
        target=outcome.target,
        revision=outcome.revision,
    )


def _ready(outcome: Outcome) -> Condition:
    if outcome.registered and outcome.keys not in (None, Reason.STORED):
        return Condition("Ready", "False", outcome.keys, outcome.keys_message)
    return _registered(outcome)._replace(type="Ready")


def _registered(outcome: Outcome) -> Condition:
    if outcome.registered:
        return Condition("Registered", "True", Reason.REGISTERED, f"registered as {outcome.target}")
    status = "Unknown" if outcome.reason is Reason.REGISTRY_UNAVAILABLE else "False"
    return Condition("Registered", status, outcome.reason, outcome.message)


def _resolved(outcome: Outcome) -> str:
    count = len(outcome.templates)
    return f"{count} template{'' if count == 1 else 's'} found"


def _propagated(usage: Usage) -> Condition:
    told = f"{usage.current} of {usage.total} devices show this revision"
    if usage.current == usage.total:
        return Condition("Propagated", "True", Reason.PROPAGATED, told)
    return Condition("Propagated", "False", Reason.IN_PROGRESS, told)


def _abnormal(outcome: Outcome) -> Iterator[Condition]:
    ready = _ready(outcome)
    if ready.status != "True":
        name = "Stalled" if Reason(ready.reason).stalled else "Reconciling"
        yield ready._replace(type=name, status="True")


# --- bookkeeping ------------------------------------------------------------------------------------


def _status(
    resource: Resource[Any],
    outcome: Outcome,
    fields: Mapping[str, Any],
    conditions: Sequence[Condition],
    now: datetime,
) -> dict[str, Any]:
    """Fields without a value are null: the merge patch then removes what an earlier status said."""
    known = {one["type"]: one for one in resource.status.get("conditions") or ()}
    generation = outcome.generation
    status: dict[str, Any] = {"observedGeneration": generation}
    for name, value in fields.items():
        if value or name in resource.status:
            status[name] = value or None
    status["conditions"] = [_dated(one, known.get(one.type), generation, now) for one in conditions]
    return status


def _dated(new: Condition, old: Mapping[str, Any] | None, generation: int, now: datetime) -> dict[str, Any]:
    moved = old is None or old["status"] != new.status
    since = now.strftime("%Y-%m-%dT%H:%M:%SZ") if old is None or moved else old["lastTransitionTime"]
    return {
        "type": new.type,
        "status": new.status,
        "reason": str(new.reason),
        "message": new.message[:_MESSAGE_BOUND],
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }
