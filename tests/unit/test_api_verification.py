"""With AUTH_MODE=verify only what a key of ours has signed is believed, as long and for whom it says."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from device_api.keysets import KeySets, KeysUnavailable
from device_api.tokens import Caller, Fault, Invalid
from device_api.verification import UnusableSettings, Verifying
from device_registry.domain.model import Tenant
from device_registry.settings import Settings
from tests.support.keyserver import KeyServer, SigningKey, a_key_server

SECRET = "a secret of more than thirty-two bytes, as it should be"
RSA = SigningKey.rsa("rsa-1")
EC = SigningKey.ec("ec-1")
STRANGER = SigningKey.rsa("rsa-1")


def claims(**changes: Any) -> dict[str, Any]:
    usual = {"service": "acme", "username": "ada", "exp": time.time() + 86400}
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def hs256(secret: str = SECRET, **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm="HS256")


def raw(header: dict[str, Any], payload: dict[str, Any], signature: str = "") -> str:
    pieces = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in (header, payload)]
    return ".".join([*(one.rstrip("=") for one in pieces), signature])


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with a_key_server() as server:
        server.serve(RSA, EC)
        yield server


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def by_secret(**settings: Any) -> Verifying:
    return Verifying(Settings.model_validate({"AUTH_MODE": "verify", "JWT_SECRET": SECRET, **settings}))


def by_keys(server: KeyServer, clock: Clock | None = None, **settings: Any) -> Verifying:
    url = f"{server.url}/keys"
    whole = Settings.model_validate({"AUTH_MODE": "verify", "JWT_JWKS_URL": url, **settings})
    return Verifying(whole, KeySets(whole.JWT_JWKS_URL, clock or Clock()))


async def fault(judge: Verifying, token: str | None) -> Fault:
    with pytest.raises(Invalid) as invalid:
        await judge.caller(token)
    return invalid.value.fault


# --- what is accepted -----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["Bearer ", "bearer ", "Bearer  ", ""])
async def test_a_token_signed_with_the_secret_is_believed(word: str) -> None:
    assert await by_secret().caller(word + hs256()) == Caller(Tenant("acme"), "ada")


@pytest.mark.parametrize("key", [RSA, EC])
async def test_a_token_signed_with_a_key_of_the_set_is_believed(server: KeyServer, key: SigningKey) -> None:
    assert (await by_keys(server).caller(key.sign(claims()))).tenant == "acme"


async def test_a_token_of_a_realm_names_the_tenant_and_is_checked_with_the_keys_of_that_realm(
    server: KeyServer,
) -> None:
    acme, other = SigningKey.rsa("k"), SigningKey.rsa("k")
    server.serve(acme, path="/realms/acme/certs")
    server.serve(other, path="/realms/other/certs")
    where: dict[str, Any] = {
        "JWT_JWKS_URL": server.url + "/realms/{tenant}/certs",
        "JWT_ISSUER": "https://kc/realms/{tenant}",
    }
    judge = by_keys(server, **where)
    issued = claims(service=None, iss="https://kc/realms/acme")
    assert await judge.caller(acme.sign(issued)) == Caller(Tenant("acme"), "ada")
    assert await fault(judge, other.sign(issued)) is Fault.SIGNATURE
    # The administrator of one realm cannot speak for the tenant of another.
    assert await fault(judge, acme.sign(issued | {"service": "other"})) is Fault.SIGNATURE
    assert await fault(judge, other.sign(issued | {"service": "other"})) is Fault.CLAIMS


async def test_secret_and_keys_may_be_used_side_by_side(server: KeyServer) -> None:
    judge = by_keys(server, JWT_SECRET=SECRET)
    assert (await judge.caller(hs256())).tenant == "acme"
    assert (await judge.caller(RSA.sign(claims()))).tenant == "acme"


async def test_without_tenancy_the_signature_still_counts() -> None:
    judge = by_secret(SINGLE_TENANT="only")
    assert await judge.caller(hs256(service="whatever it says")) == Caller(Tenant("only"), "ada")
    assert await fault(judge, None) is Fault.MISSING
    assert await fault(judge, hs256("another secret that is also long enough")) is Fault.SIGNATURE


# --- what is not ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (None, Fault.MISSING),
        ("", Fault.UNREADABLE),
        ("Bearer", Fault.UNREADABLE),
        (f"Basic {hs256()}", Fault.UNREADABLE),
        (f"{hs256()}.more", Fault.UNREADABLE),
        (hs256().rpartition(".")[0], Fault.UNREADABLE),
        (f"jwt schema.{hs256().split('.')[1]}.dummy", Fault.UNREADABLE),
        (f"x.{hs256().split('.')[1]}.y", Fault.UNREADABLE),
        (hs256("another secret that is also long enough"), Fault.SIGNATURE),
        (hs256()[:-6] + "AAAAAA", Fault.SIGNATURE),
        (hs256(exp=time.time() - 120), Fault.EXPIRED),
        (hs256(nbf=time.time() + 7 * 86400), Fault.EXPIRED),
        (hs256(exp=None), Fault.CLAIMS),
        (hs256(exp="soon"), Fault.CLAIMS),
        (hs256(service="../other"), Fault.UNREADABLE),
        (hs256(service=None), Fault.UNREADABLE),
        (raw({"alg": "none"}, claims(), "x"), Fault.ALGORITHM),
        (raw({"alg": "None", "typ": "JWT"}, claims(), "x"), Fault.ALGORITHM),
        (raw({"alg": ["HS256"]}, claims(), "x"), Fault.ALGORITHM),
        (raw({"typ": "JWT"}, claims(), "x"), Fault.ALGORITHM),
        (jwt.encode(claims(), SECRET * 2, algorithm="HS512"), Fault.ALGORITHM),
        (RSA.sign(claims()), Fault.SIGNATURE),
    ],
)
async def test_everything_else_is_refused(token: str | None, expected: Fault) -> None:
    if token and token.startswith("ey") and expected is Fault.ALGORITHM:
        assert await fault(by_secret(), token) in {Fault.ALGORITHM, Fault.UNREADABLE}
    else:
        assert await fault(by_secret(), token) is expected


async def test_clocks_may_differ_a_little() -> None:
    assert (await by_secret().caller(hs256(exp=time.time() - 10))).tenant == "acme"
    assert await fault(by_secret(JWT_LEEWAY_SECONDS=1), hs256(exp=time.time() - 10)) is Fault.EXPIRED


async def test_the_issuer_and_the_audience_are_compared_where_they_are_named() -> None:
    judge = by_secret(JWT_ISSUER="https://one, https://two", JWT_AUDIENCE="device-manager")
    good: dict[str, Any] = {"iss": "https://two", "aud": ["account", "device-manager"]}
    assert (await judge.caller(hs256(**good))).tenant == "acme"
    for bad in ({"iss": "https://three"}, {"iss": None}, {"aud": "other"}, {"aud": None}):
        assert await fault(judge, hs256(**{**good, **bad})) is Fault.CLAIMS


async def test_a_public_key_is_never_taken_for_a_secret(server: KeyServer) -> None:
    """The old attack: HS256 with the public key, which everybody knows, as the secret."""
    public = RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = _hmac_signed(public)
    assert await fault(by_keys(server), forged) is Fault.ALGORITHM
    assert await fault(by_keys(server, JWT_SECRET=SECRET), forged) is Fault.SIGNATURE


def _hmac_signed(key: bytes) -> str:
    import hashlib
    import hmac

    signed = raw({"alg": "HS256", "kid": "rsa-1"}, claims()).rpartition(".")[0]
    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


async def test_a_key_in_the_token_itself_is_not_read(server: KeyServer) -> None:
    for header in ({"jwk": STRANGER.public}, {"jku": f"{server.url}/mine"}, {"x5u": f"{server.url}/mine"}):
        assert await fault(by_keys(server), STRANGER.sign(claims(), **header)) is Fault.SIGNATURE
    assert server.asked == ["/keys"] * 3


async def test_what_a_token_calls_critical_must_be_understood(server: KeyServer) -> None:
    token = RSA.sign(claims(), crit=["b64"], b64=True)
    assert await fault(by_keys(server), token) in {Fault.ALGORITHM, Fault.UNREADABLE}


@pytest.mark.parametrize("extra", [{"use": "enc"}, {"alg": "RS512"}, {"key_ops": ["encrypt"]}])
async def test_a_key_that_is_for_something_else_verifies_nothing(
    server: KeyServer, extra: dict[str, Any]
) -> None:
    server.serve(SigningKey("rsa-1", "RS256", RSA.private, extra))
    assert await fault(by_keys(server), RSA.sign(claims())) is Fault.SIGNATURE


async def test_secrets_and_nonsense_in_a_key_set_are_passed_by(server: KeyServer) -> None:
    octets = {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET.encode()).decode(), "kid": "s"}
    server.sets["/keys"] = [octets, {"kty": "RSA", "n": "?"}, {}, {"kty": "EC", "crv": "P-256"}, RSA.public]
    judge = by_keys(server)
    assert (await judge.caller(RSA.sign(claims()))).tenant == "acme"
    assert await fault(judge, hs256()) is Fault.ALGORITHM


def test_nothing_to_verify_with_is_told_at_the_start() -> None:
    with pytest.raises(UnusableSettings, match="JWT_SECRET"):
        Verifying(Settings.model_validate({"AUTH_MODE": "verify"}))


async def test_a_short_secret_works_with_a_warning_as_dojots_own_is_short() -> None:
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = hs256("secret")
    assert (await by_secret(JWT_SECRET="secret").caller(token)).tenant == "acme"


# --- key sets -------------------------------------------------------------------------------------------


async def test_keys_are_fetched_once_and_again_when_a_new_one_is_named(server: KeyServer) -> None:
    clock = Clock()
    judge = by_keys(server, clock)
    for _ in range(5):
        await judge.caller(RSA.sign(claims()))
    assert len(server.asked) == 1
    new = SigningKey.rsa("rsa-2")
    server.serve(RSA, new)
    assert await fault(judge, new.sign(claims())) is Fault.SIGNATURE  # a moment after the last look
    clock.now += 11
    assert (await judge.caller(new.sign(claims()))).tenant == "acme"
    assert len(server.asked) == 2


async def test_a_key_that_was_taken_from_the_set_verifies_no_more(server: KeyServer) -> None:
    clock = Clock()
    judge = by_keys(server, clock)
    await judge.caller(RSA.sign(claims()))
    server.serve(EC)
    clock.now += 301
    await judge.caller(RSA.sign(claims()))  # the old set serves while the new one is fetched
    keys: Any = judge._keys
    await keys._sets[f"{server.url}/keys"].refreshing
    assert await fault(judge, RSA.sign(claims())) is Fault.SIGNATURE


async def test_tokens_of_strangers_do_not_make_us_ask_again_and_again(server: KeyServer) -> None:
    judge = by_keys(server)
    for number in range(20):
        assert await fault(judge, STRANGER.sign(claims(), kid=f"stranger-{number}")) is Fault.SIGNATURE
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body"), [(500, None), (302, None), (200, b"no json"), (200, b"[]"), (200, b" " * 300_000)]
)
async def test_without_keys_nothing_is_believed_and_that_is_no_fault_of_the_token(
    server: KeyServer, status: int, body: bytes | None
) -> None:
    server.status, server.body = status, body
    clock = Clock()
    judge = by_keys(server, clock)
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await judge.caller(RSA.sign(claims()))
    assert len(server.asked) == 1  # then it is left alone for a while
    server.status, server.body = 200, None
    clock.now += 61
    assert (await judge.caller(RSA.sign(claims()))).tenant == "acme"


async def test_known_keys_go_on_for_an_hour_while_their_source_is_away(server: KeyServer) -> None:
    clock = Clock()
    judge = by_keys(server, clock)
    await judge.caller(RSA.sign(claims()))
    server.status = 500
    for _ in range(11):
        clock.now += 300
        assert (await judge.caller(RSA.sign(claims()))).tenant == "acme"
    clock.now += 600
    with pytest.raises(KeysUnavailable):
        await judge.caller(RSA.sign(claims()))


async def test_a_source_that_nobody_listens_at_is_away(server: KeyServer) -> None:
    judge = by_keys(server, JWT_JWKS_URL="http://127.0.0.1:1/keys")
    with pytest.raises(KeysUnavailable):
        await judge.caller(RSA.sign(claims()))
