"""What a worker does about one template: finalizer, row, devices, status; its deletion waits for devices."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from device_registry.domain.model import TemplateSpec
from device_registry.domain.outcome import Usage
from device_registry.domain.reasons import Reason
from device_registry.manifests import Resource
from device_registry.manifests.status import template_status
from device_registry.reconcile import Reconciler, Result

from . import finalizers
from .context import Context, Verdict
from .propagation import Propagation
from .reports import present, usage_shown
from .subjects import Subject

In = TypeVar("In")


class Templates:
    """Registers and releases templates, one at a time: they are few."""

    def __init__(
        self, context: Context, reconciler: Reconciler, executor: Executor, propagation: Propagation
    ) -> None:
        self._context = context
        self._reconciler = reconciler
        self._executor = executor
        self._propagation = propagation

    async def register(self, subject: Subject) -> Verdict:
        """Bring the row up to date, begin with its devices, and say in the status how far they are."""
        template: Resource[TemplateSpec] = await finalizers.hold(self._context.cluster, subject.resource)
        result = present(await self._in_writer(self._reconciler.register_template, template.declared))
        self._tell_others(result)
        usage = await self._propagate(template, result)
        await self._write(template, result, usage)
        return Verdict(result.outcome.reason)

    async def release(self, subject: Subject) -> Verdict:
        """Let the row go, then the object; while devices use it, say so and look again later."""
        template: Any = subject.resource
        departure = await self._context.departures.of(subject)
        result = await self._in_writer(self._reconciler.release_template, departure)
        self._tell_others(result)
        if result.outcome.reason is Reason.IN_USE:
            await self._write(template, result, usage_shown(template))
            return Verdict(result.outcome.reason, settled=False)
        await finalizers.let_go(self._context.cluster, template)
        return Verdict(result.outcome.reason)

    async def _propagate(self, template: Resource[TemplateSpec], result: Result) -> Usage:
        """The first chunk at once, which is all for most templates; the rest in the background."""
        if not result.outcome.registered:
            return usage_shown(template)
        reference = (result.outcome.tenant, int(result.outcome.target))
        progress = await self._propagation.step(reference)
        if not progress.done:
            self._propagation.start(reference)
        return progress.usage

    async def _write(self, template: Resource[TemplateSpec], result: Result, usage: Usage) -> None:
        current = self._context.statuses.current(template)
        status = template_status(current, result.outcome, usage, self._context.clock())
        await self._context.statuses.write(current, status)

    def _tell_others(self, result: Result) -> None:
        """Devices that wait for this template can now be registered, or hear that it is gone."""
        for key in (*result.wake, *self._context.waiting.of(result.outcome.key)):
            self._context.queue.add(key)

    async def _in_writer(self, function: Callable[[In], Result], item: In) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, item)
