"""Which tenant a token speaks for, and which tokens speak for none."""

import base64
import json
from typing import Any

import pytest

from device_api.tokens import Authentication, Caller, Fault, Invalid, Trusting, claims_of, tenant_of, user_of
from device_registry.domain.model import Tenant


def a_token(claims: Any, *, scheme: str = "Bearer ") -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{scheme}head.{payload}.signature"


def tenant(authorization: str) -> str:
    return tenant_of(claims_of(authorization))


def fault_of(authorization: str | None) -> Fault:
    with pytest.raises(Invalid) as invalid:
        tenant_of(claims_of(authorization))
    return invalid.value.fault


def test_no_token_is_told_from_a_bad_one() -> None:
    assert fault_of(None) is Fault.MISSING
    assert fault_of("") is Fault.UNREADABLE


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer abc",
        "Bearer a..c",
        "Bearer a.%%%%.c",
        "Bearer x.é.y",
        f"x.{base64.b64encode(b'hello').decode()}.y",
        f"x.{base64.b64encode(b'[' * 5000).decode()}.y",
        f"x.{base64.b64encode(bytes([0xFF])).decode()}.y",
        a_token([]),
        a_token(5),
        a_token({}),
        a_token({"iss": "eGfIBvOLxz5aQxA92lFk5OExZmBMZDDh"}),
        a_token({"iss": 5}),
        a_token({"iss": "https://keycloak"}),
        a_token({"iss": "http://[keycloak/auth/realms/acme"}),
        a_token({"iss": "https://keycloak/auth/realms/acme", "service": None}),
        a_token({"service": []}),
        a_token({"service": {"a": 1}}),
        a_token({"service": ""}),
    ],
)
def test_a_token_without_a_tenant_is_invalid(authorization: str) -> None:
    assert fault_of(authorization) is Fault.UNREADABLE


@pytest.mark.parametrize(
    "name", ["a b", "a'b", "a\n", ".a", "-a", "é", "a" * 129, "a;drop schema b", "../b", "a/b"]
)
def test_a_name_that_is_none_is_invalid(name: str) -> None:
    assert fault_of(a_token({"service": name})) is Fault.UNREADABLE


@pytest.mark.parametrize("name", ["acme", "ABC", "a-b", "a.b_c", "1", "public", "a" * 128])
def test_the_claim_service_is_the_tenant(name: str) -> None:
    assert tenant(a_token({"service": name})) == name


@pytest.mark.parametrize("scheme", ["Bearer ", "Basic ", "", "bearer "])
def test_the_word_before_the_token_does_not_matter(scheme: str) -> None:
    assert tenant(a_token({"service": "acme"}, scheme=scheme)) == "acme"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", [True, False])
def test_both_alphabets_are_read_with_and_without_padding(encode: Any, padding: bool) -> None:
    payload = encode(b'{"name": "??????~~~~~~", "service": "acme"}').decode()
    assert tenant(f"x.{payload if padding else payload.rstrip('=')}") == "acme"


def test_a_token_of_keycloak_names_the_tenant_in_its_issuer() -> None:
    assert tenant(a_token({"iss": "https://keycloak/auth/realms/acme/"})) == "acme"
    for issuer in ("https://k/auth/realms/acme", "http://[k"):
        assert tenant(a_token({"iss": issuer, "service": "beta"})) == "beta"


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({"username": "ada", "sub": "1"}, "ada"),
        ({"preferred_username": "ada", "sub": "1"}, "ada"),
        ({"sub": "1"}, "1"),
        ({"username": "", "sub": "1"}, "1"),
        ({"username": ["ada"]}, ""),
        ({"username": "ada\r\nX-Admin: 1"}, "adaX-Admin: 1"),
        ({"username": "a" * 500}, "a" * 128),
        ({}, ""),
    ],
)
def test_the_user_is_named_by_the_token_and_fits_into_a_header(claims: dict[str, Any], user: str) -> None:
    assert user_of(claims) == user


async def test_without_tenancy_the_token_may_be_left_out() -> None:
    judge = Trusting(Tenant("admin"))
    assert await judge.caller(None) == Caller(Tenant("admin"))
    assert await judge.caller(a_token({"service": "other", "username": "ada"})) == ("admin", "ada")


@pytest.mark.parametrize("joined", [True, False])
async def test_two_tokens_in_one_request_are_none(joined: bool) -> None:
    """A gateway may have verified the one, and this service would read the other."""
    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    async def never(*_: Any) -> Any:
        raise AssertionError

    tokens = [a_token({"service": name}).encode() for name in ("acme", "other")]
    headers = [(b"authorization", one) for one in ([b", ".join(tokens)] if joined else tokens)]
    scope = {"type": "http", "path": "/device", "headers": headers, "method": "GET"}
    await Authentication(never, Trusting())(scope, never, send)
    assert answers[0]["status"] == 401
