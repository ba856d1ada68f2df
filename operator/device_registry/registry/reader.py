"""The registry as the facade reads it: short statements on an asynchronous pool, each bound to a tenant.

Documents leave as the bytes that were stored. The only row that is written here is the tenant's, whose
counter gives out template ids.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

from psycopg.rows import DictRow

from device_registry.domain import terms
from device_registry.domain.model import DeviceId, Key, RegisteredTemplate, Tenant
from device_registry.domain.outcome import Outcome

from . import duty, rows, sql
from .actuation import Actuations
from .bindings import BindingReads, StoredDevice, stored
from .filters import Filters, Order, Page
from .keys import KeyReads

_SQL = sql.load("reader.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicesPage:
    """A page of devices, joined by commas, and how many match in all."""

    total: int
    bodies: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatesPage:
    """A page of templates, and how many match in all."""

    total: int
    templates: tuple[RegisteredTemplate, ...]


class RegistryReader(BindingReads, KeyReads, Actuations):
    """Reads devices, templates and outcomes. Every method may raise RegistryUnavailable.

    An asynchronous context manager; a registry that is away at the start is no error.
    """

    # --- devices ---

    async def device(self, tenant: Tenant, device_id: str) -> str | None:
        """The document of a device."""
        found = await self.fetch(_SQL.device, tenant=tenant, id=device_id)
        return found[0]["document"] if found else None

    async def stored_device(self, tenant: Tenant, device_id: str) -> StoredDevice | None:
        """A device together with the resource that declares it."""
        found = await self.fetch(_SQL.device_with_claim, tenant=tenant, id=device_id)
        return stored(found[0]) if found else None

    async def documents(self, tenant: Tenant, ids: Collection[DeviceId]) -> dict[DeviceId, str]:
        """The documents of several devices by id, absent ones left out."""
        found = await self.fetch(_SQL.documents, tenant=tenant, ids=list(ids))
        return {DeviceId(row["id"]): row["document"] for row in found}

    async def taken(self, tenant: Tenant, ids: Collection[DeviceId]) -> set[DeviceId]:
        """Which of these ids devices already have."""
        found = await self.fetch(_SQL.device_ids_taken, tenant=tenant, ids=list(ids))
        return {DeviceId(row["id"]) for row in found}

    async def devices_page(self, tenant: Tenant, filters: Filters, page: Page) -> DevicesPage:
        """A page of documents as they were stored."""
        wanted = _device_parameters(tenant, filters)
        statement = _page_statement("devices_page", tuple(wanted), page.order, page.descending)
        (row,) = await self.fetch(statement, tenant=tenant, **wanted, **_limits(page))
        return DevicesPage(total=row["total"], bodies=row["bodies"] or "")

    async def device_ids_page(self, tenant: Tenant, filters: Filters, page: Page) -> str:
        """The ids of a page, as JSON texts joined by commas."""
        wanted = _device_parameters(tenant, filters)
        statement = _page_statement("device_ids_page", tuple(wanted), page.order, page.descending)
        (row,) = await self.fetch(statement, tenant=tenant, **wanted, **_limits(page))
        return row["ids"] or ""

    # --- templates ---

    async def templates(self, tenant: Tenant, ids: Iterable[int]) -> dict[int, RegisteredTemplate]:
        """Templates by id, absent ones left out."""
        found = await self.fetch(_SQL.template, tenant=tenant, ids=list(ids))
        return {one.id: one for one in await self._with_attributes(tenant, found)}

    async def template(self, tenant: Tenant, template_id: int) -> RegisteredTemplate | None:
        """One template with its attributes."""
        return (await self.templates(tenant, [template_id])).get(template_id)

    async def templates_page(self, tenant: Tenant, filters: Filters, page: Page) -> TemplatesPage:
        """A page of templates; `filters.template` does not apply to them."""
        wanted = _template_parameters(filters)
        statement = _page_statement("templates_page", tuple(wanted), page.order, page.descending)
        parameters = {name: value for group in wanted.values() for name, value in group.items()}
        found = await self.fetch(statement, tenant=tenant, **parameters, **_limits(page))
        present = [row for row in found if row["id"] is not None]
        templates = tuple(await self._with_attributes(tenant, present))
        return TemplatesPage(total=found[0]["total"], templates=templates)

    async def reserve_template_id(self, tenant: Tenant) -> int:
        """A template id that the tenant never used and that nobody else will get."""
        (row,) = await self.fetch(_SQL.reserve_template_id, tenant=tenant)
        return int(row["id"])

    async def _with_attributes(self, tenant: Tenant, found: list[DictRow]) -> list[RegisteredTemplate]:
        if not found:
            return []
        ids = [row["id"] for row in found]
        attributes = await self.fetch(_SQL.attributes, tenant=tenant, ids=ids)
        order = sorted(attributes, key=itemgetter("template_id"))
        groups: dict[int, Any] = {
            owner: list(group) for owner, group in groupby(order, key=itemgetter("template_id"))
        }
        return [rows.template(cast("Any", row), groups.get(row["id"], [])) for row in found]

    # --- outcomes ---

    async def outcomes(self, tenants: Collection[Tenant], keys: Collection[Key]) -> dict[Key, Outcome]:
        """What was decided last about these resources of these tenants, absent ones left out."""
        found = await self.fetch(_SQL.outcomes, sees=tenants, **rows.key_columns(keys))
        return {outcome.key: outcome for outcome in map(rows.outcome, found)}

    async def operator_at_work(self) -> bool:
        """Whether an operator leads, as far as Postgres can tell."""
        (row,) = await self.fetch(_SQL.at_work, lock=duty.LOCK)
        return bool(row["present"])

    async def is_published(self, tenant: Tenant, awaited: Mapping[str, int | None]) -> bool:
        """Whether Kafka has acknowledged these events: by subject the sequence, None for the last one.

        The last one of a template's edit comes when the edit has reached all its devices.
        """
        subjects, sequences = list(awaited), list(awaited.values())
        (row,) = await self.fetch(_SQL.publication, tenant=tenant, subjects=subjects, sequences=sequences)
        return not row["waiting"]

    async def last_request(self, tenant: Tenant, subject: str) -> str:
        """The id of the REST request that caused the last event of a subject; empty when none did."""
        found = await self.fetch(_SQL.last_request, tenant=tenant, subject=subject)
        return str(found[0]["request"]) if found else ""


@cache
def _page_statement(
    name: str,
    filters: tuple[str, ...],
    order_by: Order,
    descending: bool,  # noqa: FBT001 - a key of the cache
) -> str:
    """A page statement with its fragments: a closed set of texts, so Postgres prepares each once."""
    order: str = getattr(_SQL, f"order_{order_by}{'_descending' if descending else ''}")
    chosen = " ".join(getattr(_SQL, f"filter_{one}") for one in filters)
    text: str = getattr(_SQL, name)
    return text.format(filters=chosen, order=order, page_order=order.replace("d.", "page."))


def _device_parameters(tenant: Tenant, filters: Filters) -> dict[str, Any]:
    """What is asked for, by the name of its fragment."""
    wanted = [terms.attribute_value(tenant, label, value) for label, value in filters.attributes]
    wanted += [terms.value_type(tenant, one) for one in filters.value_types]
    asked = {"label": filters.label, "terms": wanted, "template": filters.template}
    return {name: value for name, value in asked.items() if value not in ("", [], None)}


def _template_parameters(filters: Filters) -> dict[str, Mapping[str, Any]]:
    """What is asked for, by the name of its fragment."""
    asked: dict[str, Mapping[str, Any]] = {}
    if filters.label:
        asked["label"] = {"label": filters.label}
    if filters.attributes:
        labels, values = zip(*filters.attributes, strict=True)
        asked["attributes"] = {"labels": list(labels), "values": list(values)}
    if filters.value_types:
        asked["value_types"] = {"value_types": list(filters.value_types)}
    return asked


def _limits(page: Page) -> dict[str, Any]:
    return {"size": page.size, "offset": page.offset}
