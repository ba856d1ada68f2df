"""What the Kafka library logs becomes the reason that a broker does not let us in."""

import logging
from collections.abc import Iterator

import pytest

from device_registry.kafka_log import FailedAttempts

PROTOCOL = "KAFKA_SECURITY_PROTOCOL does not fit its port"


@pytest.fixture
def attempts() -> Iterator[FailedAttempts]:
    logger = logging.getLogger("kafka.net.manager")
    before = logger.handlers[:], logger.level, logger.propagate
    heard = FailedAttempts()
    heard.listen()
    yield heard
    logger.handlers[:], logger.level, logger.propagate = before


def fails(error: str) -> None:
    """Log as the library does when an attempt to connect has failed."""
    logging.getLogger("kafka.net.manager").error("connection to %s failed: %s", "bootstrap-0", error)


def test_the_first_reason_counts_since_later_ones_say_less(attempts: FailedAttempts) -> None:
    fails("SaslAuthenticationFailed: wrong password")
    fails("KafkaConnectionError: socket disconnected")
    assert attempts.reason == "SaslAuthenticationFailed: wrong password"


def test_a_reason_that_comes_after_a_cut_counts_all_the_same(attempts: FailedAttempts) -> None:
    fails("KafkaConnectionError: socket disconnected")
    fails("certificate verify failed")
    assert attempts.reason == "certificate verify failed"


def test_nothing_but_cuts_may_be_the_wrong_protocol_or_password(attempts: FailedAttempts) -> None:
    fails("KafkaConnectionError: socket disconnected")
    assert PROTOCOL in attempts.reason
    assert "user and password" in attempts.reason


def test_an_answer_in_tls_is_the_wrong_protocol(attempts: FailedAttempts) -> None:
    fails("InvalidReceiveError: Invalid frame length: 352518912")
    assert attempts.reason.startswith(PROTOCOL)


def test_silence_is_a_time_out_and_what_was_before_is_forgotten(attempts: FailedAttempts) -> None:
    fails("certificate verify failed")
    attempts.listen()
    assert attempts.reason == "no answer in time"
