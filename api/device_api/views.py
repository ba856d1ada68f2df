"""Answers as JSON text, with sorted keys. Stored documents go in byte for byte."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any, Final

from device_registry.domain.model import RegisteredTemplate
from device_registry.domain.rendering import template_view, to_json
from device_registry.registry.filters import Page
from device_registry.registry.reader import DevicesPage, TemplatesPage

from .batches import BatchResult
from .devices import NewDevice

_LEFT_OUT: Final = {"split": ("attrs",), "single": ("data_attrs", "config_attrs")}
"""What an `attr_format` does not show."""


def pagination(page: Page, matching: int) -> dict[str, Any]:
    """Where a page is; `total` is the number of pages (contract, quirk 10)."""
    total = ceil(matching / page.size)
    more = page.number < total
    return {
        "has_next": more,
        "next_page": page.number + 1 if more else None,
        "page": page.number,
        "total": total,
    }


# --- templates --------------------------------------------------------------------------------------


def templates(found: TemplatesPage, page: Page, attr_format: str) -> str:
    """A list of templates."""
    shown = [_shown(one, attr_format) for one in found.templates]
    return to_json({"pagination": pagination(page, found.total), "templates": shown})


def template(one: RegisteredTemplate, attr_format: str) -> str:
    """One template, bare."""
    return to_json(_shown(one, attr_format))


def created_template(one: RegisteredTemplate, attr_format: str) -> str:
    """The answer to POST /template."""
    return to_json({"result": "ok", "template": _shown(one, attr_format)})


def updated_template(one: RegisteredTemplate) -> str:
    """The answer to PUT /template/<id>."""
    return to_json({"result": "ok", "updated": template_view(one)})


def removed_template(one: RegisteredTemplate) -> str:
    """The answer to DELETE /template/<id>."""
    return to_json({"removed": template_view(one), "result": "ok"})


def removed_templates(every: Iterable[RegisteredTemplate]) -> str:
    """The answer to DELETE /template."""
    return to_json({"removed": [template_view(one) for one in every], "result": "ok"})


def _shown(one: RegisteredTemplate, attr_format: str) -> dict[str, Any]:
    left_out: Sequence[str] = _LEFT_OUT.get(attr_format, ())
    return {name: value for name, value in template_view(one).items() if name not in left_out}


# --- devices ----------------------------------------------------------------------------------------


def devices(found: DevicesPage, page: Page) -> str:
    """A list of devices."""
    return f'{{"devices":[{found.bodies}],"pagination":{to_json(pagination(page, found.total))}}}'


def created_devices(created: Iterable[NewDevice]) -> str:
    """The answer to POST /device."""
    listed = [{"id": one.id, "label": one.label} for one in created]
    return to_json({"devices": listed, "message": "devices created"})


def created_device(document: str) -> str:
    """The answer to POST /device?verbose=true."""
    return f'{{"devices":[{document}],"message":"device created"}}'


def updated_device(document: str) -> str:
    """The answer to PUT /device/<id>, and to templates that come and go."""
    return f'{{"device":{document},"message":"device updated"}}'


def batch(result: BatchResult) -> str:
    """The answer to POST /device/batch."""
    failures = to_json([{"label": one.label, "reason": one.reason} for one in result.failures])
    parts = {"failures": failures, "successes": f"[{','.join(result.successes)}]"}
    if result.late is not None:
        parts |= {name: to_json(value) for name, value in result.late.body.items()}
        parts["accepted"] = to_json([{"id": one.id, "label": one.label} for one in result.accepted])
    return "{" + ",".join(f'"{name}":{parts[name]}' for name in sorted(parts)) + "}"


def removed_device(document: str) -> str:
    """The answer to DELETE /device/<id>."""
    return f'{{"removed_device":{document},"result":"ok"}}'


def removed_devices(documents: Sequence[str]) -> str:
    """The answer to DELETE /device."""
    return f'{{"removed_devices":[{",".join(documents)}],"result":"ok"}}'
