"""Which resource stands, or should stand, for a row: what `export` and `import` call them."""

from collections.abc import Mapping

from device_api.names import device_key, template_key
from device_registry.domain.model import DeviceRow, Key, Kind, RegisteredTemplate, Tenant


def key_for(row: DeviceRow | RegisteredTemplate, namespaces: Mapping[Tenant, str]) -> Key:
    """The resource that has or had the row, else one that is called as over REST.

    `namespaces` are those of the tenants; a tenant without one gets a namespace of its own name.
    """
    is_device = isinstance(row, DeviceRow)
    if row.claim:
        return Key(Kind.DEVICE if is_device else Kind.TEMPLATE, *row.claim.place)
    namespace = namespaces.get(row.tenant) or row.tenant
    if isinstance(row, DeviceRow):
        return device_key(namespace, row.id)
    return template_key(namespace, row.id)
