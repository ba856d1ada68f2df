"""Why an import is refused fits into a header, whatever the client has sent."""

from typing import Any

import pytest

from device_api.import_bodies import import_body
from device_api.importing import plan
from device_api.problems import Problem
from device_registry.domain.model import Tenant
from tests.support.refused_imports import DEVICE, FAILED, TEMPLATE, an_import


def refused(body: Any) -> str:
    """What the header says about an import that fails."""
    with pytest.raises(Problem) as problem:
        plan(Tenant("acme"), import_body(body), "acme")
    assert problem.value.body == {"message": FAILED, "status": 400}
    return problem.value.headers["X-Detail"]


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("a\r\nX-Evil: 1", r"a\r\nX-Evil: 1"),
        ("a\0\x7fb", r"a\x00\x7fb"),
        ("é\U0001f600\ud800", r"\xe9\U0001f600\ud800"),
        (r"a\b", r"a\b"),
        ("1" * 5_000, "111"),
        ("a" * 100_000, "aaa"),
        ("\n" * 5_000, r"\n\n"),
    ],
    ids=["newline", "header", "control", "letters", "backslash", "digits", "long", "long and escaped"],
)
def test_a_template_that_is_not_in_the_import_is_named_in_one_short_line_of_ascii(
    template: str, shown: str
) -> None:
    told = refused(an_import([TEMPLATE], [DEVICE | {"templates": [template]}]))
    assert told.startswith(f"device aa11 uses the template {shown}")
    assert told.isascii()
    assert told.isprintable()
    assert len(told) <= 1024


@pytest.mark.parametrize("written", [10, "10", "+10", " 10"])
def test_a_template_is_named_by_a_number_as_everywhere_else(written: Any) -> None:
    body = import_body(an_import([TEMPLATE], [DEVICE | {"templates": [written]}]))
    (device,) = plan(Tenant("acme"), body, "acme").devices
    assert device["spec"]["templates"] == [{"name": "template-10"}]


def test_the_id_of_a_template_that_is_nested_deeply_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    assert refused(an_import([TEMPLATE | {"id": deep}])) == "templates[0].id must be a positive number"
