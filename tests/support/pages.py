"""Pages of docs/ and dashboards that are made from the code, so that they cannot differ from it.

`make docs` writes them; tests/unit/test_pages.py fails when one is out of date.
"""

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from device_registry.connections import ConnectionSettings
from device_registry.domain import reasons
from device_registry.settings import Settings

from . import promises
from .dashboards import FOLDER as DASHBOARDS_FOLDER
from .metering import MODULES, metrics_of
from .questions import DASHBOARDS

DOCS = Path(__file__).parents[2] / "docs"

_SETTINGS = """# Settings

Every program reads the environment once, at its start; a value that cannot be read stops it with the name of
the variable. The variables of the original DeviceManager keep their names and meanings.

"""

_TABLE = """| variable | default | what it is |
|---|---|---|
"""

_CONNECTIONS = """
## TLS and passwords

The names are those of libpq, of librdkafka and of the charts of Redis. Files of certificates are read anew
for each connection, so a renewed certificate needs no restart.

"""

_SECRETS = """
## Secrets in files

Each of these may stand in a file, whose path is in the variable with `_FILE` behind its name (a line's end in
it does not count): {names}.
They are read once, at the start.
"""

_REASONS = """# Reasons

One vocabulary: the same words stand in conditions (`reason`), in Events, in metrics (`result`, `reason`), in
log lines and in REST errors. *Stalled* means that nothing changes until somebody edits the resource or one
that it refers to; everything else goes on by itself.

| reason | stalled | what it means |
|---|---|---|
"""

_METRICS = """# Metrics

Every program serves `/metrics` for Prometheus on METRICS_PORT, beside `/healthz`, `/readyz` and `/log` (see
[operations](operations.md)). No label carries the name or the id of a device, a template or a tenant: the
number of series does not grow with the fleet. `kind` is Device or Template; `reason` and `result` are words
of [reasons](reasons.md). A histogram has the series `…_bucket`, `…_sum` and `…_count`. Prometheus' client
library adds `process_…` and `python_…` by itself.

Of several operators only the leader works; the others show 0 for what only the leader knows. Take the maximum
over them, as the [dashboards](../charts/device-manager/files/dashboards) and the
[alerts](../charts/device-manager/files/alerts.yaml) do; [runbooks](runbooks.md) say what to do.
"""

_METRICS_TABLE = """| metric | type | labels | what it tells |
|---|---|---|---|
"""


def settings_page() -> str:
    """docs/settings.md."""
    fields = Settings.model_fields
    secrets = [f"`{name}`" for name, field in fields.items() if field.annotation is SecretStr]
    connections = ConnectionSettings.model_fields
    return "".join(
        [
            _SETTINGS,
            _TABLE,
            *(_setting(name, field) for name, field in fields.items() if name not in connections),
            _CONNECTIONS,
            _TABLE,
            *(_setting(name, field) for name, field in connections.items()),
            _SECRETS.format(names=", ".join(secrets)),
        ]
    )


def reasons_page() -> str:
    """docs/reasons.md."""
    told = _docstrings(reasons, "Reason")
    rows = [
        f"| {one.value} | {'yes' if one.stalled else ''} | {told[one.name]} |\n" for one in reasons.Reason
    ]
    return _REASONS + "".join(rows)


def metrics_page() -> str:
    """docs/metrics.md."""
    sections = [f"\n## {program}\n\n{_METRICS_TABLE}{_metrics(program)}" for program in MODULES]
    return _METRICS + "".join(sections)


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "reasons.md": reasons_page,
    "metrics.md": metrics_page,
    "promises.md": promises.page,
}


def _metrics(program: str) -> str:
    rows = [
        f"| `{one.name}` | {one.type} | {', '.join(f'`{label}`' for label in one.labels)} | {one.help} |\n"
        for one in metrics_of(program)
    ]
    return "".join(rows)


def _setting(name: str, field: FieldInfo) -> str:
    return f"| `{name}` | {_default(field.default)} | {field.description} |\n"


def _default(value: Any) -> str:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return f"`{plain}`" if plain not in ("", None) else ""


def _docstrings(module: ModuleType, name: str) -> dict[str, str]:
    """The texts below the members of an enumeration, which Python itself does not keep."""
    (found,) = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    return dict(_pairs(found.body))


def _pairs(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for member, text in itertools.pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr):
            assert isinstance(member.targets[0], ast.Name)
            assert isinstance(text.value, ast.Constant)
            yield member.targets[0].id, str(text.value.value)


if __name__ == "__main__":
    for page, make in PAGES.items():
        (DOCS / page).write_text(make())
    for name, dashboard in DASHBOARDS.items():
        (DASHBOARDS_FOLDER / f"{name}.json").write_text(dashboard.render())
    from tests.support import chartfiles

    chartfiles.write()
