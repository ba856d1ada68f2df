"""Finds out that a Secret with keys has changed, so that its devices are registered anew.

Labelled Secrets are watched, without their data. All others that devices refer to, and the labelled ones
where watching is not allowed, are asked for their versions every now and then: no label can be demanded of a
Secret that another controller makes.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from device_registry.backoff import Backoff
from device_registry.domain.errors import ClusterUnavailable, Forbidden, NotFound, RegistryError
from device_registry.domain.model import Key
from device_registry.key_ports import SecretPlace, Secrets, SecretVersion, SeenSecret

from .secret_users import SecretUsers

log = structlog.get_logger()

LONGEST_PAUSE_SECONDS = 60.0
"""Between two attempts to watch, when it fails or is not allowed."""
FIRST_SECONDS = 2.0
"""When devices are looked at after a start whose keys may have changed before; then after growing pauses, as
long as the list of devices may take."""
REST_SECONDS = 5.0
"""For which REST may take to change a device after its Secret: that one change tells of both."""
ASKED_AT_ONCE = 8
"""Secrets that are asked for at the same time: a quarter of our connections."""


class SecretWatching:
    """See the module. `look` has a device looked at; `interval` is in seconds, 0 means never."""

    def __init__(
        self,
        cluster: Secrets,
        users: SecretUsers,
        look: Callable[[Key], None],
        namespaces: Sequence[str],
        interval: float,
    ) -> None:
        self._cluster = cluster
        self._users = users
        self._look = look
        self._namespaces: Sequence[str | None] = namespaces or [None]
        self._interval = interval
        self._watched: dict[str | None, set[SecretPlace]] = {}
        self._newest: dict[SecretPlace, SecretVersion] = {}
        self._told: dict[str | None, str] = {}

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """What runs until cancelled."""
        return [
            self._ask_for_ever(),
            self._look_for_ever(),
            *(self._watch_for_ever(one) for one in self._namespaces),
        ]

    # --- labelled ones ----------------------------------------------------------------------------------

    async def _watch_for_ever(self, namespace: str | None) -> None:
        backoff = Backoff(longest=LONGEST_PAUSE_SECONDS)
        while True:
            try:
                await self._watch(namespace, backoff)
            except RegistryError as error:
                self._tell(namespace, error)
            self._watched.pop(namespace, None)
            await asyncio.sleep(backoff.next())

    async def _watch(self, namespace: str | None, backoff: Backoff) -> None:
        found, since = await self._cluster.labelled_secrets(namespace)
        self._watched[namespace] = {one.place for one in found}
        for one in found:
            self._noticed(one)
        async for seen in self._cluster.secret_changes(namespace, since):
            backoff.reset()
            self._told.pop(namespace, None)
            self._note(namespace, seen)
        backoff.reset()

    def _note(self, namespace: str | None, seen: SeenSecret) -> None:
        # A Secret that loses its label is told as gone, and may still be there: it is asked for again.
        if seen.version:
            self._watched[namespace].add(seen.place)
        else:
            self._watched[namespace].discard(seen.place)
        self._noticed(seen)

    def _noticed(self, seen: SeenSecret) -> None:
        """What REST has made is looked at if the device does not follow: else a key would be told twice."""
        if not seen.made_by_rest:
            self._changed(seen.place, seen.version)
        elif self._users.outdated(seen.place, seen.version):
            self._newest[seen.place] = seen.version
            asyncio.get_running_loop().call_later(REST_SECONDS, self._overdue, seen)

    def _overdue(self, seen: SeenSecret) -> None:
        if self._newest.get(seen.place) == seen.version:
            del self._newest[seen.place]
            self._changed(seen.place, seen.version)

    def _tell(self, namespace: str | None, error: RegistryError) -> None:
        """One line for each new trouble."""
        if isinstance(error, ClusterUnavailable) or self._told.get(namespace) == error.message:
            return
        self._told[namespace] = error.message
        advice = "allow `list` and `watch` on secrets" if isinstance(error, Forbidden) else "will try again"
        log.warning(
            "Secrets are not watched, changes are found by asking",
            namespace=namespace or "all",
            error=error.message,
            advice=advice,
            every_seconds=self._interval,
        )

    # --- all others -------------------------------------------------------------------------------------

    async def _ask_for_ever(self) -> None:
        while self._interval:
            await asyncio.sleep(self._interval)
            await self.ask()

    async def _look_for_ever(self) -> None:
        pause = min(self._interval, FIRST_SECONDS)
        while self._interval:
            await asyncio.sleep(pause)
            self.look_at_unread()
            pause = min(self._interval, pause * 2)

    def look_at_unread(self) -> None:
        """Have devices looked at whose keys this process has not read: they may have changed before."""
        for key in self._users.unread:
            self._look(key)

    async def ask(self) -> None:
        """Ask for the version of every Secret that is referred to and not watched."""
        watched = set().union(*self._watched.values()) if self._watched else set()
        waiting = sorted(set(self._users.places) - watched)
        while waiting:
            some, waiting = waiting[:ASKED_AT_ONCE], waiting[ASKED_AT_ONCE:]
            waiting += await self._ask_at_once(some)

    async def _ask_at_once(self, places: Sequence[SecretPlace]) -> list[SecretPlace]:
        """Ask for these; answers those that are still to be asked for.

        The asking for each is a task, and kopf, when it ends, cancels all that are younger than itself.
        """
        answers = await asyncio.gather(*map(self._ask_for, places), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [place for place, answer in zip(places, answers, strict=True) if answer is not None]

    async def _ask_for(self, place: SecretPlace) -> None:
        try:
            version = await self._cluster.secret_version(*place)
        except NotFound:
            version = ""
        except RegistryError as error:
            log.debug("cannot ask for a Secret", secret="/".join(place), error=error.message)
            return
        self._changed(place, version)

    def _changed(self, place: SecretPlace, version: SecretVersion) -> None:
        for key in self._users.outdated(place, version):
            self._look(key)
