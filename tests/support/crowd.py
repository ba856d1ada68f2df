"""Thousands of resources at once: what kubectl does one by one, over as many connections as ours."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kubernetes.client import Configuration
from kubernetes.config import load_kube_config

from device_registry.access import Credentials
from device_registry.domain.model import Kind
from device_registry.kube import Kube

AT_ONCE = 32
MANAGER = "git"


class Crowd:
    """Applies and lists many resources as one GitOps tool."""

    def __init__(self, kubeconfig: Path) -> None:
        configuration = Configuration()
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(kubeconfig), client_configuration=configuration
        )
        self._credentials = Credentials(
            server=configuration.host,
            ca_file=configuration.ssl_ca_cert,
            verify=configuration.verify_ssl,
            certificate=None,
            configuration=configuration,
        )

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Server-side apply of all of them."""
        asyncio.run(self._each(manifests, lambda kube, one: kube.apply(one, MANAGER)))

    def versions(self, kind: Kind, namespace: str) -> dict[str, str]:
        """The resourceVersion of each object of a namespace, by name."""
        listed = asyncio.run(self._list(kind, namespace))
        return {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in listed}

    async def _list(self, kind: Kind, namespace: str) -> list[dict[str, Any]]:
        async with Kube(self._credentials) as kube:
            return await kube.list(kind, namespace)

    async def _each(
        self,
        manifests: Iterable[Mapping[str, Any]],
        call: Callable[[Kube, Mapping[str, Any]], Awaitable[object]],
    ) -> None:
        async with Kube(self._credentials) as kube:
            supply = iter(manifests)

            async def work() -> None:
                for one in supply:
                    await call(kube, one)

            await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def reasons(text: str) -> dict[str, str]:
    """Reason of Ready by name, from `kubectl get -o json`."""
    found = {}
    for item in json.loads(text)["items"]:
        conditions = {one["type"]: one for one in item.get("status", {}).get("conditions", ())}
        found[item["metadata"]["name"]] = conditions.get("Ready", {}).get("reason", "")
    return found
