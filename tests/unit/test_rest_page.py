"""The page about REST speaks of every route, and of no other."""

import re
from pathlib import Path

from fastapi.routing import APIRoute

from device_api.routes import router

PAGE = Path(__file__).parents[2] / "docs" / "rest.md"


def test_the_page_has_a_row_for_every_route_and_no_other() -> None:
    routes = [one for one in router.routes if isinstance(one, APIRoute)]
    served = {f"{method} {one.path}" for one in routes for method in one.methods or ()}
    rows = set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", PAGE.read_text(), re.MULTILINE))
    assert rows == served


def test_decisions_that_the_page_refers_to_are_there() -> None:
    links = re.findall(r"\]\(([^)#]+)", PAGE.read_text())
    assert links
    assert all((PAGE.parent / one).exists() for one in links)
