"""The values that everything else passes around.

*Declared* values say what a resource of the cluster asks for, *registered* values what the registry holds.
Manifests, the registry and the facade build them; rules, rendering and decisions read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, NewType, TypeVar

from .psk import Psk, Withheld

Tenant = NewType("Tenant", str)
"""dojot's unit of isolation: the `service` claim of a token, bound to one namespace."""

DeviceId = NewType("DeviceId", str)
"""The public id of a device; case is significant."""


class Kind(StrEnum):
    """The kinds of resource that this project serves."""

    DEVICE = "Device"
    TEMPLATE = "Template"


class DeletionPolicy(StrEnum):
    """What becomes of the row when its resource is deleted."""

    DELETE = "Delete"
    RETAIN = "Retain"


class AdoptionPolicy(StrEnum):
    """Whether a device may claim an unclaimed row that has its id."""

    NEVER = "Never"
    IF_IDENTICAL = "IfIdentical"
    ADOPT = "Adopt"


class Compatibility(StrEnum):
    """Which edits of a template are allowed while devices use it."""

    NONE = "None"
    BACKWARD = "Backward"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Names one resource in the cluster."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The tie between a row and the resource that declares it; names decide, the uid is only noted."""

    namespace: str
    name: str
    uid: str
    created: datetime
    """When the resource was created: of two claimants of one id the older wins."""

    @property
    def place(self) -> tuple[str, str]:
        """Namespace and name, by which a re-created resource takes its row back."""
        return (self.namespace, self.name)

    def older_than(self, other: "Claim") -> bool:
        """Whether it takes precedence over the holder of a row.

        The API server gives times in whole seconds: of two resources of one second the holder stays.
        """
        return self.created < other.created

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantClaim:
    """The claim of a namespace to stand for a tenant."""

    namespace: str
    explicit: bool = False
    """Whether an annotation binds it; else it merely has the tenant's name."""
    since: datetime | None = None
    """When the namespace was created; None when nobody knows."""


# --- declared ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """A metadata entry of a declared attribute."""

    label: str
    type: str
    value_type: str
    static_value: str | None = None
    id: int | None = None
    """A pinned id, from an import or an export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute that a template declares. (label, type) is its identity."""

    label: str
    type: str
    value_type: str
    static_value: str | None = None
    id: int | None = None
    metadata: tuple[Metadata, ...] = ()

    @property
    def identity(self) -> tuple[str, str]:
        """What two attributes of a device must not share."""
        return (self.label, self.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSpec:
    """What a Template resource asks for."""

    label: str
    attributes: tuple[Attribute, ...] = ()
    template_id: int | None = None
    compatibility: Compatibility = Compatibility.NONE
    deletion_policy: DeletionPolicy | None = None
    announce: str | None = None
    """A token; a new one asks to tell every device once more, though nothing may have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataOverride:
    """The value that a device gives to a metadata entry of one of its attributes."""

    label: str
    type: str
    static_value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What a device says differently about an attribute of its templates."""

    label: str
    type: str
    static_value: str | None = None
    metadata: tuple[MetadataOverride, ...] = ()

    @property
    def identity(self) -> tuple[str, str]:
        """The attribute that this override is for."""
        return (self.label, self.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Where the key of a psk attribute lies: a Secret of the device's namespace."""

    attribute: str
    secret: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """What a Device resource asks for."""

    label: str
    templates: tuple[str, ...] = ()
    """Names of Template resources of the same namespace, in the order that the document shows."""
    overrides: tuple[Override, ...] = ()
    device_id: DeviceId | None = None
    credentials: tuple[Credential, ...] = ()
    deletion_policy: DeletionPolicy | None = None
    adoption_policy: AdoptionPolicy = AdoptionPolicy.NEVER
    announce: str | None = None
    """A token; a new one asks to tell the world once more, though nothing may have changed."""


Spec = TypeVar("Spec", DeviceSpec, TemplateSpec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared(Generic[Spec]):
    """One resource as it was last seen: which, which version, and what it asks for."""

    key: Key
    tenant: Tenant
    uid: str
    generation: int
    created: datetime
    spec: Spec
    writer: str = ""
    """Who wrote the spec last: a field manager or a REST user; it travels in the header `dojot_writer`."""
    request: str = ""
    """The id of the REST request that wrote it, if one did; it travels in the header `dojot_request`."""
    tenant_claim: TenantClaim | None = None
    """What its namespace says about the tenant; None: no more than its name."""
    keys: Mapping[str, Psk | Withheld] = field(default_factory=dict)
    """What the Secrets that `spec.credentials` names say, by label of the attribute."""

    @property
    def claim(self) -> Claim:
        """The claim that this resource makes on its row."""
        return Claim(
            namespace=self.key.namespace,
            name=self.key.name,
            uid=self.uid,
            created=self.created,
        )

    @property
    def contender(self) -> TenantClaim:
        """The claim of its namespace to stand for the tenant."""
        return self.tenant_claim or TenantClaim(namespace=self.key.namespace)


# --- registered -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredMetadata:
    """A metadata entry with the id and the times that the registry gave it."""

    id: int
    label: str
    type: str
    value_type: str
    static_value: str | None
    created: datetime
    updated: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredAttribute:
    """An attribute with the id and the times that the registry gave it."""

    id: int
    label: str
    type: str
    value_type: str
    static_value: str | None
    created: datetime
    updated: datetime | None = None
    metadata: tuple[RegisteredMetadata, ...] = ()

    @property
    def identity(self) -> tuple[str, str]:
        """What two attributes of a device must not share."""
        return (self.label, self.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredTemplate:
    """A row of the registry: a template at one revision."""

    tenant: Tenant
    id: int
    label: str
    revision: int
    """Counts the changes of the template's document, from 1."""
    propagated_revision: int = 0
    """The last revision that the world was told about, after every device had been tried with it."""
    created: datetime
    updated: datetime | None = None
    attributes: tuple[RegisteredAttribute, ...] = ()
    claim: Claim | None = None
    generation: int = 0
    """The generation of the resource that this row shows."""
    unclaimed_since: datetime | None = None
    terminating: bool = False
    """Its resource is being deleted and waits for the devices that use it; no others may come."""
    announce: str | None = None
    """The token of the last announcement that was asked for."""
    announced_revision: int = 0
    """The revision that this made: devices rendered with an older one are told even if they stay the same."""

    @property
    def claimed(self) -> bool:
        """Whether a resource of the cluster stands behind this row."""
        return self.claim is not None and self.unclaimed_since is None

    @property
    def name(self) -> str:
        """How messages call it: the resource's name, else the id."""
        return self.claim.name if self.claim else str(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A device as REST and Kafka show it, rendered once for each change."""

    body: str
    """JSON with sorted keys, ASCII only, no final newline: the exact bytes that are served and sent."""
    hash: str
    """Digest of everything but the device's own `updated`; equal hash means that nothing happened."""
    terms: tuple[str, ...]
    """What filters look for, see `device_registry.domain.terms`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """A row of the registry: a registered device with its document."""

    tenant: Tenant
    id: DeviceId
    spec: DeviceSpec
    document: Document
    templates: Mapping[int, int] = field(default_factory=dict)
    """Template id to the revision that the document was rendered with, in the order of the document."""
    revision: int = 1
    """Counts the changes of the document, from 1."""
    created: datetime
    updated: datetime | None = None
    claim: Claim | None = None
    generation: int = 0
    unclaimed_since: datetime | None = None
    intact: bool = True
    """Whether the row is as it was written; not so when somebody changed it behind our back."""

    @property
    def claimed(self) -> bool:
        """Whether a resource of the cluster stands behind this row."""
        return self.claim is not None and self.unclaimed_since is None
