"""What the core needs from the outside, as contracts in words.

`wiring` puts the adapters behind these ports; `reconcile`, `relay` and the programs know only what stands
here. Registry ports are synchronous and run in threads of their own (the driver releases the interpreter
while it waits); the cluster port is asynchronous.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from .domain.budget import Departed
from .domain.events import Event, Recorded
from .domain.model import DeviceId, DeviceRow, Key, Kind, RegisteredTemplate, Tenant, TenantClaim
from .domain.outcome import Outcome, Usage
from .domain.reasons import Reason
from .key_ports import DeviceRef, KeyRows, Secrets

Place = tuple[str, str]
"""Namespace and name of a resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What the registry knows about one resource: the row that it claims, the last decision, or both."""

    key: Key
    row: str = ""
    """Id of the row that the resource claims; empty when there is none."""
    row_uid: str = ""
    """The uid that the claim notes."""
    intact: bool = True
    """Whether that row is as it was written."""
    uid: str = ""
    """The uid of the resource that was decided about last; empty when nothing was."""
    generation: int = 0
    """The generation that was decided about."""
    registered: bool = False
    """Whether it was registered then."""


class Transaction(KeyRows, Protocol):
    """One transaction of the registry.

    Leaving the block commits, leaving it by an exception rolls back. Rows that are read are locked until
    then, in one order everywhere (tenant, template, device; by id), so transactions wait for each other.
    Text that the registry cannot hold (NUL, lone surrogates) and broken references raise Rejected.
    """

    def templates(self, places: Collection[Place]) -> dict[Place, RegisteredTemplate]:
        """The templates that these resources claim, locked against change, absent ones left out."""

    def template_at(self, place: Place) -> RegisteredTemplate | None:
        """The template that this resource claims, locked for change."""

    def template(self, tenant: Tenant, template_id: int) -> RegisteredTemplate | None:
        """One template by its id, locked for change."""

    def devices(self, refs: Collection[DeviceRef], places: Collection[Place]) -> Sequence[DeviceRow]:
        """The device rows with these ids and the rows that these resources claim, locked for change."""

    def stale_devices(self, template: RegisteredTemplate, limit: int) -> Sequence[DeviceRow]:
        """Rows rendered with an older revision of the template and not yet tried with this one, locked."""

    def templates_of(self, rows: Collection[DeviceRow]) -> dict[tuple[Tenant, int], RegisteredTemplate]:
        """The templates that the rows were rendered with, by tenant and id, as they are now.

        They are not locked: one that changes meanwhile finds these rows stale and renders them again.
        """

    def usage(self, tenant: Tenant, template_id: int) -> Usage:
        """How many devices use a template."""

    def users(self, tenant: Tenant, template_id: int, limit: int | None = None) -> list[DeviceId]:
        """Ids of the devices that use a template, in order."""

    def tenant_claim(self, tenant: Tenant) -> TenantClaim | None:
        """Who stands for the tenant, None while nobody does; a tenant that is not there is made.

        Locks the tenant: who registers calls this first, so that registrations of a tenant see each other.
        """

    def bind_tenant(
        self, tenant: Tenant, namespace: str, *, explicit: bool = False, since: datetime | None = None
    ) -> None:
        """Note that this namespace stands for the tenant from now on, whoever did until now."""

    def unbind_tenant(self, tenant: Tenant) -> None:
        """Note that nobody stands for the tenant; its rows stay."""

    def tenants_of(self, namespace: str) -> list[Tenant]:
        """The tenants that a namespace is noted to stand for."""

    def has_claimed(self, tenant: Tenant, namespace: str) -> bool:
        """Whether resources of the namespace claim rows of the tenant."""

    def resources(self, tenant: Tenant, namespace: str) -> list[Key]:
        """The resources of a namespace about which something was decided for the tenant, in order."""

    def next_template_id(self, tenant: Tenant) -> int:
        """A template id that the tenant never used."""

    def next_attribute_ids(self, tenant: Tenant, count: int) -> list[int]:
        """That many attribute ids that the tenant never used, ascending."""

    def pinned(self, tenant: Tenant, template_id: int | None, attribute_ids: Collection[int]) -> None:
        """Note ids that a manifest insists on: ids given out later are larger (`identity.highest`)."""

    def attribute_owners(self, tenant: Tenant, attribute_ids: Collection[int]) -> dict[int, int]:
        """Which template each of these attribute or metadata ids belongs to; free ones left out."""

    def save_template(self, template: RegisteredTemplate) -> None:
        """Insert or replace a template with its attributes."""

    def remove_template(self, tenant: Tenant, template_id: int) -> None:
        """Delete a template that no device uses; deleting the absent is no error."""

    def mark_propagated(self, template: RegisteredTemplate) -> None:
        """Note that every device was tried with this revision and that the world was told."""

    def save_devices(self, rows: Sequence[DeviceRow]) -> None:
        """Insert or replace device rows, whole."""

    def mark_tried(self, template: RegisteredTemplate, rows: Collection[DeviceRow]) -> None:
        """Note rows that cannot be rendered with this revision, so that propagation passes them by."""

    def remove_devices(self, refs: Collection[DeviceRef]) -> None:
        """Delete device rows; deleting the absent is no error."""

    def departed(self, tenant: Tenant, since: datetime) -> Departed:
        """How many devices of a tenant left after that time, and how many are there and held."""

    def note_departures(self, tenants: Sequence[Tenant], now: datetime, before: datetime) -> None:
        """Count one device for each tenant named (a tenant as often as devices left); forget older counts."""

    def append(self, events: Sequence[Event]) -> list[Recorded]:
        """Write events to the outbox in this order, each with the next sequence of its subject."""

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Note what was decided and wake who waits for it. An older generation never replaces a newer."""

    def outcomes(self, keys: Collection[Key]) -> dict[Key, Outcome]:
        """The last decisions about these resources."""

    def forget(self, keys: Collection[Key]) -> None:
        """Drop the outcomes of resources that are gone."""

    def note_released(self, uids: Collection[str], now: datetime, before: datetime) -> None:
        """Remember that the resources with these uids were let go, and forget those of `before` and earlier.

        Without uids nothing is done.
        """

    def released(self, uids: Collection[str]) -> set[str]:
        """Those of these resources that were let go, as far as it is remembered: they are no more."""

    def losers(self, refs: Collection[DeviceRef]) -> list[Key]:
        """Devices that were refused a row with one of these ids and may have it now."""

    def blocked(self, templates: Collection[tuple[Tenant, int]]) -> list[Key]:
        """Those of these templates whose deletion waits for their devices to go."""


class Registry(Protocol):
    """The registry as the operator writes it. Every method may raise RegistryUnavailable."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction of the current leader. Raises Fenced when another operator leads."""

    def lead(self, holder: str) -> int:
        """Take the lead: transactions of every earlier leader are refused from now on. Answers the epoch."""

    def unpropagated(self) -> list[tuple[Tenant, int]]:
        """Templates whose current revision the world was not told about yet."""

    def outcomes(self, keys: Collection[Key]) -> dict[Key, Outcome]:
        """The last decisions about these resources."""

    def bound_namespaces(self) -> dict[str, Tenant]:
        """Every namespace that is noted to stand for a tenant, and the tenant."""

    def holdings(self, kind: Kind, after: Place, limit: int) -> list[Holding]:
        """The next page of what it knows about resources of a kind, in an order of its own.

        `after` is the place of the last one of the page before, at first a pair of empty texts. Rows that
        are unclaimed have no resource and do not count.
        """

    def unclaimed(self) -> dict[Kind, int]:
        """How many rows of each kind no resource stands behind."""

    def publication(self, tenant: Tenant, subject: str, sequence: int) -> Reason:
        """Where that event is: Acknowledged (or pruned since), Pending or Quarantined."""


class Cluster(Secrets, Protocol):
    """Our resources in Kubernetes, as the operator and the facade use them.

    Raises Conflict (409), NotFound (404), Refused (422, 400), Forbidden (403) and ClusterUnavailable
    (408, 410, 429, 5xx, no connection) instead of HTTP statuses.
    """

    async def ping(self) -> None:
        """Ask whether it can serve; ClusterUnavailable when not. Costs it nothing."""

    async def get(self, key: Key) -> dict[str, Any]:
        """The object as it is now."""

    async def create(self, manifest: Mapping[str, Any], manager: str) -> dict[str, Any]:
        """Create an object under a field manager; answers it as stored."""

    async def apply(
        self, manifest: Mapping[str, Any], manager: str, *, force: bool = False
    ) -> dict[str, Any]:
        """Server-side apply under a field manager; answers the object as stored."""

    async def replace(self, obj: Mapping[str, Any], manager: str) -> dict[str, Any]:
        """Write a whole object under a field manager, if it is still at the version that it names."""

    async def delete(self, key: Key, *, uid: str | None = None, resource_version: str | None = None) -> None:
        """Ask for deletion. NotFound when it is not there, Conflict when uid or version are others."""

    async def annotate(self, key: Key, notes: Mapping[str, str | None], version: str = "") -> dict[str, Any]:
        """Set annotations, None removes one; answers the object as stored. Conflict at another version."""

    async def set_finalizers(
        self, key: Key, finalizers: Sequence[str], resource_version: str
    ) -> dict[str, Any]:
        """Replace the list of finalizers if the object is still at that version."""

    async def patch_status(
        self, key: Key, status: Mapping[str, Any], resource_version: str
    ) -> dict[str, Any]:
        """Replace what `status` names if the object is still at that version; answers it as stored."""

    async def list(self, kind: Kind, namespace: str | None = None) -> list[dict[str, Any]]:
        """All objects of a kind, page by page, metadata only (PartialObjectMetadata)."""

    async def serves(self, kind: Kind) -> bool:
        """Whether the API server knows this kind now; while it does not, a missing object proves nothing."""

    async def post_event(self, event: Mapping[str, Any]) -> None:
        """Create a Kubernetes Event in the namespace of its metadata."""

    async def definition(self, kind: Kind) -> dict[str, Any]:
        """The definition of a kind (its CRD) as it is installed."""

    async def namespace(self, name: str) -> dict[str, Any]:
        """A namespace with its annotations."""

    async def annotate_namespace(self, name: str, annotations: Mapping[str, str]) -> None:
        """Set annotations of a namespace; the others stay."""

    async def is_ending(self, kind: Kind) -> bool:
        """Whether the definition of the kind (its CRD) is being deleted or gone, and the objects with it."""
