"""Gives an unclaimed row a resource: the one that waits for its id, or a new one that declares it as is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from device_api.names import device_key, template_key
from device_registry.domain.errors import Refused
from device_registry.domain.model import DeviceId, Key, Kind, Tenant
from device_registry.domain.reasons import Reason
from device_registry.manifests import REQUESTED_AT, device_manifest, template_manifest
from device_registry.manifests.authorship import REST_MANAGER
from device_registry.ports import Transaction
from device_registry.reconcile.unclaimed import Ref, reserve, unclaimed_device, unclaimed_template
from device_registry.registry.overview import UnclaimedRow

from .cluster import People
from .pinning import device_spec_of, template_spec_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Which resource shall have a row."""

    key: Key
    manifest: Mapping[str, Any] | None
    """What to create; None when the resource is there and waits."""


def ref_of(row: UnclaimedRow) -> Ref:
    """The row by its name."""
    return Ref(row.kind, row.tenant, row.id)


def prepare(transaction: Transaction, row: UnclaimedRow, namespace: str, name: str) -> Adoption:
    """Reserve the row for a resource. Raises Refused and NotFound as `reserve` does.

    Without a name it is the resource that was refused the id, else the one that had the row, else one that
    is called as over REST.
    """
    ref, now = ref_of(row), datetime.now(UTC)
    waiting = transaction.losers([(row.tenant, DeviceId(row.id))]) if row.kind is Kind.DEVICE else []
    chosen = next((key for key in waiting if name in ("", key.name)), None)
    key = chosen or _key(row, namespace, name)
    manifest = None if chosen else _manifest(transaction, ref, key)
    reserve(transaction, ref, (key.namespace, key.name), now)
    return Adoption(key=key, manifest=manifest)


def _key(row: UnclaimedRow, namespace: str, name: str) -> Key:
    if name or (row.name and row.namespace == namespace):
        return Key(row.kind, namespace, name or row.name)
    return (
        template_key(namespace, int(row.id)) if row.kind is Kind.TEMPLATE else device_key(namespace, row.id)
    )


def _manifest(transaction: Transaction, ref: Ref, key: Key) -> dict[str, Any]:
    if ref.kind is Kind.TEMPLATE:
        return template_manifest(key, template_spec_of(unclaimed_template(transaction, ref)))
    row = unclaimed_device(transaction, ref)
    names = {one.id: one.name for one in transaction.templates_of([row]).values()}
    return device_manifest(key, device_spec_of(row, names))


def unclaimed_templates(transaction: Transaction, refs: Sequence[Ref]) -> list[Ref]:
    """The unclaimed templates that these devices use, by id."""
    devices = [(ref.tenant, DeviceId(ref.id)) for ref in refs if ref.kind is Kind.DEVICE]
    rows = transaction.devices(devices, ()) if devices else []
    used = transaction.templates_of(rows) if rows else {}
    return [Ref(Kind.TEMPLATE, *_text(one)) for one, row in sorted(used.items()) if not row.claimed]


def _text(ref: tuple[Tenant, int]) -> tuple[Tenant, str]:
    tenant, template_id = ref
    return (tenant, str(template_id))


def namespace_for(row: UnclaimedRow, wanted: str, tenants: Mapping[str, Tenant]) -> str:
    """The namespace that the resource goes to; raises Refused when it does not stand for the row's tenant."""
    standing = [name for name, tenant in sorted(tenants.items()) if tenant == row.tenant]
    former = row.namespace if row.namespace in standing else ""
    chosen = wanted or former or (standing[0] if len(standing) == 1 else "")
    if chosen in standing:
        return chosen
    raise Refused(
        Reason.TENANT_CONFLICT,
        f"{_which(chosen, standing)} the tenant {row.tenant}; bind one with"
        f" `kubectl annotate namespace <name> dojot.io/tenant={row.tenant}` and choose it with --namespace",
    )


def _which(chosen: str, standing: Sequence[str]) -> str:
    if chosen:
        return f"the namespace {chosen} does not stand for"
    return f"{'several namespaces stand' if standing else 'no namespace stands'} for"


async def declare(people: People, adoption: Adoption) -> None:
    """Create the resource, or have the operator look again at the one that waits.

    It is created as the facade would, so that REST clients may change it.
    """
    if adoption.manifest is None:
        await request_look(people, [adoption.key])
    else:
        await people.create(adoption.manifest, REST_MANAGER)


async def request_look(people: People, keys: Sequence[Key]) -> None:
    """Have the operator look again at resources whose circumstances have changed."""
    token = datetime.now(UTC).isoformat(timespec="microseconds")
    for key in keys:
        await people.annotate(key, {REQUESTED_AT: token})
