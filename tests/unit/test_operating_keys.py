"""What the operator does about keys that devices refer to: from the Secret to the status."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from device_operator import secret_watching
from device_registry.domain.errors import Forbidden
from device_registry.domain.model import Key, Kind
from device_registry.key_ports import SeenSecret
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


# --- Secrets that change ----------------------------------------------------------------------------------


def encoded(text: str) -> dict[str, str]:
    return {"psk": base64.b64encode(text.encode()).decode()}


def stored(it: Operating) -> list[bytes]:
    """The keys as the registry holds them."""
    return [sealed.box for sealed in it.database._store.tables.keys.values()]


async def test_a_labelled_secret_that_changes_registers_its_device_anew(it: Operating) -> None:
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("0011"))
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
    await it.settled()
    before, writes = stored(it), it.cluster.calls["patch_status"]
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("2233"))
    await it.until(lambda: stored(it) != before, "the new key")
    await it.settled()
    assert [event for event, _, _ in it.events()] == ["create", "update"]
    assert it.cluster.calls["patch_status"] <= writes + 1


async def test_a_secret_that_rest_changes_is_told_once_with_the_change_of_its_device(it: Operating) -> None:
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("0011"), by_rest=True)
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
    await it.settled()
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("2233"), by_rest=True)
    await it.until(it.cluster.changes.empty, "the watch")
    a_secure_device(it, announce="1")
    await it.until(lambda: it.events()[-1][0] == "update", "the update")
    await it.settled()
    assert [event for event, _, _ in it.events()] == ["create", "update"]


async def test_a_secret_of_rest_that_somebody_else_changes_is_looked_at_a_little_later(
    it: Operating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_watching, "REST_SECONDS", 0.2)
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("0011"), by_rest=True)
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
    await it.settled()
    before = stored(it)
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("2233"), by_rest=True)
    await it.until(lambda: stored(it) != before, "the new key")


async def test_a_secret_that_changes_without_another_key_changes_nothing(it: Operating) -> None:
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("0011"))
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
    await it.settled()
    before, reads = stored(it), it.cluster.calls["secret"]
    it.cluster.put_secret("acme", "freezer-7-psk", {**encoded("0011"), "other": ""})
    await it.until(lambda: it.cluster.calls["secret"] > reads, "a look")
    await it.settled()
    assert stored(it) == before
    assert [event for event, _, _ in it.events()] == ["create"]


async def test_a_secret_without_a_label_is_asked_for(it: Operating) -> None:
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("0011"), labelled=False)
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
    await it.settled()
    before = stored(it)
    await it.program.secret_watching.ask()
    await it.settled()
    reads = it.cluster.calls["get"]
    await it.program.secret_watching.ask()
    await it.settled()
    assert it.cluster.calls["get"] == reads, "a Secret that has not changed costs nobody a look"
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("2233"), labelled=False)
    await it.program.secret_watching.ask()
    await it.until(lambda: stored(it) != before, "the new key")


async def test_a_secret_that_goes_is_told_and_its_key_stays(it: Operating) -> None:
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("0011"))
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
    await it.settled()
    before = stored(it)
    del it.cluster.secrets["acme", "freezer-7-psk"]
    it.cluster.changes.put_nowait(SeenSecret(("acme", "freezer-7-psk"), ""))
    await it.shows(DEVICE, "CredentialsReady", "False", "SecretNotFound")
    assert stored(it) == before
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("0011"))
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")


async def test_where_secrets_may_not_be_watched_it_is_said_once_and_they_are_asked_for() -> None:
    async with operating(DEV_MNGR_CRYPTO_PASS="kamehameHA", DEV_MNGR_CRYPTO_SALT="shuriken") as it:
        it.cluster.failures["labelled_secrets"] = [Forbidden("secrets is forbidden")] * 3
        with capture_logs() as logs:
            it.cluster.put(a_template(namespace="acme", attributes=[KEY]))
            it.cluster.put_secret("acme", "freezer-7-psk", encoded("0011"))
            a_secure_device(it)
            await it.until(lambda: it.cluster.calls["labelled_secrets"] > 1, "another attempt")
        assert len([one for one in logs if "Secrets are not watched" in one["event"]]) == 1
        before = stored(it)
        it.cluster.put_secret("acme", "freezer-7-psk", encoded("2233"))
        await it.program.secret_watching.ask()
        await it.until(lambda: stored(it) != before, "the new key")


async def test_keys_that_changed_before_the_operator_began_are_looked_at(it: Operating) -> None:
    it.cluster.put_secret("acme", "freezer-7-psk", encoded("0011"))
    a_secure_device(it)
    await it.shows(DEVICE, "CredentialsReady", "True", "Stored")
    await it.settled()
    assert it.program._context.secret_users.unread == []
    reads = it.cluster.calls["secret"]
    it.program.secret_watching.look_at_unread()
    await it.settled()
    assert it.cluster.calls["secret"] == reads, "what was read is not read again"
    it.program._context.secret_users.gone(DEVICE)
    it.program._context.secret_users.seen(DEVICE, it.cluster.objects[DEVICE])
    it.program.secret_watching.look_at_unread()
    await it.until(lambda: it.cluster.calls["secret"] > reads, "a look")
