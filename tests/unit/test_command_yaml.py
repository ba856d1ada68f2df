"""YAML that kubectl and Python take for the same."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from device_manager import yamls
from device_registry.domain.model import DeletionPolicy

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(
    st.recursive(
        TEXTS | st.integers() | st.booleans(), lambda one: st.lists(one) | st.dictionaries(TEXTS, one)
    )
)
def test_what_is_written_is_read_again(value: object) -> None:
    assert yaml.safe_load(yamls.dump(value)) == value


@pytest.mark.parametrize(
    "text",
    ["12e456", "0017", "1_000", "0x1f", "0o17", "no", "Yes", "y", "~", "null", ".inf", "2026-01-01", ""],
)
def test_a_text_that_some_reader_takes_for_something_else_stands_in_quotes(text: str) -> None:
    assert yamls.dump({"id": text}) == f'id: "{text}"\n'


def test_plain_words_stand_plainly_and_words_of_the_vocabulary_as_words() -> None:
    written = yamls.dump({"name": "freezer-7", "label": "Freezer 7", "policy": DeletionPolicy.RETAIN})
    assert written == "name: freezer-7\nlabel: Freezer 7\npolicy: Retain\n"


def test_repeated_parts_are_written_out() -> None:
    part = {"label": "unit"}
    assert "&" not in yamls.dump([part, part])
