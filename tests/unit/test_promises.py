"""Every promise has a proof, and every proof a promise."""

from tests.support.promises import PROMISES, proofs


def test_every_promise_is_proved_by_an_end_to_end_test() -> None:
    proved = {name for name, _, _ in proofs()}
    assert set(PROMISES) - proved == set()
    assert proved - set(PROMISES) == set()
