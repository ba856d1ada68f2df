"""Files of the chart and of deploy/ that are made from others: `make docs` writes, a test compares."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support import chartvalues

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "device-manager"

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


FILES: Mapping[Path, Callable[[], str]] = {
    CHART / "files" / "crds" / "devices.yaml": lambda: crd("devices"),
    CHART / "files" / "crds" / "templates.yaml": lambda: crd("templates"),
    CHART / "values.schema.json": schema,
    CHART / "README.md": readme,
}
"""Path -> what must stand there."""


def write() -> None:
    """Write every file that is not as it must be."""
    for path, make in FILES.items():
        text = make()
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
