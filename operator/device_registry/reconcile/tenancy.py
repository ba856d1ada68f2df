"""Settles which namespace stands for a tenant: part of `reconcile`, within its transaction.

The registry notes who stands. A note that is out of date is corrected when the namespace itself comes, or
when somebody who is refused because of it asks the cluster what is true (`correct`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from device_registry.domain.model import Key, Tenant, TenantClaim
from device_registry.domain.tenancy import standing
from device_registry.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who stands for a tenant, as far as it matters to those who come now."""

    namespace: str = ""
    """The namespace that stands; empty when none of those who came may."""
    former: Mapping[str, Tenant] = field(default_factory=dict)
    """Namespaces that have rows of another tenant, and that tenant: they may not stand for this one."""
    displaced: tuple[Key, ...] = ()
    """Resources of the namespace that stood until now: they must hear of it."""


def settle(transaction: Transaction, tenant: Tenant, contenders: Iterable[TenantClaim]) -> Standing:
    """Decide who stands for the tenant, note it, and lock the tenant against others who decide."""
    holder = transaction.tenant_claim(tenant)
    claims = set(contenders)
    if holder and claims == {holder}:
        return Standing(namespace=holder.namespace)
    former = {one.namespace: other for one in claims if (other := _other_tenant(transaction, tenant, one))}
    winner = standing(holder, [one for one in claims if one.namespace not in former])
    if winner is None:
        return Standing(former=former)
    if winner != holder:
        _note(transaction, tenant, winner)
    return Standing(
        namespace=winner.namespace, former=former, displaced=_displaced(transaction, tenant, holder, winner)
    )


def correct(transaction: Transaction, tenant: Tenant, noted: TenantClaim, true: TenantClaim | None) -> bool:
    """Replace a note by what the cluster says of that namespace; None says that it stands for another.

    Answers whether something changed. A namespace keeps the tenant while rows of it are claimed from there.
    """
    if transaction.tenant_claim(tenant) != noted or noted == true:
        return False
    if true is not None:
        _note(transaction, tenant, true)
        return True
    if transaction.has_claimed(tenant, noted.namespace):
        return False
    transaction.unbind_tenant(tenant)
    return True


def _other_tenant(transaction: Transaction, tenant: Tenant, claim: TenantClaim) -> Tenant | None:
    """A tenant that the namespace stood for and still has rows of; those without rows are given up."""
    for other in transaction.tenants_of(claim.namespace):
        if other == tenant:
            continue
        if transaction.has_claimed(other, claim.namespace):
            return other
        transaction.unbind_tenant(other)
    return None


def _note(transaction: Transaction, tenant: Tenant, claim: TenantClaim) -> None:
    transaction.bind_tenant(tenant, claim.namespace, explicit=claim.explicit, since=claim.since)


def _displaced(
    transaction: Transaction, tenant: Tenant, holder: TenantClaim | None, winner: TenantClaim
) -> tuple[Key, ...]:
    if holder is None or holder.namespace == winner.namespace:
        return ()
    return tuple(transaction.resources(tenant, holder.namespace))
