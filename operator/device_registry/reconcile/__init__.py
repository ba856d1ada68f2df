"""Makes the registry show what resources declare: gather, decide, act, in one transaction for a batch.

The operator calls `Reconciler` in a writer thread, with resources as they are now; nothing here knows what
changed, so calling it again is always safe. Answers come in the order of the questions.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from device_registry.domain.budget import DeletionBudget
from device_registry.domain.errors import Contended, Rejected
from device_registry.domain.model import Declared, DeviceSpec, TemplateSpec, Tenant, TenantClaim
from device_registry.domain.reasons import Reason
from device_registry.domain.rules import Violation
from device_registry.ports import Registry, Transaction

from .departure import Departure, release_devices, release_template
from .devices import register_devices
from .keys import Keeping
from .propagation import Progress, propagate
from .results import Result, record, refusal
from .templates import register_template
from .tenancy import correct

__all__ = ["Clock", "Departure", "Keeping", "Progress", "Reconciler", "Result"]

Clock = Callable[[], datetime]
"""Gives the current time with its zone."""

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

_ATTEMPTS = 5
"""Transactions that stand in each other's way (two batches over the same rows) do so seldom, and never twice
in the same way: the one that gave in runs again at once."""


class Reconciler:
    """What the operator may ask of the registry.

    Every method may raise RegistryUnavailable, Fenced, and Contended when it lost its way to others again
    and again.
    """

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        budget: DeletionBudget = DeletionBudget(),  # noqa: B008 - frozen
        keeping: Keeping = Keeping(),  # noqa: B008 - frozen
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._budget = budget
        self._keeping = keeping

    def register_devices(self, devices: Sequence[Declared[DeviceSpec]]) -> list[Result]:
        """Bring the rows of declared devices up to date. A row that the registry rejects fails alone.

        A version of a device that was let go since changes nothing (Removed).
        """
        return _alone_if_rejected(devices, self._register, self._refuse)

    def release_devices(self, departures: Sequence[Departure[DeviceSpec]]) -> list[Result]:
        """Remove or unclaim the rows of devices whose resources are being deleted, or hold their deletion."""
        return self._decided(lambda one: release_devices(one, departures, self._clock(), self._budget))

    def register_template(self, template: Declared[TemplateSpec]) -> Result:
        """Bring the row of a declared template up to date; its devices follow by `propagate`."""
        try:
            return self._decided(lambda one: register_template(one, template, self._clock()))
        except Rejected as error:
            return self._refuse(template, error)

    def release_template(self, departure: Departure[TemplateSpec]) -> Result:
        """Remove or unclaim a template, unless devices use it (InUse)."""
        return self._decided(lambda one: release_template(one, departure, self._clock()))

    def propagate(self, tenant: Tenant, template_id: int, limit: int = 300) -> Progress:
        """Render the next devices of a template that do not show its revision yet."""
        return self._decided(lambda one: propagate(one, tenant, template_id, limit, self._clock()))

    def bound_namespaces(self) -> dict[str, Tenant]:
        """Every namespace that is noted to stand for a tenant, and the tenant."""
        return self._registry.bound_namespaces()

    def tenant_claim(self, tenant: Tenant) -> TenantClaim | None:
        """Who is noted to stand for the tenant."""
        return self._decided(lambda one: one.tenant_claim(tenant))

    def correct_tenant(self, tenant: Tenant, noted: TenantClaim, true: TenantClaim | None) -> bool:
        """Replace that note by what the cluster says; answers whether something changed."""
        return self._decided(lambda one: correct(one, tenant, noted, true))

    def _register(self, devices: Sequence[Declared[DeviceSpec]]) -> list[Result]:
        return self._decided(lambda one: register_devices(one, devices, self._clock(), self._keeping))

    def _refuse(self, declared: Declared[DeviceSpec] | Declared[TemplateSpec], error: Rejected) -> Result:
        result = refusal(declared, Violation(reason=Reason.INVALID_SPEC, message=error.message))
        return self._decided(lambda one: record(one, [result])[0])

    def _decided(self, decide: Callable[[Transaction], _Answer]) -> _Answer:
        """Run it in a transaction, and once more when that gave way to another. May raise Contended."""
        for _ in range(_ATTEMPTS - 1):
            try:
                with self._registry.transaction() as transaction:
                    return decide(transaction)
            except Contended:
                continue
        with self._registry.transaction() as transaction:
            return decide(transaction)


def _alone_if_rejected(
    batch: Sequence[_Item],
    run: Callable[[Sequence[_Item]], list[Result]],
    refuse: Callable[[_Item, Rejected], Result],
) -> list[Result]:
    """Split a batch that the registry rejects until the bad item stands alone."""
    try:
        return run(batch)
    except Rejected as error:
        if len(batch) == 1:
            return [refuse(batch[0], error)]
    half = len(batch) // 2
    return [
        *_alone_if_rejected(batch[:half], run, refuse),
        *_alone_if_rejected(batch[half:], run, refuse),
    ]
