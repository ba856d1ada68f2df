"""What the operator does about keys that devices refer to: from the Secret to the status."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from device_registry.domain.errors import Forbidden
from device_registry.domain.model import Key, Kind
from tests.support.manifests import a_device, a_template
from tests.support.operating import Operating, operating

DEVICE = Key(Kind.DEVICE, "acme", "freezer-7")
KEY = {"label": "key", "type": "static", "valueType": "psk"}
CREDENTIAL = {"attribute": "key", "secretRef": {"name": "freezer-7-psk", "key": "psk"}}


@pytest.fixture
async def it() -> AsyncIterator[Operating]:
    async with operating(DEV_MNGR_CRYPTO_PASS="kamehameHA", DEV_MNGR_CRYPTO_SALT="shuriken") as running:
        running.cluster.put(a_template(namespace="acme", attributes=[KEY]))
        yield running


def a_secret(it: Operating, text: bytes = b"00112233", entry: str = "psk") -> None:
    data = {entry: base64.b64encode(text).decode()}
    it.cluster.secrets["acme", "freezer-7-psk"] = {"metadata": {}, "data": data}


def a_secure_device(it: Operating, **spec: Any) -> None:
    it.cluster.put(a_device(namespace="acme", credentials=[CREDENTIAL], attributes=[], **spec))


async def test_a_key_is_stored_and_the_status_says_so(it: Operating) -> None:
    a_secret(it)
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
    await it.shows(DEVICE, "Ready", "True")
    assert "00112233" not in str(it.cluster.objects) + str(it.broker.taken)


async def test_a_key_that_comes_later_is_found_by_itself(it: Operating) -> None:
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "False", "SecretNotFound")
    await it.shows(DEVICE, "Registered", "True")
    a_secret(it, entry="other")
    await it.shows(DEVICE, "CredentialsReady", "False", "KeyNotFound")
    a_secret(it, b"no key")
    await it.shows(DEVICE, "CredentialsReady", "False", "InvalidKey")
    a_secret(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
    await it.settled()
    assert [event for event, _, _ in it.events()] == ["create", "update"]


async def test_a_secret_that_may_not_be_read_is_told_with_the_next_step(it: Operating) -> None:
    a_secret(it)
    it.cluster.failures["secret"] = [Forbidden("secrets is forbidden")]
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")


async def test_a_credential_without_an_attribute_waits_for_nobody(it: Operating) -> None:
    a_secret(it)
    it.cluster.put(a_template(namespace="acme"))
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "False", "NoSuchAttribute")
    await it.settled()
    it.cluster.put(a_template(namespace="acme", attributes=[KEY]))
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
