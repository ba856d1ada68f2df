"""Encrypts keys for the registry (port Vault): AES-256-GCM under a key derived from a password.

The operator seals what it finds in Secrets, the facade opens it for `/internal/device`; both are given the
same DEV_MNGR_CRYPTO_PASS and DEV_MNGR_CRYPTO_SALT. The id of the derived key stands beside each value, so a
value that another password sealed is recognised and not mistaken for damage.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .domain.errors import KeyUnreadable
from .domain.psk import Psk, Sealed

_ROUNDS = 600_000
"""What OWASP asks of PBKDF2 with SHA-256; it is derived once, at start."""
_KEY_BYTES = 32
_NONCE_BYTES = 12
"""What AES-GCM is made for. Random, so that a key may seal some billions of values."""
_ID_DIGITS = 12


class PasswordVault:
    """See `device_registry.key_ports.Vault`. Thread-safe."""

    def __init__(self, password: str, salt: str) -> None:
        key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), _ROUNDS, _KEY_BYTES)
        self._cipher = AESGCM(key)
        self.key_id = hmac.new(key, b"key id", "sha256").hexdigest()[:_ID_DIGITS]

    def seal(self, key: Psk, place: tuple[str, ...]) -> Sealed:
        nonce = os.urandom(_NONCE_BYTES)
        box = self._cipher.encrypt(nonce, key.digits.encode(), _bytes(place))
        return Sealed(key_id=self.key_id, box=nonce + box)

    def open(self, sealed: Sealed, place: tuple[str, ...]) -> Psk:
        if sealed.key_id != self.key_id:
            raise KeyUnreadable(
                f"a key of {'/'.join(place)} was encrypted with another password (key id {sealed.key_id},"
                f" ours is {self.key_id}); set DEV_MNGR_CRYPTO_PASS and DEV_MNGR_CRYPTO_SALT as they were,"
                " or give that password in DEV_MNGR_CRYPTO_FORMER"
            )
        try:
            nonce, box = sealed.box[:_NONCE_BYTES], sealed.box[_NONCE_BYTES:]
            return Psk(self._cipher.decrypt(nonce, box, _bytes(place)).decode())
        except (InvalidTag, ValueError) as error:
            raise KeyUnreadable(
                f"a key of {'/'.join(place)} is damaged or was moved; generate it again"
            ) from error


class KeyRing:
    """Several passwords during a change of them: the first one seals, each opens what it has sealed.

    See `device_registry.key_ports.Vault`. Thread-safe.
    """

    def __init__(self, current: PasswordVault, former: Sequence[PasswordVault]) -> None:
        self._current = current
        self._vaults = {one.key_id: one for one in (*former, current)}

    @property
    def key_id(self) -> str:
        """Of the password that seals."""
        return self._current.key_id

    def seal(self, key: Psk, place: tuple[str, ...]) -> Sealed:
        return self._current.seal(key, place)

    def open(self, sealed: Sealed, place: tuple[str, ...]) -> Psk:
        return self._vaults.get(sealed.key_id, self._current).open(sealed, place)


def former_passwords(text: str) -> list[tuple[str, str | None]]:
    """Passwords with their salts, None for the present one, from the JSON of DEV_MNGR_CRYPTO_FORMER.

    Raises ValueError, which shows none of them.
    """
    try:
        entries = json.loads(text or "[]")
        return [_password_and_salt(**entry) for entry in entries]
    except (ValueError, TypeError):
        # From None: what the text says must not stand in any traceback.
        raise ValueError('must be a JSON list of {"pass": "...", "salt": "..."}') from None


def _password_and_salt(**entry: object) -> tuple[str, str | None]:
    password, salt = entry.pop("pass", None), entry.pop("salt", None)
    if entry or not isinstance(password, str) or not password or not isinstance(salt, str | None):
        raise ValueError
    return password, salt


def _bytes(place: tuple[str, ...]) -> bytes:
    """The place as additional data; none of its parts contains the separator."""
    return "\x1f".join(place).encode()
