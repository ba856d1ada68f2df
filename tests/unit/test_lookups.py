"""Slow questions, many at once: nobody waits for somebody else's answer."""

from collections.abc import Iterator
from threading import Barrier, Event

import pytest

from device_registry.lookups import THREADS, Lookups


@pytest.fixture
def lookups() -> Iterator[Lookups[str]]:
    made = Lookups[str]()
    yield made
    made.close()


def test_questions_are_asked_at_the_same_time(lookups: Lookups[str]) -> None:
    together = Barrier(THREADS, timeout=10)
    keys = [str(number) for number in range(THREADS)]
    assert lookups.ask(keys, lambda _: together.wait(), 20) == dict.fromkeys(keys)


def test_an_error_is_an_answer(lookups: Lookups[str]) -> None:
    error = lookups.ask(["a"], lambda _: 1 // 0, 20)["a"]
    assert isinstance(error, ZeroDivisionError)


def test_what_takes_too_long_is_collected_later_and_not_asked_twice(lookups: Lookups[str]) -> None:
    answer, asked = Event(), []

    def question(key: str) -> None:
        asked.append(key)
        answer.wait(20)

    assert lookups.ask(["a"], question, 0) == {}
    assert lookups.under_way == {"a"}
    answer.set()
    assert lookups.ask(["a"], question, 20) == {"a": None}
    assert (asked, lookups.under_way) == (["a"], frozenset())


def test_what_was_forgotten_is_asked_again(lookups: Lookups[str]) -> None:
    answer = Event()
    lookups.ask(["a"], lambda _: answer.wait(20), 0)
    lookups.forget()
    assert lookups.under_way == frozenset()
    answer.set()
    assert lookups.ask(["a"], lambda _: None, 20) == {"a": None}
