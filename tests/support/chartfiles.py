"""Files of the chart and of deploy/ that are made from others: `make docs` writes, a test compares."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support import chartvalues

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "device-manager"

ARGOCD = ROOT / "deploy" / "argocd"
_MADE = "# Made of the Lua files beside it by `make docs`.\n"
_TABLE = "## Values"
"""Where the made part of the README begins."""


def crd(plural: str) -> str:
    """The CRD as the chart ships it: crds/ is the source of truth."""
    return (ROOT / "crds" / f"{plural}.yaml").read_text()


def schema() -> str:
    """The schema of the values."""
    return json.dumps(chartvalues.schema(), indent=2) + "\n"


def readme() -> str:
    """The chart's README: its head is written by hand, the table is made."""
    head, _, _ = (CHART / "README.md").read_text().partition(_TABLE)
    return f"{head}{_TABLE}\n\n{chartvalues.table()}"


def argocd() -> str:
    """What Argo CD is told: its ConfigMap holds the Lua as text."""
    health = (ARGOCD / "health.lua").read_text()
    scripts = {path.stem: path.read_text() for path in sorted((ARGOCD / "actions").glob("*.lua"))}
    discovery = scripts.pop("discovery")
    definitions = [{"name": name, "action.lua": _Block(text)} for name, text in scripts.items()]
    actions = {"discovery.lua": _Block(discovery), "definitions": definitions}
    data = {}
    for kind in ("Device", "Template"):
        data[f"resource.customizations.health.dojot.io_{kind}"] = _Block(health)
        data[f"resource.customizations.actions.dojot.io_{kind}"] = _Block(_yaml(actions))
    meta = {"name": "argocd-cm", "labels": {"app.kubernetes.io/part-of": "argocd"}}
    return _MADE + _yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})


class _Block(str):
    """A text that YAML shows line by line."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    _Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "|")
)


def _yaml(data: Any) -> str:
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=200)


FILES: Mapping[Path, Callable[[], str]] = {
    CHART / "files" / "crds" / "devices.yaml": lambda: crd("devices"),
    CHART / "files" / "crds" / "templates.yaml": lambda: crd("templates"),
    CHART / "values.schema.json": schema,
    CHART / "README.md": readme,
    ARGOCD / "argocd-cm.yaml": argocd,
}
"""Path -> what must stand there."""


def write() -> None:
    """Write every file that is not as it must be."""
    for path, make in FILES.items():
        text = make()
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
