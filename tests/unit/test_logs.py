"""One way out for every line that is logged."""

import json
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
import structlog

from device_registry.logs import configure_logging, level, set_level
from device_registry.settings import Settings


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_our_lines_and_those_of_libraries_are_json_alike(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(LOG_FORMAT="json", LOG_LEVEL="INFO"))
    structlog.get_logger("ours").info("registered", device="a1b2c3")
    logging.getLogger("library").warning("careful with %s", "this")
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["level"], ours["device"]) == ("registered", "info", "a1b2c3")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("careful with this", "warning", "library")


def test_what_is_below_the_level_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(LOG_FORMAT="json", LOG_LEVEL="WARNING"))
    structlog.get_logger("ours").info("not this")
    logging.getLogger("library").info("nor this")
    assert lines(capsys) == []


def test_libraries_that_tell_each_step_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(LOG_FORMAT="json", LOG_LEVEL="DEBUG"))
    logging.getLogger("kopf.objects").info("handler succeeded")
    logging.getLogger("kopf.objects").warning("handler failed")
    assert [line["event"] for line in lines(capsys)] == ["handler failed"]


def test_a_person_at_a_terminal_gets_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(LOG_FORMAT="text", LOG_LEVEL="INFO"))
    structlog.get_logger("ours").info("registered", device="a1b2c3")
    assert "device=a1b2c3" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_does_not_tell_the_values_of_variables(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    configure_logging(Settings(LOG_FORMAT=form))

    def fail(token: str) -> None:
        raise ValueError(len(token))

    secret = uuid4().hex
    try:
        fail(secret)
    except ValueError:
        structlog.get_logger("ours").exception("a bug")
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert secret not in told


def test_the_level_can_be_changed_while_the_program_runs_and_is_shown_as_it_was_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Settings(LOG_FORMAT="json", LOG_LEVEL="INFO"))
    log = structlog.get_logger("ours")
    log.info("seen")
    set_level("WARN")
    log.info("not seen")
    assert level() == "WARN"
    set_level("DEBUG")
    log.debug("seen again")
    assert [one["event"] for one in lines(capsys)] == ["seen", "seen again"]
