"""Registers a batch of declared devices: part of `reconcile`, within its transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from device_registry.domain import identity
from device_registry.domain.decision import Decision, Facts, Keep, Write, decide, is_outdated
from device_registry.domain.events import Event, Recorded, device_event
from device_registry.domain.keys import KeyPlan
from device_registry.domain.model import (
    Claim,
    Declared,
    DeviceId,
    DeviceRow,
    DeviceSpec,
    Key,
    Kind,
    RegisteredTemplate,
    Tenant,
    TenantClaim,
)
from device_registry.domain.outcome import Outcome
from device_registry.domain.reasons import Reason
from device_registry.domain.rendering import unused_overrides
from device_registry.domain.rules import Violation
from device_registry.key_ports import DeviceRef
from device_registry.ports import Place, Transaction

from . import released
from .keys import Keeping, KeyBook
from .results import Result, record, refusal
from .tenancy import Standing, settle


@dataclass(frozen=True, slots=True)
class _Verdict:
    """One device of a batch with what was decided about it."""

    declared: Declared[DeviceSpec]
    own: DeviceRow | None
    wanted: DeviceId
    decision: Decision
    dropped: frozenset[tuple[Tenant, int]]
    """Templates that the row used until now."""
    repaired: bool
    """Whether the row had been changed or deleted behind our back."""
    keys: KeyPlan


def register_devices(
    transaction: Transaction, devices: Sequence[Declared[DeviceSpec]], now: datetime, keeping: Keeping
) -> list[Result]:
    """Register those that were not let go since; answers in the order of the devices."""
    gone = released.already(transaction, devices)
    there = [one for one in devices if one.key not in gone]
    registered = Batch(transaction, there, now, keeping).run() if there else []
    results = gone | {one.outcome.key: one for one in registered}
    return [results[one.key] for one in devices]


class Batch:
    """One transaction over several devices, which see each other's rows."""

    def __init__(
        self,
        transaction: Transaction,
        devices: Sequence[Declared[DeviceSpec]],
        now: datetime,
        keeping: Keeping,
    ) -> None:
        self._transaction = transaction
        self._devices = devices
        self._now = now
        self._standings = _standings(transaction, devices)
        self._templates = transaction.templates({place for one in devices for place in _template_places(one)})
        rows = transaction.devices(*_sought(devices))
        self._rows: dict[DeviceRef, DeviceRow] = {(row.tenant, row.id): row for row in rows}
        self._owned: dict[Place, DeviceRow] = {row.claim.place: row for row in rows if row.claim}
        self._lost = self._find_lost()
        self._keys = KeyBook(transaction, keeping, self._rows.values())

    def _find_lost(self) -> dict[Key, DeviceId]:
        """The ids of devices that were registered and have no row: somebody deleted it behind our back."""
        without = {one.key: one.tenant for one in self._devices if one.claim.place not in self._owned}
        outcomes = self._transaction.outcomes(list(without)) if without else {}
        lost = {
            key: DeviceId(one.target)
            for key, one in outcomes.items()
            if one.target and one.tenant == without[key]
        }
        if lost:
            refs = [(without[key], device_id) for key, device_id in lost.items()]
            found = self._transaction.devices(refs, ())
            self._rows = {(row.tenant, row.id): row for row in found} | self._rows
        return lost

    def run(self) -> list[Result]:
        """Decide about the oldest first, so that it wins its id; then act on all decisions at once."""
        oldest_first = sorted(self._devices, key=lambda one: (one.created, one.uid))
        verdicts = {one.key: self._decide(one) for one in oldest_first}
        return self._act([verdicts[one.key] for one in self._devices])

    # --- decide ---

    def _decide(self, declared: Declared[DeviceSpec]) -> _Verdict:
        own = self._owned.get(declared.claim.place)
        wanted = self._wanted(declared, own)
        templates = {name: self._templates[place] for name, place in self._known_templates(declared)}
        keys = self._key_plan(declared, own, wanted, templates)
        facts = Facts(
            namespace=self._standings[declared.tenant].namespace,
            former=self._standings[declared.tenant].former.get(declared.key.namespace),
            templates=templates,
            own=own,
            row=self._rows.get((declared.tenant, wanted)),
            wanted=wanted,
            now=self._now,
            keys_change=self._keys.changes((declared.tenant, wanted), keys),
        )
        decision = decide(declared, facts)
        lost = wanted == self._lost.get(declared.key) and facts.row is None
        repaired = isinstance(decision, Write) and (lost or _is_damaged(facts.row))
        dropped = _dropped(facts.row, decision)
        verdict = _Verdict(declared, own, wanted, decision, dropped, repaired, keys)
        if isinstance(decision, Write):
            self._remember(decision.row)
        return verdict

    def _key_plan(
        self,
        declared: Declared[DeviceSpec],
        own: DeviceRow | None,
        wanted: DeviceId,
        templates: Mapping[str, RegisteredTemplate],
    ) -> KeyPlan:
        """Nothing for a version of the resource that is older than the row."""
        if own and is_outdated(declared, own):
            return KeyPlan()
        return self._keys.plan(declared, (declared.tenant, wanted), list(templates.values()))

    def _known_templates(self, declared: Declared[DeviceSpec]) -> list[tuple[str, Place]]:
        places = zip(declared.spec.templates, _template_places(declared), strict=True)
        return [(name, place) for name, place in places if place in self._templates]

    def _wanted(self, declared: Declared[DeviceSpec], own: DeviceRow | None) -> DeviceId:
        if declared.spec.device_id is not None:
            return declared.spec.device_id
        if own:
            return own.id
        former = self._lost.get(declared.key)
        if former and (declared.tenant, former) not in self._rows:
            return former
        return self._derived(declared)

    def _derived(self, declared: Declared[DeviceSpec]) -> DeviceId:
        """The first candidate that is free; the further ones are looked up only when the first is taken."""
        place = declared.claim.place
        first = next(identity.candidates(*place))
        if (declared.tenant, first) not in self._rows:
            return first
        every = [(declared.tenant, one) for one in identity.candidates(*place)]
        found = {(row.tenant, row.id): row for row in self._transaction.devices(every, ())}
        # What this batch has decided about a row is newer than what the registry still shows.
        self._rows = found | self._rows
        taken = {device_id for tenant, device_id in self._rows if tenant == declared.tenant}
        return identity.choose(*place, taken) or first

    def _remember(self, row: DeviceRow) -> None:
        """Let the rest of the batch see the row, as a later transaction would."""
        former = self._rows.get((row.tenant, row.id))
        if former and former.claim:
            self._owned.pop(former.claim.place, None)
        self._rows[row.tenant, row.id] = row
        if row.claim:
            self._owned[row.claim.place] = row

    # --- act ---

    def _act(self, verdicts: Sequence[_Verdict]) -> list[Result]:
        writes = [one.decision for one in verdicts if isinstance(one.decision, Write)]
        self._transaction.save_devices(list({(w.row.tenant, w.row.id): w.row for w in writes}.values()))
        for one in verdicts:
            if not isinstance(one.decision, Violation):
                self._keys.carry_out((one.declared.tenant, one.wanted), one.keys, self._now)
        events = [event for one in verdicts if (event := self._event(one))]
        recorded = {(one.event.tenant, one.event.subject): one for one in self._transaction.append(events)}
        freed = self._transaction.blocked({template for one in verdicts for template in one.dropped})
        results = [self._result(one, recorded, freed) for one in verdicts]
        return record(self._transaction, self._with_displaced(results))

    def _event(self, verdict: _Verdict) -> Event | None:
        decision = verdict.decision
        if not isinstance(decision, Write) or not decision.event:
            return None
        told = self._keys.told(decision.row, verdict.keys)
        return device_event(decision.event, decision.row, self._now, verdict.declared, told)

    def _with_displaced(self, results: list[Result]) -> list[Result]:
        """One of the batch tells those whose namespace does not stand for its tenant any more."""
        displaced = [key for one in self._standings.values() for key in one.displaced]
        if displaced:
            results[0] = replace(results[0], wake=(*results[0].wake, *displaced))
        return results

    def _result(
        self, verdict: _Verdict, recorded: Mapping[tuple[Tenant, str], Recorded], freed: Sequence[Key]
    ) -> Result:
        decision, declared = verdict.decision, verdict.declared
        if isinstance(decision, Violation):
            return refusal(declared, decision, own=verdict.own, wanted=verdict.wanted)
        told = isinstance(decision, Write) and decision.event is not None
        event = recorded.get((declared.tenant, verdict.wanted)) if told else None
        displaced = decision.displaced if isinstance(decision, Write) else None
        return Result(
            outcome=self._outcome(verdict, decision, event),
            event=event,
            repaired=verdict.repaired,
            wake=(
                *((_device_key(displaced),) if displaced else ()),
                *(freed if verdict.dropped else ()),
            ),
        )

    def _outcome(self, verdict: _Verdict, decision: Write | Keep, event: Recorded | None) -> Outcome:
        declared = verdict.declared
        used = [self._templates[place] for _, place in self._known_templates(declared)]
        unused = unused_overrides(declared.spec, used)
        return Outcome(
            key=declared.key,
            tenant=declared.tenant,
            uid=declared.uid,
            generation=declared.generation,
            reason=Reason.REGISTERED,
            target=decision.row.id,
            revision=decision.row.revision,
            sequence=event.sequence if event else 0,
            templates=declared.spec.templates,
            unused=tuple(f"{one.label} ({one.type})" for one in unused),
            keys=verdict.keys.reason,
            keys_message=verdict.keys.message,
        )


def _standings(transaction: Transaction, devices: Sequence[Declared[DeviceSpec]]) -> dict[Tenant, Standing]:
    """Which namespace stands for each tenant."""
    contenders: dict[Tenant, set[TenantClaim]] = {}
    for one in devices:
        contenders.setdefault(one.tenant, set()).add(one.contender)
    return {tenant: settle(transaction, tenant, contenders[tenant]) for tenant in sorted(contenders)}


def _is_damaged(row: DeviceRow | None) -> bool:
    return row is not None and not row.intact


def _dropped(former: DeviceRow | None, decision: Decision) -> frozenset[tuple[Tenant, int]]:
    """Templates whose deletion may have waited for this device."""
    if former is None or not isinstance(decision, Write):
        return frozenset()
    return frozenset((former.tenant, one) for one in former.templates.keys() - decision.row.templates.keys())


def _template_places(declared: Declared[DeviceSpec]) -> list[Place]:
    return [(declared.key.namespace, name) for name in declared.spec.templates]


def _sought(devices: Sequence[Declared[DeviceSpec]]) -> tuple[list[DeviceRef], list[Place]]:
    """The rows to look up: by the declared id or the first derived one, and by claim."""
    refs = [
        (one.tenant, one.spec.device_id or next(identity.candidates(*one.claim.place))) for one in devices
    ]
    return refs, [one.claim.place for one in devices]


def _device_key(claim: Claim) -> Key:
    return Key(Kind.DEVICE, claim.namespace, claim.name)
