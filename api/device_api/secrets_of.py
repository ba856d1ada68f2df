"""The Secret in which REST keeps the keys of a device: one for each device, owned by it, gone with it."""

import base64
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from device_registry.domain.errors import Conflict, NotFound
from device_registry.domain.model import Credential, Key
from device_registry.domain.psk import Psk
from device_registry.manifests import GROUP, MANAGED_BY, REST_MANAGER, VERSION, secret_manifest

from .context import Context
from .problems import Problem, refusal

_ATTEMPTS: Final = 20
"""At a Secret that others make or collect at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySecret:
    """The Secret of one device."""

    device: Key
    uid: str

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.device.name}-psk"

    def credential(self, attribute: str) -> Credential:
        """How the device refers to the key of an attribute."""
        return Credential(attribute=attribute, secret=self.name, key=attribute)

    async def write(self, context: Context, keys: Mapping[str, Psk | None]) -> dict[str, Psk | None]:
        """Set entries, None takes one away; answers what they were. Raises Problem (409): others made it."""
        change = {label: _encoded(key) for label, key in keys.items()}
        for _ in range(_ATTEMPTS):
            try:
                return await self._change(context, change)
            except (NotFound, Conflict):
                # It has just been made for another key, or collected with an earlier device of that name.
                continue
        raise refusal("others change it all the time; try again later", HTTPStatus.SERVICE_UNAVAILABLE)

    async def read(self, context: Context) -> dict[str, Psk | None]:
        """The keys that it holds now; None for an entry that is none."""
        present = await self._present(context) or {}
        return {label: _decoded(text) for label, text in (present.get("data") or {}).items()}

    async def _change(self, context: Context, change: Mapping[str, str | None]) -> dict[str, Psk | None]:
        present = await self._present(context)
        if present is None:
            await self._create(context, {label: text for label, text in change.items() if text})
            return dict.fromkeys(change)
        self._check_ours(present)
        former: Mapping[str, str] = present.get("data") or {}
        if present["metadata"].get("ownerReferences") != [self._owner]:
            # It would be collected together with our keys.
            await self._patch(context, {**dict.fromkeys(former), **change}, ownerReferences=[self._owner])
            former = {}
        elif any(former.get(label) != text for label, text in change.items()):
            await self._patch(context, change)
        return {label: _decoded(former.get(label)) for label in change}

    async def _present(self, context: Context) -> Mapping[str, Any] | None:
        try:
            return await context.cluster.secret(self.device.namespace, self.name)
        except NotFound:
            return None

    async def _create(self, context: Context, data: Mapping[str, str]) -> None:
        if data:
            place, device = (self.device.namespace, self.name), self.device.name
            manifest = secret_manifest(*place, device, data, ownerReferences=[self._owner])
            await context.cluster.create_secret(manifest, REST_MANAGER)

    async def _patch(self, context: Context, data: Mapping[str, str | None], **metadata: Any) -> None:
        change = {"metadata": metadata, "data": data}
        await context.cluster.patch_secret(self.device.namespace, self.name, change, REST_MANAGER)

    @property
    def _owner(self) -> dict[str, str]:
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": str(self.device.kind),
            "name": self.device.name,
            "uid": self.uid,
        }

    def _check_ours(self, secret: Mapping[str, Any]) -> None:
        labels = secret["metadata"].get("labels") or {}
        if labels.get(MANAGED_BY) != REST_MANAGER:
            raise refusal(
                f'the Secret "{self.name}" was not made here; change the key there, or rename the Secret',
                HTTPStatus.CONFLICT,
            )


def _encoded(key: Psk | None) -> str | None:
    return None if key is None else base64.b64encode(key.digits.encode()).decode()


def _decoded(text: str | None) -> Psk | None:
    return None if text is None else Psk.parse(base64.b64decode(text).decode(errors="replace"))


async def forget(context: Context, device: Key, uid: str, labels: Collection[str]) -> None:
    """Take keys out of the Secret of a device that refers to them no longer; one that is not ours stays."""
    with suppress(Problem):
        await KeySecret(device=device, uid=uid).write(context, dict.fromkeys(labels))
