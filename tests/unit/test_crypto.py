"""Keys are sealed for one place by one password, and nothing that is printed shows them."""

import logging
from traceback import format_exception

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from device_registry.crypto import KeyRing, PasswordVault, former_passwords
from device_registry.domain.errors import KeyUnreadable
from device_registry.domain.psk import Psk, Sealed
from device_registry.settings import Settings

VAULT = PasswordVault("kamehameHA", "shuriken")
OTHER = PasswordVault("kamehameHA", "another salt")
PLACE = ("acme", "a1b2c3", "key")
KEY = Psk("00112233445566778899aabbccddeeff")


@given(st.binary(min_size=1, max_size=1024))
def test_what_is_sealed_opens_again(key: bytes) -> None:
    psk = Psk(key.hex())
    assert VAULT.open(VAULT.seal(psk, PLACE), PLACE) == psk


def test_sealing_twice_gives_two_values() -> None:
    assert VAULT.seal(KEY, PLACE).box != VAULT.seal(KEY, PLACE).box


def test_the_same_password_gives_the_same_key_in_every_process() -> None:
    assert PasswordVault("kamehameHA", "shuriken").open(VAULT.seal(KEY, PLACE), PLACE) == KEY


@pytest.mark.parametrize(
    "place", [("other", "a1b2c3", "key"), ("acme", "a1", "key"), ("acme", "a1b2c3", "k")]
)
def test_a_key_that_was_moved_does_not_open(place: tuple[str, ...]) -> None:
    with pytest.raises(KeyUnreadable, match=r"damaged or was moved"):
        VAULT.open(VAULT.seal(KEY, PLACE), place)


def test_a_key_that_was_changed_does_not_open() -> None:
    sealed = VAULT.seal(KEY, PLACE)
    for box in (b"", sealed.box[:-1], bytes([sealed.box[0] ^ 1]) + sealed.box[1:]):
        with pytest.raises(KeyUnreadable):
            VAULT.open(Sealed(key_id=sealed.key_id, box=box), PLACE)


def test_another_password_is_recognised_and_named() -> None:
    with pytest.raises(KeyUnreadable, match=r"another password .*DEV_MNGR_CRYPTO_PASS"):
        OTHER.open(VAULT.seal(KEY, PLACE), PLACE)


def test_a_key_is_shown_by_nothing_that_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("%s %r %s", KEY, KEY, VAULT.seal(KEY, PLACE))
    assert KEY.digits not in caplog.text
    assert KEY.digits not in f"{KEY} {KEY!r}"


@pytest.mark.parametrize("text", ["00", "AbCd", " 0011\n", "ff" * 1024])
def test_whole_bytes_in_hexadecimal_are_a_key(text: str) -> None:
    assert Psk.parse(text) == Psk(text.strip())


@pytest.mark.parametrize("text", ["", " ", "0", "001", "0g", "00 11", "0x00", "é", "ff" * 1025])
def test_anything_else_is_none(text: str) -> None:
    assert Psk.parse(text) is None


def test_a_key_ring_opens_what_former_passwords_sealed_and_seals_by_the_present_one() -> None:
    ring = KeyRing(OTHER, [VAULT])
    assert ring.open(VAULT.seal(KEY, PLACE), PLACE) == KEY
    sealed = ring.seal(KEY, PLACE)
    assert sealed.key_id == ring.key_id == OTHER.key_id
    assert ring.open(sealed, PLACE) == KEY
    stranger = PasswordVault("a third one", "shuriken")
    with pytest.raises(KeyUnreadable, match=r"another password .*DEV_MNGR_CRYPTO_FORMER"):
        ring.open(stranger.seal(KEY, PLACE), PLACE)


@pytest.mark.parametrize(
    ("text", "passwords"),
    [
        ("", []),
        ("[]", []),
        ('[{"pass": "a"}]', [("a", None)]),
        ('[{"pass": "a", "salt": ""}, {"pass": "b"}]', [("a", ""), ("b", None)]),
    ],
)
def test_former_passwords_are_a_list(text: str, passwords: list[tuple[str, str | None]]) -> None:
    assert former_passwords(text) == passwords


@pytest.mark.parametrize(
    "text",
    ["hunter2", "{", '["hunter2"]', '{"pass": "hunter2"}', '[{"pass": ""}]', '[{"salt": "hunter2"}]', "7"],
)
def test_former_passwords_that_cannot_be_read_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValidationError, match="DEV_MNGR_CRYPTO_FORMER") as caught:
        Settings.model_validate({"DEV_MNGR_CRYPTO_FORMER": text})
    assert 'JSON list of {"pass"' in str(caught.value)
    assert "hunter2" not in "".join(format_exception(caught.value))
