"""The answers of the contract as models, for the documentation at /docs.

Answers are not made with them: documents are sent as stored. A test holds answers against these models.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Shape(BaseModel):
    """Nothing but what is listed."""

    model_config = ConfigDict(extra="forbid")


class Metadata(_Shape):
    """A metadata entry of an attribute."""

    id: int
    label: str
    type: str
    value_type: str
    static_value: str | None
    is_static_overridden: bool | None = Field(None, description="In devices, where there is a value.")
    created: datetime
    updated: datetime | None


class Attribute(_Shape):
    """An attribute; fields without a value are left out."""

    id: int
    template_id: str = Field(description="The template's id as text.")
    label: str
    type: str = Field(description="static, dynamic, actuator, or any other text for configuration.")
    value_type: str
    static_value: str | None = None
    is_static_overridden: bool | None = Field(None, description="In devices, where there is a value.")
    metadata: list[Metadata] | None = None
    created: datetime
    updated: datetime | None = None


class Template(_Shape):
    """A template; which of the three lists are there depends on `attr_format`."""

    id: int
    label: str
    attrs: list[Attribute] | None = None
    data_attrs: list[Attribute] | None = None
    config_attrs: list[Attribute] | None = None
    created: datetime
    updated: datetime | None = None


class Device(_Shape):
    """A device with everything that its templates and its overrides give it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "attrs": {
                    "1": [
                        {
                            "created": "2026-01-31T08:00:00.000000+00:00",
                            "id": 2,
                            "is_static_overridden": True,
                            "label": "serial",
                            "static_value": "SN-1",
                            "template_id": "1",
                            "type": "static",
                            "value_type": "string",
                        }
                    ]
                },
                "created": "2026-01-31T08:00:00.000000+00:00",
                "id": "a1b2c3",
                "label": "Freezer 7",
                "templates": [1],
            }
        },
    )

    id: str
    label: str
    templates: list[int]
    attrs: dict[str, list[Attribute]] = Field(description="By the template's id as text.")
    created: datetime
    updated: datetime | None = None
    status: Literal["online", "offline"] | None = Field(
        default=None, description="Whether data of it came lately; only where a monitor keeps it."
    )


class Pagination(_Shape):
    """Where a page is in its list."""

    page: int
    total: int = Field(description="Number of pages.")
    has_next: bool
    next_page: int | None


class TemplateList(_Shape):
    """A page of templates."""

    templates: list[Template]
    pagination: Pagination


class DeviceList(_Shape):
    """A page of devices."""

    devices: list[Device]
    pagination: Pagination


class TemplateCreated(_Shape):
    """The template as it was registered."""

    result: Literal["ok"]
    template: Template


class TemplateRemoved(_Shape):
    """The template as it was."""

    result: Literal["ok"]
    removed: Template


class TemplatesRemoved(_Shape):
    """The templates as they were."""

    result: Literal["ok"]
    removed: list[Template]


class TemplateUpdated(_Shape):
    """The template as it is now."""

    result: Literal["ok"]
    updated: Template


class NewDevice(_Shape):
    """Id and label of a device that was registered."""

    id: str
    label: str


class DevicesCreated(_Shape):
    """The devices that were registered; with `verbose` the whole device."""

    message: Literal["devices created", "device created"]
    devices: list[NewDevice] | list[Device]


class BatchFailure(_Shape):
    """A device of a batch that was not made."""

    label: str
    reason: str


class Batch(_Shape):
    """How each device of a batch ended."""

    successes: list[Device]
    failures: list[BatchFailure]


class BatchAccepted(Batch):
    """As `Batch`, and what the registry does not show yet; none when only Kafka is late."""

    accepted: list[NewDevice]
    message: str
    status: int


class DeviceRemoved(_Shape):
    """The device as it was."""

    result: Literal["ok"]
    removed_device: Device


class DevicesRemoved(_Shape):
    """The devices as they were."""

    result: Literal["ok"]
    removed_devices: list[Device]


class DeviceUpdated(_Shape):
    """The device as it is now."""

    message: Literal["device updated"]
    device: Device


class Actuated(_Shape):
    """The values are on their way. The key begins with a blank, as clients know it."""

    status: Literal["configuration sent to device"] = Field(alias=" status")


class NotConfigurable(_Shape):
    """Labels that are of no actuator of the device."""

    attrs: list[str]
    status: Literal["some of the attributes are not configurable"]


class Generated(_Shape):
    """A key that was generated for an attribute."""

    attribute: str
    psk: str = Field(pattern="^([0-9a-f]{2})+$")


class Imported(_Shape):
    """Everything is there."""

    message: Literal["data imported!"]


class Level(_Shape):
    """A level of logging."""

    level: Literal["CRITICAL", "ERROR", "WARNING", "WARN", "INFO", "DEBUG"]


class Refusal(_Shape):
    """What is wrong with a request; `devices` and `total` only where `verbose` asks for them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"message": "No such device: ffff", "status": 404}}
    )

    message: str | list[str]
    status: int
    devices: list[str] | None = None
    total: int | None = None


class Malformed(_Shape):
    """What is wrong with the fields of a body."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"errors": {"label": ["Not a valid string."]}, "message": "failed to parse input"}
        },
    )

    message: str
    errors: dict[str, object]
