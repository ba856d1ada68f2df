"""The bodies of requests as models, for the documentation at /docs.

Requests are not read with them: the texts of refusals are the contract's own (`bodies`).
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from . import examples

_LABEL_PATTERN = "^[A-Za-z0-9_-]+$"
_Scalar = str | int | float | bool | None


class MetadataBody(BaseModel):
    """A metadata entry of an attribute that is described."""

    label: str = Field(min_length=1, max_length=128)
    type: str = Field(max_length=32)
    value_type: str = Field(max_length=32)
    static_value: str | int | float | bool = Field("", description="Kept as text.")


class AttributeBody(BaseModel):
    """An attribute that is described; label and type together are unique."""

    label: str = Field(max_length=128, pattern=_LABEL_PATTERN)
    type: str = Field(max_length=32)
    value_type: str = Field(max_length=32)
    static_value: _Scalar = Field(None, description="Kept as text.")
    metadata: list[MetadataBody] = Field(
        [], max_length=32, description="Left out: what the attribute has stays; []: it goes."
    )


class TemplateBody(BaseModel):
    """A template that is described; ids and times of an answer sent back are ignored."""

    model_config = ConfigDict(json_schema_extra={"example": examples.TEMPLATE})

    label: str = Field(max_length=128)
    attrs: list[AttributeBody] = Field(max_length=256)


class MetadataOverrideBody(BaseModel):
    """The value of a metadata entry for one device."""

    id: int | str
    static_value: _Scalar = None


class OverrideBody(BaseModel):
    """The value of an attribute for one device; the attribute is named by ids."""

    id: int | str
    template_id: int | str
    label: str
    static_value: _Scalar = None
    metadata: list[MetadataOverrideBody] = []


class DeviceBody(BaseModel):
    """A device that is described."""

    model_config = ConfigDict(json_schema_extra={"example": examples.DEVICE})

    label: str = Field(max_length=128)
    templates: list[int | str] = Field([], max_length=16)
    id: str | None = Field(None, pattern="^[0-9a-fA-F]{2,6}$", description="Left out: a free one.")
    attrs: list[OverrideBody] | dict[str, list[OverrideBody]] = Field(
        [], description="Overrides, at most 256; as a list, or by template as GET shows them."
    )


class ChangedDeviceBody(DeviceBody):
    """A device as it is to be; overrides that are left out go, keys stay. Its id is not looked at."""

    model_config = ConfigDict(json_schema_extra={"example": examples.DEVICE})

    id: Any = None
    templates: list[int | str] = Field(max_length=16)


class NumberedDevicesBody(BaseModel):
    """Devices that differ by a number: `<devicesPrefix>-<n>`."""

    model_config = ConfigDict(json_schema_extra={"example": examples.BATCH})

    devicesPrefix: str = Field(min_length=1, max_length=128)  # noqa: N815 - the contract's
    quantity: int = Field(ge=1, le=10_000)
    initialSuffixNumber: int = Field(1, ge=0)  # noqa: N815 - the contract's
    templates: list[int | str] = Field([], max_length=16)


class ListedDevicesBody(BaseModel):
    """Devices one by one, each as POST /device takes it."""

    devices: list[DeviceBody] = Field(max_length=10_000)


class BatchBody(RootModel[NumberedDevicesBody | ListedDevicesBody]):
    """Either of both."""


class ImportedMetadataBody(MetadataBody):
    """A metadata entry with its id."""

    id: int


class ImportedAttributeBody(AttributeBody):
    """An attribute with its id."""

    id: int
    metadata: list[ImportedMetadataBody] = Field([], max_length=32)  # type: ignore[assignment]


class ImportedTemplateBody(BaseModel):
    """A template with its id."""

    id: int = Field(ge=1, lt=2**31)
    label: str = Field(max_length=128)
    attrs: list[ImportedAttributeBody] = Field(max_length=256)


class ImportedDeviceBody(DeviceBody):
    """A device with its id, which may be longer than the ids that POST takes."""

    id: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._:-]{0,7}$")


class ImportBody(BaseModel):
    """All that the tenant is to have."""

    model_config = ConfigDict(json_schema_extra={"example": examples.IMPORT})

    templates: list[ImportedTemplateBody]
    devices: list[ImportedDeviceBody]


class ActuationBody(BaseModel):
    """Values for actuators by label; other fields are passed on as they are."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": examples.ACTUATION})

    attrs: dict[str, object]


class LevelBody(BaseModel):
    """A level of logging, in any case."""

    level: str = Field(pattern="^(?i:CRITICAL|ERROR|WARNING|WARN|INFO|DEBUG)$")


REQUESTS: Final[Sequence[tuple[type[BaseModel], Literal["validation"]]]] = (
    (TemplateBody, "validation"),
    (DeviceBody, "validation"),
    (ChangedDeviceBody, "validation"),
    (ActuationBody, "validation"),
    (ImportBody, "validation"),
    (BatchBody, "validation"),
    (LevelBody, "validation"),
)
"""Models that stand in no answer and must be told to the documentation."""
