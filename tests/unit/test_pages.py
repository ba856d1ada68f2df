"""Pages that are made from the code are up to date, and links between pages lead somewhere."""

import re
from pathlib import Path

import pytest

from device_registry.domain.reasons import Reason
from tests.support.pages import DOCS, PAGES

ROOT = DOCS.parent
TEXTS = [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_code_says(page: str) -> None:
    assert (DOCS / page).read_text() == PAGES[page](), "run `make docs`"


def test_the_readme_names_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in readme] == []


def test_the_failure_modes_explain_every_reason() -> None:
    page = (DOCS / "failure-modes.md").read_text()
    assert [one.value for one in Reason if f"| `{one.value}` |" not in page] == []


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(text: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text.read_text())
    missing = [link for link in links if not (text.parent / link).exists()]
    assert not missing
