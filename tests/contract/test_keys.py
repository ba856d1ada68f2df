"""Keys of devices: stored encrypted, kept while they are declared, gone with their attribute."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from device_registry.crypto import PasswordVault
from device_registry.dispatch import Outbox
from device_registry.domain.model import Declared, DeviceId, DeviceSpec
from device_registry.domain.outcome import Outcome
from device_registry.domain.psk import Psk, Sealed, Withheld
from device_registry.domain.reasons import Reason
from device_registry.ports import Registry
from device_registry.reconcile import Keeping
from tests.support.builders import ACME, a_credential, a_device, a_psk, a_template, again, an_attribute
from tests.support.story import Story

VAULT = PasswordVault("kamehameHA", "shuriken")
SECURE = a_template("t", a_psk(), a_psk("other"))
ONE, TWO = Psk("00112233"), Psk("aabbccdd")


@pytest.fixture
def story(registry: Registry, outbox: Outbox, clock: Callable[[], datetime]) -> Story:
    return Story(registry, outbox, clock, Keeping(vault=VAULT))


def a_device_with(generation: int = 1, **keys: Psk | Withheld) -> Declared[DeviceSpec]:
    credentials = tuple(a_credential(label) for label in keys)
    return a_device("d", id="d", templates=["t"], credentials=credentials, keys=keys, generation=generation)


def registered(story: Story, device: Declared[DeviceSpec]) -> Outcome:
    (outcome,) = story.apply(device)
    assert outcome.registered
    return outcome


def stored(story: Story, device_id: str = "d") -> dict[str, Sealed]:
    ref = (ACME, DeviceId(device_id))
    with story.registry.transaction() as transaction:
        return transaction.keys([ref]).get(ref, {})


def opened(story: Story) -> dict[str, Psk]:
    return {label: VAULT.open(one, (ACME, "d", label)) for label, one in stored(story).items()}


def test_a_key_is_stored_encrypted_and_stands_in_no_document_and_no_event(story: Story) -> None:
    story.apply(SECURE)
    outcome = registered(story, a_device_with(key=ONE))
    assert (outcome.keys, outcome.keys_message) == (Reason.STORED, "1 key stored")
    assert opened(story) == {"key": ONE}
    assert ONE.digits.encode() not in stored(story)["key"].box
    assert ONE.digits not in str(story.document("d")) + str(story.payloads())


def test_a_device_without_credentials_says_nothing_of_keys(story: Story) -> None:
    story.apply(SECURE)
    assert registered(story, a_device("d", id="d", templates=["t"])).keys is None


def test_the_same_key_again_changes_nothing_and_another_one_is_told(story: Story) -> None:
    story.apply(SECURE)
    registered(story, a_device_with(key=ONE))
    story.heard()
    before = stored(story)
    registered(story, a_device_with(key=ONE))
    assert story.heard() == []
    assert stored(story) == before
    outcome = registered(story, a_device_with(key=TWO))
    assert story.heard() == ["update d#2"]
    assert outcome.sequence == 2
    assert opened(story) == {"key": TWO}


def test_keys_come_and_go_one_by_one(story: Story) -> None:
    story.apply(SECURE)
    registered(story, a_device_with(key=ONE))
    registered(story, a_device_with(2, key=ONE, other=TWO))
    assert opened(story) == {"key": ONE, "other": TWO}
    registered(story, a_device_with(3, other=TWO))
    assert opened(story) == {"other": TWO}
    registered(story, a_device_with(4))
    assert stored(story) == {}


@pytest.mark.parametrize("reason", [Reason.SECRET_NOT_FOUND, Reason.KEY_NOT_FOUND, Reason.INVALID_KEY])
def test_a_key_that_cannot_be_had_is_told_and_what_was_stored_stays(story: Story, reason: Reason) -> None:
    story.apply(SECURE)
    registered(story, a_device_with(key=ONE))
    story.heard()
    outcome = registered(story, a_device_with(2, key=Withheld(reason=reason, message="why")))
    assert (outcome.keys, outcome.keys_message) == (reason, "why")
    assert opened(story) == {"key": ONE}
    assert story.heard() == []


def test_a_key_for_no_psk_attribute_is_refused_by_name_and_the_device_is_registered(story: Story) -> None:
    story.apply(a_template("t", a_psk(), an_attribute("temperature")))
    outcome = registered(story, a_device_with(key=ONE, temperature=TWO))
    assert outcome.keys is Reason.NO_SUCH_ATTRIBUTE
    assert '"temperature"' in outcome.keys_message
    assert opened(story) == {"key": ONE}


def test_an_edit_that_takes_the_attribute_takes_the_key_and_has_the_device_looked_at(story: Story) -> None:
    story.apply(SECURE)
    device = a_device_with(key=ONE, other=TWO)
    registered(story, device)
    story.apply(a_template("t", a_psk(), a_psk("other", value_type="string"), generation=2))
    (progress,) = story.propagate()
    assert progress.affected == (device.key,)
    assert opened(story) == {"key": ONE}
    story.apply(a_template("t", a_psk(), a_psk("other"), generation=3))
    (progress,) = story.propagate()
    assert progress.affected == (device.key,)
    assert opened(story) == {"key": ONE}
    registered(story, device)
    assert opened(story) == {"key": ONE, "other": TWO}


def test_an_edit_that_leaves_the_keys_alone_has_nobody_looked_at(story: Story) -> None:
    story.apply(SECURE)
    registered(story, a_device_with(key=ONE, other=TWO))
    story.apply(a_template("t", a_psk(), a_psk("other"), an_attribute("new"), generation=2))
    (progress,) = story.propagate()
    assert progress.affected == ()
    assert opened(story) == {"key": ONE, "other": TWO}


def test_keys_go_with_their_device_and_do_not_come_back_with_its_id(story: Story) -> None:
    story.apply(SECURE)
    device = a_device_with(key=ONE)
    registered(story, device)
    story.delete(device)
    registered(story, again(a_device("d", id="d", templates=["t"])))
    assert stored(story) == {}


def test_a_later_owner_of_the_id_does_not_get_the_keys_of_the_one_before(story: Story) -> None:
    story.apply(SECURE)
    registered(story, a_device_with(key=ONE))
    older = a_device("old", id="d", templates=["t"], created=datetime.fromisoformat("2020-01-01T00:00:00Z"))
    registered(story, older)
    assert stored(story) == {}


def test_an_older_version_of_a_device_changes_no_key(story: Story) -> None:
    story.apply(SECURE)
    registered(story, a_device_with(3, key=ONE))
    story.apply(a_device_with(2))
    assert opened(story) == {"key": ONE}


def test_without_a_password_no_key_is_stored_and_the_device_says_so(
    registry: Registry, outbox: Outbox, clock: Callable[[], datetime]
) -> None:
    story = Story(registry, outbox, clock)
    story.apply(SECURE)
    outcome = registered(story, a_device_with(key=ONE))
    assert outcome.keys is Reason.NOT_ENCRYPTED
    assert "DEV_MNGR_CRYPTO_PASS" in outcome.keys_message
    assert stored(story) == {}


def test_another_password_encrypts_the_keys_anew(story: Story) -> None:
    story.apply(SECURE)
    registered(story, a_device_with(key=ONE))
    new = PasswordVault("another", "shuriken")
    story = replace(story, keeping=Keeping(vault=new))
    registered(story, a_device_with(key=ONE))
    (sealed,) = stored(story).values()
    assert (sealed.key_id, new.open(sealed, (ACME, "d", "key"))) == (new.key_id, ONE)


def test_keys_are_told_in_clear_only_where_that_is_wished(story: Story) -> None:
    told = replace(story, keeping=Keeping(vault=VAULT, in_events=True))
    told.apply(SECURE)
    registered(told, a_device_with(key=ONE))
    assert shown(told) == {"key": ONE.digits}
    registered(told, a_device_with(2, key=ONE, other=TWO))
    assert shown(told) == {"key": ONE.digits, "other": TWO.digits}
    registered(told, replace_label(a_device_with(3, key=ONE, other=TWO)))
    assert shown(told) == {}
    assert ONE.digits not in str(told.document("d"))


def shown(story: Story) -> dict[str, Any]:
    """The keys in the last event."""
    attributes = story.payloads()[-1]["data"]["attrs"]["1"]
    return {one["label"]: one["static_value"] for one in attributes if "static_value" in one}


def replace_label(device: Declared[DeviceSpec]) -> Declared[DeviceSpec]:
    return replace(device, spec=replace(device.spec, label="renamed"))
