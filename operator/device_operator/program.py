"""Puts the parts of the operator together; `lifecycle` starts and stops what stands here."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any, Protocol

from device_registry.dispatch import EventBus, Outbox
from device_registry.domain.budget import DeletionBudget
from device_registry.domain.errors import Fenced
from device_registry.ports import Cluster, Registry
from device_registry.reconcile import Keeping, Reconciler
from device_registry.relay import Relay
from device_registry.settings import Settings
from device_registry.sweep import Sweep
from device_registry.wiring import clock, vault

from . import metrics, polling
from .acknowledgements import Acknowledgements
from .announcements import Announcements
from .batcher import Batcher, Limits
from .census import Census
from .circuit import API_SERVER, Circuit
from .context import Context
from .definitions import Definitions
from .departures import Departures
from .devices import Devices
from .held import Held
from .intake import Intake
from .propagation import Propagation
from .publishing import Publishing
from .queue import Priority, WorkQueue
from .refresh import Refresh
from .secret_users import SecretUsers
from .secret_watching import SecretWatching
from .statuses import StatusWriter
from .subjects import Subjects
from .sweeping import Sweeping
from .templates import Templates
from .tenants import Tenants
from .waiting import Waiting
from .workers import Workers


class RegistryWithOutbox(Registry, Protocol):
    """The registry as this program needs it: what workers write, the relay sends."""

    @property
    def outbox(self) -> Outbox:
        """Where the events of its transactions are."""


class Program:
    """Everything between kopf's events and the registry. Built inside the event loop that it runs in."""

    def __init__(
        self,
        settings: Settings,
        adapters: tuple[RegistryWithOutbox, EventBus, Cluster],
        circuit: Circuit,
        executor: Executor,
        fenced: Callable[[Fenced], None],
    ) -> None:
        self._settings = settings
        self._registry, bus, cluster = adapters
        self._circuit = circuit
        self._executor = executor
        keeping = Keeping(vault=vault(settings), in_events=settings.PSK_IN_EVENTS)
        self._reconciler = Reconciler(self._registry, clock, _budget(settings), keeping)
        self.queue = WorkQueue(time.monotonic)
        acknowledgements = Acknowledgements(asyncio.get_running_loop(), self.queue.add)
        retention = timedelta(seconds=settings.OUTBOX_RETENTION_SECONDS)
        self.relay = Relay(self._registry.outbox, bus, clock, acknowledgements, retention)
        self.propagation = Propagation(self._reconciler, executor, circuit, self.queue.add)
        self._tenants = Tenants(
            cluster, self._reconciler, self.queue.add, explicit_only=settings.REQUIRE_TENANT_BINDING
        )
        self._announcements = Announcements(cluster, clock)
        self._context = Context(
            cluster=cluster,
            api_server=Circuit(cluster.ping, API_SERVER),
            queue=self.queue,
            statuses=StatusWriter(cluster, self._announcements.tell),
            waiting=Waiting(),
            secret_users=SecretUsers(),
            tenants=self._tenants,
            refresh=Refresh(lambda key: self.queue.add(key, priority=Priority.SWEEP)),
            departures=Departures(Definitions(cluster), clock, settings.DELETION_POLICY),
            held=Held(),
            census=Census(clock),
            paused=settings.PAUSED,
            clock=clock,
        )
        limits = Limits(
            rows=settings.BATCH_ROWS,
            linger=settings.BATCH_LINGER_MS / 1000,
            company=lambda: self.queue.in_hand,
        )
        self._registering = Batcher(self._reconciler.register_devices, executor, limits)
        self._releasing = Batcher(self._reconciler.release_devices, executor, limits)
        self._workers = self._make_workers(acknowledgements, fenced)
        self.intake = Intake(self._context)
        self.secret_watching = SecretWatching(
            cluster,
            self._context.secret_users,
            lambda key: self.queue.add(key, priority=Priority.SWEEP),
            settings.namespaces,
            0 if settings.PAUSED else settings.SWEEP_INTERVAL_SECONDS,
        )
        self._polling = _polling(cluster, settings, self.intake)
        metrics.DELETIONS_HELD.set_function(lambda: len(self._context.held))
        metrics.PAUSED.labels(what="operator").set(settings.PAUSED)
        self.sweeping = Sweeping(
            Sweep(self._registry, cluster, settings.namespaces, clock),
            self._context,
            circuit,
            0 if settings.PAUSED else settings.SWEEP_INTERVAL_SECONDS,
        )
        _watch(self.queue, self._workers)

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """What runs all the time, each to be put into a task."""
        return [
            self._context.api_server.run(),
            self._registering.run(),
            self._releasing.run(),
            self.propagation.run(),
            self._context.refresh.run(),
            self.sweeping.run(),
            self._tenants.run(),
            self._announcements.run(),
            *self.secret_watching.background(),
            *(one.run() for one in self._polling),
            *(self._workers.run() for _ in range(self._settings.WORKERS)),
        ]

    def _make_workers(self, acknowledgements: Acknowledgements, fenced: Callable[[Fenced], None]) -> Workers:
        wait = self._settings.ACKNOWLEDGE_WAIT_MS / 1000
        publishing = Publishing(self._registry, acknowledgements, lambda: self.relay.available, wait)
        devices = Devices(self._context, self._registering, self._releasing, publishing)
        templates = Templates(self._context, self._reconciler, self._executor, self.propagation)
        subjects = Subjects(self._context.cluster, self._tenants.namespaces)
        return Workers(self._context, subjects, (devices, templates), self._circuit, fenced)


def _budget(settings: Settings) -> DeletionBudget:
    return DeletionBudget(
        count=settings.DELETION_BUDGET_COUNT,
        percent=settings.DELETION_BUDGET_PERCENT,
        window=timedelta(seconds=settings.DELETION_BUDGET_WINDOW_SECONDS),
    )


def _polling(cluster: Cluster, settings: Settings, intake: Intake) -> list[polling.NamespacePolling]:
    """What looks at the namespaces that are served, if they are named; all of them are watched."""
    if not settings.namespaces:
        return []
    seconds = polling.LOOK_SECONDS
    return [polling.NamespacePolling(cluster, settings.namespaces, intake.namespace_seen, seconds)]


def _watch(queue: WorkQueue, workers: Workers) -> None:
    metrics.QUEUE_DEPTH.set_function(lambda: queue.depth)
    metrics.QUEUE_OLDEST_AGE.set_function(lambda: queue.oldest_age)
    metrics.IN_HAND.set_function(lambda: queue.in_hand)
    metrics.IN_HAND_OLDEST_AGE.set_function(lambda: workers.oldest_age)
    metrics.RETRYING.set_function(lambda: queue.retrying)
