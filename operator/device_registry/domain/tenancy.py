"""Which namespace stands for a tenant: one tenant is one namespace. `reconcile` asks before it registers.

A namespace that an administrator has bound by annotation goes before one that merely has the tenant's name;
of two equals the older one goes first, then the one whose name sorts first.
"""

from collections.abc import Iterable

from .model import TenantClaim


def standing(holder: TenantClaim | None, contenders: Iterable[TenantClaim]) -> TenantClaim | None:
    """The claim that stands after these have come; None when there is none at all.

    What the holder says of itself now counts, not what was noted about it.
    """
    for claim in sorted(contenders, key=lambda one: (not _is_same(one, holder), one.namespace)):
        if holder is None or _is_same(claim, holder) or _precedes(claim, holder):
            holder = claim
    return holder


def _is_same(claim: TenantClaim, holder: TenantClaim | None) -> bool:
    return holder is not None and claim.namespace == holder.namespace


def _precedes(claim: TenantClaim, holder: TenantClaim) -> bool:
    if claim.explicit != holder.explicit:
        return claim.explicit
    if claim.since is None or holder.since is None:
        # Without both ages nobody can tell who was first, and who stands there stays.
        return False
    return (claim.since, claim.namespace) < (holder.since, holder.namespace)
