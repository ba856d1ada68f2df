"""What the schemas refuse: a field, a value that breaks one rule, and what the API server says.

A field is a dotted path below `spec` of the manifests in `tests.support.manifests`. The end-to-end
tests of the schemas read these tables; the expected text names the field and the rule.
"""

from __future__ import annotations

from typing import Any

NUL = "a\0b"
TEXT = r"should match '^[^\x00]*$'"
LABEL = "should match '^[A-Za-z0-9_-]{1,128}$'"
NAME = "should match '^[a-z0-9]"
PINNED_TWICE = "may be pinned once only"

METADATA = {"label": "unit", "type": "static", "staticValue": "kelvin"}
OVERRIDE = {"label": "temperature", "type": "dynamic", "metadata": [METADATA]}
CREDENTIAL = {"attribute": "psk", "secretRef": {"name": "freezer-7-psk", "key": "psk"}}
ATTRIBUTE = {"label": "temperature", "type": "dynamic", "valueType": "float"}


def numbered(count: int, field: str, **rest: Any) -> list[dict[str, Any]]:
    return [{field: f"n{number}", **rest} for number in range(count)]


DEVICE_REFUSALS = [
    ("deviceId", "", "deviceId in body should be at least 1 chars long"),
    ("deviceId", "a" * 65, "deviceId: Too long: may not be more than 64 bytes"),
    ("deviceId", "-a", "deviceId in body should match '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'"),
    ("deviceId", "a1\n", "deviceId in body should match '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'"),
    ("label", "é" * 129, "label: Too long: may not be more than 128"),
    ("label", NUL, f"label in body {TEXT}"),
    ("templates", numbered(17, "name"), "templates: Too many: 17: must have at most 16 items"),
    ("templates", [{}], "templates[0].name: Required value"),
    ("templates", [{"name": ""}], "templates[0].name in body should be at least 1 chars long"),
    ("templates", [{"name": "a" * 254}], "templates[0].name: Too long: may not be more than 253"),
    ("templates", [{"name": "Freezer"}], f"templates[0].name in body {NAME}"),
    ("templates", [{"name": "a"}, {"name": "a"}], 'templates[1]: Duplicate value: {"name":"a"}'),
    (
        "attributes",
        numbered(257, "label", type="static", staticValue="1"),
        "attributes: Too many: 257: must have at most 256 items",
    ),
    ("attributes", [OVERRIDE, OVERRIDE], "attributes[1]: Duplicate value"),
    (
        "attributes",
        [{"label": "serial", "type": "static"}],
        "attributes[0]: Required value: an override needs staticValue or at least one entry",
    ),
    (
        "attributes",
        [{"label": "serial", "type": "static", "metadata": []}],
        "attributes[0]: Required value: an override needs staticValue or at least one entry",
    ),
    ("attributes", [{"type": "static", "staticValue": "1"}], "attributes[0].label: Required value"),
    ("attributes", [{"label": "a", "staticValue": "1"}], "attributes[0].type: Required value"),
    ("attributes.0.label", "", "attributes[0].label in body should be at least 1 chars long"),
    ("attributes.0.label", "a" * 129, "attributes[0].label: Too long: may not be more than 128"),
    ("attributes.0.label", "a b", f"attributes[0].label in body {LABEL}"),
    ("attributes.0.label", "serial\n", f"attributes[0].label in body {LABEL}"),
    ("attributes.0.type", "t" * 33, "attributes[0].type: Too long: may not be more than 32"),
    ("attributes.0.type", NUL, f"attributes[0].type in body {TEXT}"),
    ("attributes.0.staticValue", "x" * 129, "attributes[0].staticValue: Too long"),
    ("attributes.0.staticValue", NUL, f"attributes[0].staticValue in body {TEXT}"),
    ("attributes.0.staticValue", 20, "attributes[0].staticValue: Invalid value"),
    (
        "attributes.0.metadata",
        numbered(33, "label", type="static", staticValue="1"),
        "attributes[0].metadata: Too many: 33: must have at most 32 items",
    ),
    ("attributes.0.metadata", [METADATA, METADATA | {"type": "x"}], "metadata[1]: Duplicate value"),
    ("attributes.0.metadata", [{}], "attributes[0].metadata[0].label: Required value"),
    ("attributes.0.metadata", [{}], "attributes[0].metadata[0].type: Required value"),
    ("attributes.0.metadata", [{}], "attributes[0].metadata[0].staticValue: Required value"),
    ("attributes.0.metadata", [METADATA | {"label": ""}], "metadata[0].label in body should be at"),
    ("attributes.0.metadata", [METADATA | {"label": "u" * 129}], "metadata[0].label: Too long"),
    ("attributes.0.metadata", [METADATA | {"label": NUL}], f"metadata[0].label in body {TEXT}"),
    ("attributes.0.metadata", [METADATA | {"type": "u" * 33}], "metadata[0].type: Too long"),
    ("attributes.0.metadata", [METADATA | {"type": NUL}], f"metadata[0].type in body {TEXT}"),
    ("attributes.0.metadata", [METADATA | {"staticValue": "u" * 129}], "staticValue: Too long"),
    ("attributes.0.metadata", [METADATA | {"staticValue": NUL}], f"staticValue in body {TEXT}"),
    (
        "credentials",
        numbered(33, "attribute", secretRef={"name": "a", "key": "b"}),
        "credentials: Too many: 33: must have at most 32 items",
    ),
    ("credentials", [CREDENTIAL, CREDENTIAL], "credentials[1]: Duplicate value"),
    ("credentials", [{}], "credentials[0].attribute: Required value"),
    ("credentials", [{}], "credentials[0].secretRef: Required value"),
    ("credentials", [CREDENTIAL | {"attribute": "a b"}], f"credentials[0].attribute in body {LABEL}"),
    ("credentials", [CREDENTIAL | {"attribute": "a" * 129}], "credentials[0].attribute: Too long"),
    ("credentials", [CREDENTIAL | {"secretRef": {}}], "credentials[0].secretRef.name: Required"),
    ("credentials", [CREDENTIAL | {"secretRef": {}}], "credentials[0].secretRef.key: Required"),
    (
        "credentials",
        [CREDENTIAL | {"secretRef": {"name": "No_Name", "key": "k"}}],
        f"secretRef.name in body {NAME}",
    ),
    (
        "credentials",
        [CREDENTIAL | {"secretRef": {"name": "a" * 254, "key": "k"}}],
        "secretRef.name: Too long: may not be more than 253",
    ),
    (
        "credentials",
        [CREDENTIAL | {"secretRef": {"name": "a", "key": "k/"}}],
        "secretRef.key in body should match '^[A-Za-z0-9._-]{1,253}$'",
    ),
    (
        "credentials",
        [CREDENTIAL | {"secretRef": {"name": "a", "key": "k" * 254}}],
        "secretRef.key: Too long: may not be more than 253",
    ),
    ("deletionPolicy", "Keep", 'deletionPolicy: Unsupported value: "Keep": supported values: "Del'),
    ("adoptionPolicy", "Always", 'adoptionPolicy: Unsupported value: "Always": supported values: '),
]

TEMPLATE_REFUSALS = [
    ("label", "x" * 129, "label: Too long: may not be more than 128"),
    ("label", NUL, f"label in body {TEXT}"),
    ("templateId", 0, "templateId in body should be greater than or equal to 1"),
    ("templateId", 2**31, "templateId in body should be less than or equal to 2147483647"),
    ("templateId", "12", "templateId: Invalid value"),
    (
        "attributes",
        numbered(257, "label", type="dynamic", valueType="float"),
        "attributes: Too many: 257: must have at most 256 items",
    ),
    ("attributes", [ATTRIBUTE, ATTRIBUTE], "attributes[1]: Duplicate value"),
    ("attributes", [{}], "attributes[0].label: Required value"),
    ("attributes", [{}], "attributes[0].type: Required value"),
    ("attributes", [{}], "attributes[0].valueType: Required value"),
    (
        "attributes",
        [ATTRIBUTE | {"id": 3}, ATTRIBUTE | {"id": 3, "label": "humidity"}],
        f"attributes: Invalid value: each id in attributes {PINNED_TWICE}",
    ),
    ("attributes.0.label", "", "attributes[0].label in body should be at least 1 chars long"),
    ("attributes.0.label", "a" * 129, "attributes[0].label: Too long: may not be more than 128"),
    ("attributes.0.label", "a.b", f"attributes[0].label in body {LABEL}"),
    ("attributes.0.label", "température", f"attributes[0].label in body {LABEL}"),
    ("attributes.0.label", "a\n", f"attributes[0].label in body {LABEL}"),
    ("attributes.0.type", "t" * 33, "attributes[0].type: Too long: may not be more than 32"),
    ("attributes.0.type", NUL, f"attributes[0].type in body {TEXT}"),
    ("attributes.0.valueType", "t" * 33, "attributes[0].valueType: Too long: may not be more th"),
    ("attributes.0.valueType", NUL, f"attributes[0].valueType in body {TEXT}"),
    ("attributes.0.staticValue", "x" * 129, "attributes[0].staticValue: Too long: may not be mo"),
    ("attributes.0.staticValue", NUL, f"attributes[0].staticValue in body {TEXT}"),
    ("attributes.0.id", 0, "attributes[0].id in body should be greater than or equal to 1"),
    ("attributes.0.id", 2**31, "attributes[0].id in body should be less than or equal to 214748"),
    (
        "attributes.0.metadata",
        numbered(33, "label", type="static", valueType="string"),
        "attributes[0].metadata: Too many: 33: must have at most 32 items",
    ),
    (
        "attributes.0.metadata",
        [
            {"label": "unit", "type": "static", "valueType": "string"},
            {"label": "unit", "type": "other", "valueType": "string"},
        ],
        'attributes[0].metadata[1]: Duplicate value: {"label":"unit"}',
    ),
    (
        "attributes.0.metadata",
        numbered(2, "label", type="static", valueType="string", id=9),
        f"attributes[0].metadata: Invalid value: each id in metadata {PINNED_TWICE}",
    ),
    ("attributes.0.metadata", [{}], "attributes[0].metadata[0].label: Required value"),
    ("attributes.0.metadata", [{}], "attributes[0].metadata[0].type: Required value"),
    ("attributes.0.metadata", [{}], "attributes[0].metadata[0].valueType: Required value"),
    ("attributes.0.metadata.0.label", "", "metadata[0].label in body should be at least 1 chars"),
    ("attributes.0.metadata.0.label", "u" * 129, "attributes[0].metadata[0].label: Too long"),
    ("attributes.0.metadata.0.label", NUL, f"metadata[0].label in body {TEXT}"),
    ("attributes.0.metadata.0.type", "u" * 33, "attributes[0].metadata[0].type: Too long"),
    ("attributes.0.metadata.0.type", NUL, f"metadata[0].type in body {TEXT}"),
    ("attributes.0.metadata.0.valueType", "u" * 33, "metadata[0].valueType: Too long"),
    ("attributes.0.metadata.0.valueType", NUL, f"metadata[0].valueType in body {TEXT}"),
    ("attributes.0.metadata.0.staticValue", "u" * 129, "metadata[0].staticValue: Too long"),
    ("attributes.0.metadata.0.staticValue", NUL, f"metadata[0].staticValue in body {TEXT}"),
    ("attributes.0.metadata.0.id", 0, "metadata[0].id in body should be greater than or equal to 1"),
    ("attributes.0.metadata.0.id", 2**31, "metadata[0].id in body should be less than or equal to"),
    ("compatibility", "Full", 'compatibility: Unsupported value: "Full": supported values: "None"'),
    ("deletionPolicy", "Keep", 'deletionPolicy: Unsupported value: "Keep": supported values: "De'),
]
