"""What keeping keys needs from the outside, as contracts in words: parts of the ports, and the vault.

`ports` puts the parts into Transaction and Cluster; `wiring` makes the vault.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from .domain.model import DeviceId, Tenant
from .domain.psk import Psk, Sealed

SecretPlace = tuple[str, str]
"""Namespace and name of a Secret."""

SecretVersion = str
"""What changes with the Secret; empty where there is none."""


@dataclass(frozen=True, slots=True)
class SeenSecret:
    """What a watch tells of a labelled Secret."""

    place: SecretPlace
    version: SecretVersion
    made_by_rest: bool = False
    """Then its device is changed as well, in a moment, by whoever changes the Secret."""


DeviceRef = tuple[Tenant, DeviceId]
"""Names one device row."""


class Vault(Protocol):
    """Encrypts keys. A key is tied to its place (tenant, device, attribute): elsewhere it does not open."""

    def seal(self, key: Psk, place: tuple[str, ...]) -> Sealed:
        """The key, encrypted."""

    def open(self, sealed: Sealed, place: tuple[str, ...]) -> Psk:
        """The key again. Raises KeyUnreadable for another password or place."""


class KeyRows(Protocol):
    """The part of a transaction that is about keys."""

    def keys(self, refs: Collection[DeviceRef]) -> dict[DeviceRef, dict[str, Sealed]]:
        """The stored keys of these devices by label of the attribute; devices without keys left out."""

    def save_keys(self, ref: DeviceRef, keys: Mapping[str, Sealed], now: datetime) -> None:
        """Insert or replace keys of a device that is there."""

    def drop_keys(self, ref: DeviceRef, attributes: Collection[str]) -> None:
        """Delete keys; deleting the absent is no error."""


class Secrets(Protocol):
    """The part of a cluster that is about Secrets. Raises the same errors."""

    async def secret(self, namespace: str, name: str) -> dict[str, Any]:
        """A Secret with its data."""

    async def create_secret(self, manifest: Mapping[str, Any], manager: str) -> dict[str, Any]:
        """Create a Secret under a field manager; Conflict when it is there already."""

    async def patch_secret(
        self, namespace: str, name: str, change: Mapping[str, Any], manager: str
    ) -> dict[str, Any]:
        """Merge a change into a Secret; null removes an entry."""

    async def secret_version(self, namespace: str, name: str) -> SecretVersion:
        """The version of a Secret, without its data. NotFound when there is none."""

    async def labelled_secrets(self, namespace: str | None) -> tuple[Sequence[SeenSecret], str]:
        """The labelled Secrets of a namespace or of all, without data, and from where to watch them."""

    def secret_changes(self, namespace: str | None, since: str) -> AsyncIterator[SeenSecret]:
        """Labelled Secrets that come, change or go, until the API server ends it.

        ClusterUnavailable, or Refused, when it must be begun anew by a list.
        """
