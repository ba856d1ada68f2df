"""Which tenant a token speaks for, and which tokens speak for none."""

import base64
import json
from typing import Any

import pytest

from device_api.problems import Problem
from device_api.tokens import UnsupportedAuthMode, check_supported, tenant_of
from device_registry.settings import Settings

NO_TOKEN = {"message": "No authorization token has been supplied", "status": 401}
BAD_TOKEN = {"message": "Invalid authentication token", "status": 401}


def a_token(claims: Any, *, scheme: str = "Bearer ") -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{scheme}head.{payload}.signature"


def refusal_of(authorization: str | None) -> tuple[int, Any]:
    with pytest.raises(Problem) as problem:
        tenant_of(authorization)
    return problem.value.status, problem.value.body


def test_no_token_is_told_from_a_bad_one() -> None:
    assert refusal_of(None) == (401, NO_TOKEN)
    assert refusal_of("") == (401, BAD_TOKEN)


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
        a_token({"iss": "https://keycloak/auth/realms/acme", "service": None}),
        a_token({"service": []}),
        a_token({"service": {"a": 1}}),
        a_token({"service": ""}),
    ],
)
def test_a_token_without_a_tenant_is_invalid(authorization: str) -> None:
    assert refusal_of(authorization) == (401, BAD_TOKEN)


@pytest.mark.parametrize(
    "name", ["a b", "a'b", "a\n", ".a", "-a", "é", "a" * 129, "a;drop schema b", "../b", "a/b"]
)
def test_a_name_that_is_none_is_invalid(name: str) -> None:
    assert refusal_of(a_token({"service": name})) == (401, BAD_TOKEN)


@pytest.mark.parametrize("name", ["acme", "ABC", "a-b", "a.b_c", "1", "public", "a" * 128])
def test_the_claim_service_is_the_tenant(name: str) -> None:
    assert tenant_of(a_token({"service": name})) == name


@pytest.mark.parametrize("scheme", ["Bearer ", "Basic ", "", "bearer "])
def test_the_word_before_the_token_does_not_matter(scheme: str) -> None:
    assert tenant_of(a_token({"service": "acme"}, scheme=scheme)) == "acme"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", [True, False])
def test_both_alphabets_are_read_with_and_without_padding(encode: Any, padding: bool) -> None:
    payload = encode(b'{"name": "??????~~~~~~", "service": "acme"}').decode()
    assert tenant_of(f"x.{payload if padding else payload.rstrip('=')}") == "acme"


def test_a_token_of_keycloak_names_the_tenant_in_its_issuer() -> None:
    assert tenant_of(a_token({"iss": "https://keycloak/auth/realms/acme/"})) == "acme"
    assert tenant_of(a_token({"iss": "https://k/auth/realms/acme", "service": "beta"})) == "beta"


def test_tokens_that_should_be_verified_are_not_trusted_instead() -> None:
    check_supported(Settings())
    with pytest.raises(UnsupportedAuthMode, match="AUTH_MODE=gateway"):
        check_supported(Settings(AUTH_MODE="verify"))
