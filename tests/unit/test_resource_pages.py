"""The pages of Device and Template leave out no field and no condition that a user can meet."""

import ast
import re
from pathlib import Path

import pytest

from device_registry.manifests import status
from tests.support.crds import nodes, schema
from tests.support.kstatus import ONLY_WHEN_TRUE
from tests.support.pages import DOCS

PAGES = {"devices": DOCS / "device.md", "templates": DOCS / "template.md"}
EXAMPLE = "```yaml"


def named(page: Path) -> set[str]:
    """Everything that stands in a cell of a table or in the text as code."""
    return set(re.findall(r"`([^`\n]+)`", page.read_text().replace("```", "")))


@pytest.mark.parametrize("plural", PAGES)
def test_every_field_of_the_spec_has_a_row(plural: str) -> None:
    spec = schema(plural)["properties"]["spec"]
    paths = {path.removeprefix(".") for path, _ in nodes(spec) if path and not path.endswith("[]")}
    rows = set(re.findall(r"^\| `([^`]+)` \|", PAGES[plural].read_text(), re.MULTILINE))
    assert paths <= rows


@pytest.mark.parametrize("plural", PAGES)
def test_every_field_of_the_status_is_named(plural: str) -> None:
    fields = schema(plural)["properties"]["status"]
    names = {path.removesuffix("[]").rpartition(".")[2] for path, _ in nodes(fields) if path}
    assert names <= named(PAGES[plural])


@pytest.mark.parametrize("plural", PAGES)
def test_every_condition_that_the_schema_speaks_of_is_explained(plural: str) -> None:
    told = schema(plural)["properties"]["status"]["properties"]["conditions"]["description"]
    types = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)*\b", told.partition(":")[2]))
    assert {"Ready", "Registered", "Stalled"} <= types
    assert types <= named(PAGES[plural])


def test_every_condition_that_is_written_is_explained_on_a_page() -> None:
    tree = ast.parse(Path(str(status.__file__)).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    first = [one.args[0] for one in calls if isinstance(one.func, ast.Name) and one.func.id == "Condition"]
    written = {one.value for one in first if isinstance(one, ast.Constant)}
    assert {"Ready", "Published", "Propagated"} <= written
    assert written | ONLY_WHEN_TRUE <= named(PAGES["devices"]) | named(PAGES["templates"])


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_a_page_begins_with_an_example(page: Path) -> None:
    text = page.read_text()
    assert text.index(EXAMPLE) < text.index("## Spec")
