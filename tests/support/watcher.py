"""Watches every status of every Device and Template, and holds each against the rules that tools wait by.

The end-to-end tests run one as long as the cluster lives; what it finds fails the test that ran meanwhile.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from kubernetes import watch
from kubernetes.client import ApiException, CustomObjectsApi
from kubernetes.config import new_client_from_config
from urllib3.exceptions import HTTPError

from device_registry.manifests import GROUP, PLURALS, VERSION

from .kstatus import check, check_step

ROUND_SECONDS = 2
"""How long one watch request lasts: a watcher that is to end does so by then."""
GONE = 410


class Seen(NamedTuple):
    """One version of an object."""

    generation: int
    status: Mapping[str, Any]


class StatusWatcher:
    """Collects what is wrong with any status while the block lasts.

    Attributes:
        statuses: how many versions were looked at.
    """

    def __init__(
        self, kubeconfig: Path, also: Callable[[Mapping[str, Any]], list[str]] = lambda _: []
    ) -> None:
        """`also` is another question that each object is asked, in the watching thread."""
        self.statuses = 0
        self._also = also
        self._kubeconfig = kubeconfig
        self._problems: list[str] = []
        self._last: dict[str, Seen] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(plural,), name=f"watcher of {plural}")
            for plural in PLURALS.values()
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def take(self) -> list[str]:
        """What was found since the last call."""
        with self._lock:
            found, self._problems = self._problems, []
        return found

    def look(self, event_type: str, obj: Mapping[str, Any]) -> None:
        """One watch event: the status by itself, and the step from the one before."""
        meta = obj["metadata"]
        if event_type == "DELETED":
            self._last.pop(meta["uid"], None)
            return
        seen = Seen(meta["generation"], obj.get("status") or {})
        before = self._last.get(meta["uid"])
        self._last[meta["uid"]] = seen
        self.statuses += 1
        problems = check(seen.status, seen.generation)
        problems += check_step(before.status, seen.status) if before else []
        problems += self._also(obj)
        name = f"{obj['kind']} {meta['namespace']}/{meta['name']} at {meta['resourceVersion']}"
        with self._lock:
            self._problems += [f"{name}: {problem}: {seen.status}" for problem in problems]

    def _watch(self, plural: str) -> None:
        client = new_client_from_config(str(self._kubeconfig))  # type: ignore[no-untyped-call]
        api = CustomObjectsApi(client)
        version = ""
        while not self._end.is_set():
            try:
                version = self._round(api, plural, version)
            except ApiException as error:
                # The history was compacted, or the kind is not served at the moment: begin anew.
                version = ""
                if error.status != GONE:
                    self._end.wait(0.2)
            except (HTTPError, OSError):
                self._end.wait(0.2)
        api.api_client.close()

    def _round(self, api: CustomObjectsApi, plural: str, version: str) -> str:
        stream = watch.Watch()  # type: ignore[no-untyped-call]
        arguments = {"timeout_seconds": ROUND_SECONDS, **({"resource_version": version} if version else {})}
        events = stream.stream(  # type: ignore[no-untyped-call]
            api.list_cluster_custom_object, GROUP, VERSION, plural, **arguments
        )
        for event in events:
            self.look(event["type"], event["object"])
            version = event["object"]["metadata"]["resourceVersion"]
        return version
