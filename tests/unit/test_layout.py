"""What must never come into the tree: packages that shadow the standard library, and traces of a machine."""

import operator
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FORBIDDEN = {
    "a registry or proxy of packages": re.compile(
        r"https?://[^\s\"'<>]*(pypi\.|pythonhosted\.|/simple/|artifactory|nexus\.|proxy\.golang)|index-url\s+http"
    ),
    "a path of the machine where it was made": re.compile(
        "|".join(rf"(?<![\w./-]){re.escape(str(path))}/\w" for path in (PROJECT, Path.home()))
    ),
}


def kept_files() -> list[Path]:
    """Tracked files and those that would be, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for line in listed.stdout.splitlines() if (path := PROJECT / line).is_file()]


@pytest.mark.parametrize("path", ["operator/__init__.py", "api/__init__.py", "tests/operator"])
def test_nothing_stands_where_it_would_shadow_a_module(path: str) -> None:
    assert not (PROJECT / path).exists()


def test_operator_is_the_module_of_the_standard_library() -> None:
    assert operator.__file__ is not None
    assert Path(operator.__file__).is_relative_to(sysconfig.get_path("stdlib"))


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_tells_where_it_was_made(what: str) -> None:
    found = []
    for path in kept_files():
        text = path.read_text(errors="ignore")
        found += [f"{path.relative_to(PROJECT)}: {one.group()}" for one in FORBIDDEN[what].finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a registry or proxy of packages", "https://example.org/" + "simple/kopf"),
        ("a registry or proxy of packages", "--index-url " + "http://mirror"),
        ("a path of the machine where it was made", f"see {PROJECT}/notes"),
    ],
)
def test_a_trace_would_be_found(what: str, text: str) -> None:
    assert FORBIDDEN[what].search(text)
