"""Decrypts the keys of a dojot database: AES-128-CBC under a key that PBKDF2 makes of the password."""

import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from device_registry.domain.errors import Refused
from device_registry.domain.psk import Psk
from device_registry.domain.reasons import Reason
from device_registry.settings import Settings

_ROUNDS = 1000
_KEY_BYTES = 16
_BLOCK_BITS = 128
_VECTOR_BYTES = 16


def unlocker(settings: Settings) -> Callable[[bytes], Psk | None]:
    """What decrypts them with the settings of that installation. Raises Refused when they are not usable."""
    password, salt, vector = (
        one.get_secret_value()
        for one in (
            settings.DEV_MNGR_CRYPTO_PASS,
            settings.DEV_MNGR_CRYPTO_SALT,
            settings.DEV_MNGR_CRYPTO_IV,
        )
    )
    if not password or len(vector.encode()) != _VECTOR_BYTES:
        raise Refused(
            Reason.INVALID_KEY,
            "the tenants have keys: set DEV_MNGR_CRYPTO_PASS, DEV_MNGR_CRYPTO_SALT and DEV_MNGR_CRYPTO_IV"
            " (16 characters) as dojot has them",
        )
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), salt.encode(), _ROUNDS, _KEY_BYTES)
    return lambda stored: decrypted(stored, key, vector.encode())


def decrypted(stored: bytes, key: bytes, vector: bytes) -> Psk | None:
    """The key that is stored so; None when another password or vector encrypted it."""
    try:
        decryptor = Cipher(algorithms.AES128(key), modes.CBC(vector)).decryptor()
        padded = decryptor.update(stored) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK_BITS).unpadder()
        return Psk.parse((unpadder.update(padded) + unpadder.finalize()).decode("ascii"))
    except ValueError:
        return None
