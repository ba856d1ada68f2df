"""Who must be looked at again when a namespace changes its tenant, and which notes about tenants are true.

Namespace events come in through `namespaces`; workers report who was refused. What was missed while nobody
watched is found by comparing once at the start.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from device_registry.backoff import Backoff
from device_registry.domain.errors import Forbidden, RegistryError
from device_registry.domain.model import Key, Kind, Tenant
from device_registry.domain.reasons import Reason
from device_registry.ports import Cluster
from device_registry.reconcile import Reconciler

from . import metrics
from .namespaces import Namespaces
from .needs import AnyResource

log = structlog.get_logger()

_GATHER_SECONDS = 0.2
"""How long the first piece of news waits for others: deletions seldom come alone."""


class Tenants:
    """See the module. `look` has a resource looked at again."""

    def __init__(
        self, cluster: Cluster, reconciler: Reconciler, look: Callable[[Key], None], *, explicit_only: bool
    ) -> None:
        self.namespaces = Namespaces(cluster, self._changed, explicit_only=explicit_only)
        self._cluster = cluster
        self._reconciler = reconciler
        self._look = look
        self._rebound: set[str] = set()
        self._refused: set[Key] = set()
        self._news = asyncio.Event()
        metrics.TENANT_CONFLICTS.set_function(lambda: len(self._refused))

    def noted(self, key: Key, result: str) -> None:
        """How the last look at a resource ended."""
        if result == Reason.TENANT_CONFLICT:
            self._refused.add(key)
        else:
            self._refused.discard(key)

    def released(self, key: Key) -> None:
        """A resource is gone."""
        self._refused.discard(key)
        self.freed()

    def freed(self) -> None:
        """A row has no resource any more: perhaps it was the last one of a tenant that others wait for."""
        if self._refused:
            self._news.set()

    async def corrected(self, resource: AnyResource) -> bool:
        """Ask the cluster whether the namespace that keeps this one from its tenant still stands for it.

        Answers whether the registry's note had to be corrected: then it is worth trying again. May raise
        RegistryUnavailable, Fenced and ClusterUnavailable.
        """
        tenant = resource.declared.tenant
        noted = await asyncio.to_thread(self._reconciler.tenant_claim, tenant)
        if noted is None or noted.namespace == resource.key.namespace:
            return False
        try:
            true = await self.namespaces.claim_now(noted.namespace, tenant)
        except Forbidden:
            # A namespace that we may not read is not ours to judge.
            return False
        return await asyncio.to_thread(self._reconciler.correct_tenant, tenant, noted, true)

    async def run(self) -> None:
        """Look again at whom the news concern, until cancelled."""
        await self._patiently(self._compare)
        while True:
            await self._news.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._news.clear()
            await self._patiently(self._look_again)

    def _changed(self, namespace: str) -> None:
        self._rebound.add(namespace)
        self._news.set()

    async def _patiently(self, step: Callable[[], Awaitable[None]]) -> None:
        """Try until it works: nobody else would notice what is missed here."""
        backoff = Backoff()
        while True:
            try:
                await step()
            except RegistryError as error:
                log.warning("cannot look after tenants yet, will try again", error=error.message)
                await asyncio.sleep(backoff.next())
            else:
                return

    async def _compare(self) -> None:
        """Find the namespaces that got another tenant while no operator was there to see it."""
        bound = await asyncio.to_thread(self._reconciler.bound_namespaces)
        for namespace, tenant in bound.items():
            if await self._has_left(namespace, tenant):
                self._changed(namespace)

    async def _has_left(self, namespace: str, tenant: Tenant) -> bool:
        try:
            return await self.namespaces.claim(namespace, tenant) is None
        except Forbidden:
            return False

    async def _look_again(self) -> None:
        while self._rebound:
            namespace = min(self._rebound)
            log.info("a namespace changed its tenant, looking at its resources", namespace=namespace)
            # It may be gone, and what let us look there with it: then nothing there is ours.
            with suppress(Forbidden):
                for kind in Kind:
                    for obj in await self._cluster.list(kind, namespace):
                        self._look(Key(kind, namespace, obj["metadata"]["name"]))
            self._rebound.discard(namespace)
        for key in sorted(self._refused):
            self._look(key)
