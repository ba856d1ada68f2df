"""The chart's values as data: what values.yaml says about each, and the schema and the table made of it.

A comment that begins with "# --" documents the value below it. What has such a comment is a value; what has
none is a section, and closed: a name that is not there is refused, so that a misspelt one cannot be missed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from device_registry.settings import Settings

CHART = Path(__file__).parents[2] / "charts" / "device-manager"

OWN_VALUES = frozenset(
    (
        "DBHOST",
        "DBNAME",
        "DBUSER",
        "CREATE_DB",
        "API_DBUSER",
        "PGSSLMODE",
        "PGSSLROOTCERT",
        "PGSSLCERT",
        "PGSSLKEY",
        "KAFKA_HOST",
        "KAFKA_PORT",
        "SUBJECT",
        "BROKER",
        "KAFKA_SECURITY_PROTOCOL",
        "KAFKA_SASL_MECHANISM",
        "KAFKA_SASL_USERNAME",
        "KAFKA_SSL_CA_LOCATION",
        "KAFKA_SSL_CERTIFICATE_LOCATION",
        "KAFKA_SSL_KEY_LOCATION",
        "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM",
        "REDIS_HOST",
        "REDIS_PORT",
        "REDIS_USERNAME",
        "REDIS_TLS",
        "REDIS_TLS_CA_FILE",
        "REDIS_TLS_CERT_FILE",
        "REDIS_TLS_KEY_FILE",
        "REDIS_TLS_CHECK_HOSTNAME",
        "SINGLE_TENANT",
        "REQUIRE_TENANT_BINDING",
        "TENANT_NAMESPACES",
        "TENANT_NAMESPACE_PREFIX",
        "WATCH_NAMESPACES",
        "LEADER_ELECTION",
        "LEASE_NAME",
        "LEASE_NAMESPACE",
        "AUTH_MODE",
        "JWT_JWKS_URL",
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "STATUS_IN_DOCUMENTS",
        "LOG_LEVEL",
        "LOG_FORMAT",
    )
)

"""Variables that values of their own decide about; a test compares them with what the chart renders."""

FIXED = frozenset({"API_HOST", "API_PORT", "METRICS_HOST", "METRICS_PORT"})
"""Variables that the pods' ports and probes rely on."""

_SHARED = frozenset(name for name in Settings.model_fields if name.startswith("DELETION_BUDGET_"))
"""Variables that no program may have for itself: what one of them keeps another one lifts."""

_PORT = {"minimum": 1, "maximum": 65_535}
_DNS_LABEL = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}
_RESOURCES = {
    "properties": {one: {"type": "object"} for one in ("requests", "limits")} | {"claims": {"type": "array"}}
}
_FORMER = {
    "type": "object",
    "required": ["pass"],
    "additionalProperties": False,
    "properties": {"pass": {"type": "string", "minLength": 1}, "salt": {"type": "string"}},
}
_PLAIN = {"type": ["string", "number", "boolean"]}

RULES: Mapping[str, Mapping[str, Any]] = {
    "image.digest": {"pattern": "^(sha256:[a-f0-9]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "watchNamespaces": {"items": _DNS_LABEL, "uniqueItems": True},
    "database.sslMode": {"enum": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]},
    "kafka.hosts": {"minItems": 1, "items": {"type": "string", "pattern": "^[^:,\\s]+(:[0-9]+)?$"}},
    "kafka.protocol": {"enum": ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]},
    "kafka.sasl.mechanism": {"enum": ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]},
    "kafka.dataBroker": {"pattern": "^(https?://.+)?$"},
    "encryption.iv": {"pattern": "^(.{16})?$"},
    "encryption.former": {"items": _FORMER},
    "tenants.namespaces": {"enum": ["existing", "auto"]},
    "logging.level": {"enum": ["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"]},
    "logging.format": {"enum": ["json", "text"]},
    "facade.auth.mode": {"enum": ["gateway", "verify"]},
    "facade.auth.jwksUrl": {"pattern": "^(https?://.+)?$"},
    "facade.service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    "facade.ingress.hosts": {"items": {"type": "string"}},
    "facade.podDisruptionBudget.maxUnavailable": {"type": ["integer", "string"], "pattern": "^[0-9]+%$"},
    "metrics.renderMode": {"enum": ["skipIfMissing", "failIfMissing", "alwaysRender"]},
    "networkPolicy.apiServer.ports": {"minItems": 1, "items": {"type": "integer", **_PORT}},
    "networkPolicy.kafka.extraPorts": {"items": {"type": "integer", **_PORT}},
    "metrics.prometheusRule.runbookUrl": {"pattern": "^(https?://[^#]+)?$"},
    "hostUsers": {"type": ["boolean", "null"]},
    "extraObjects": {"items": {"type": ["object", "string"]}},
    "*.port": _PORT,
    "*replicas": {"minimum": 0},
    "*Replicas": {"minimum": 1},
    "*Seconds": {"minimum": 1},
    "*backoffLimit": {"minimum": 0},
    "*targetCPUUtilizationPercentage": {"minimum": 1},
    "*resources": _RESOURCES | {"additionalProperties": False},
    "*abels": {"additionalProperties": {"type": "string"}},
    "*nnotations": {"additionalProperties": {"type": "string"}},
    "*nodeSelector": {"additionalProperties": {"type": "string"}},
    "*.extraEnv": {"items": {"type": "object", "required": ["name"]}},
    "*ettings": {"additionalProperties": _PLAIN, "propertyNames": {"enum": []}},
}
"""What a value must satisfy besides its type: path, or pattern of paths."""


@dataclass(frozen=True, slots=True)
class Value:
    """One documented value."""

    path: str
    default: Any
    description: str


def values() -> dict[str, Any]:
    """values.yaml, read."""
    found: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return found


def documented() -> list[Value]:
    """Every documented value in the order of the file."""
    defaults = values()
    return [Value(path, _at(defaults, path), text) for path, text in _comments()]


def schema() -> dict[str, Any]:
    """The schema of the values."""
    known = {one.path: one for one in documented()}
    root = _section(values(), "", known)
    # Whoever includes this chart in another one may switch it on and off by this, and shares `global`.
    root["properties"]["enabled"] = {"type": "boolean"}
    root["properties"]["global"]["additionalProperties"] = True
    return {"$schema": "http://json-schema.org/draft-07/schema#", **root}


def table() -> str:
    """The table of values for the README."""
    rows = [f"| `{one.path}` | {_shown(one.default)} | {one.description} |\n" for one in documented()]
    return "| value | default | what it is |\n|---|---|---|\n" + "".join(rows)


def free_settings() -> list[str]:
    """Variables that have no value of their own: what `settings` takes."""
    fields = Settings.model_fields.items()
    return sorted(
        name for name, field in fields if field.annotation is not SecretStr and name not in OWN_VALUES | FIXED
    )


def _section(below: Mapping[str, Any], path: str, known: Mapping[str, Value]) -> dict[str, Any]:
    properties = {
        name: _one(value, f"{path}.{name}".removeprefix("."), known) for name, value in below.items()
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _one(value: Any, path: str, known: Mapping[str, Value]) -> dict[str, Any]:
    if path not in known:
        return _section(value, path, known)
    found: dict[str, Any] = {"description": known[path].description, "type": _type(value)}
    for pattern, rule in RULES.items():
        if fnmatch(path, pattern):
            found |= rule
    if "propertyNames" in found:
        shared = () if path == "settings" else _SHARED
        found["propertyNames"] = {"enum": [one for one in free_settings() if one not in shared]}
    return found


def _type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _comments() -> Iterator[tuple[str, str]]:
    """Path and text of every documented value."""
    stack: list[tuple[int, str]] = []
    text: list[str] = []
    for line in (CHART / "values.yaml").read_text().splitlines():
        plain = line.strip()
        if plain.startswith("# -- "):
            text = [plain.removeprefix("# -- ")]
        elif plain.startswith("#") and text:
            text.append(plain.removeprefix("# "))
        elif found := re.match(r"( *)([A-Za-z]\w*):", line):
            stack = [one for one in stack if one[0] < len(found[1])] + [(len(found[1]), found[2])]
            if text:
                yield ".".join(name for _, name in stack), " ".join(text)
            text = []
        else:
            text = []


def _at(defaults: Any, path: str) -> Any:
    for name in path.split("."):
        defaults = defaults[name]
    return defaults


def _shown(default: Any) -> str:
    if default in ("", None, {}, []):
        return ""
    text = yaml.safe_dump(default, default_flow_style=True, width=1_000).removesuffix("\n...\n").strip()
    return f"`{text}`"
