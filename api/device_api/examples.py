"""Examples of bodies for the documentation; a test sends each of them."""

from typing import Any, Final

TEMPLATE: Final[dict[str, Any]] = {
    "label": "Thermometer",
    "attrs": [
        {"label": "temperature", "type": "dynamic", "value_type": "float"},
        {"label": "serial", "type": "static", "value_type": "string", "static_value": "none"},
        {"label": "led", "type": "actuator", "value_type": "string"},
        {"label": "shared_key", "type": "static", "value_type": "psk"},
    ],
}

DEVICE: Final[dict[str, Any]] = {
    "label": "Freezer 7",
    "id": "a1b2c3",
    "templates": [1],
    "attrs": [{"id": 2, "template_id": 1, "label": "serial", "static_value": "SN-1"}],
}

ACTUATION: Final[dict[str, Any]] = {"attrs": {"led": "on"}}

IMPORT: Final[dict[str, Any]] = {
    "templates": [
        {
            "id": 1,
            "label": "Thermometer",
            "attrs": [
                {"id": 1, "label": "temperature", "type": "dynamic", "value_type": "float"},
                {
                    "id": 2,
                    "label": "serial",
                    "type": "static",
                    "value_type": "string",
                    "static_value": "none",
                },
            ],
        }
    ],
    "devices": [
        {
            "id": "a1b2c3",
            "label": "Freezer 7",
            "templates": [1],
            "attrs": [{"id": 2, "template_id": 1, "label": "serial", "static_value": "SN-1"}],
        }
    ],
}

BATCH: Final[dict[str, Any]] = {
    "devicesPrefix": "freezer",
    "quantity": 3,
    "initialSuffixNumber": 1,
    "templates": [1],
}
