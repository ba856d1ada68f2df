"""Keys that people bring in Secrets of their own: found, followed, encrypted anew, never shown."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from device_registry.crypto import PasswordVault
from device_registry.domain.psk import Psk, Sealed
from local.platform import CRYPTO
from tests.support.facades import a_client, a_facade, answer
from tests.support.manifests import a_device, a_template
from tests.support.road import Road
from tests.support.waiting import eventually

FIRST, SECOND, THIRD = "a1b2c3d4e5f60718", "0f1e2d3c4b5a6978", "5566778899aabbcc"
KEY = {"label": "key", "type": "static", "valueType": "psk"}
OLD = (CRYPTO["DEV_MNGR_CRYPTO_PASS"], CRYPTO["DEV_MNGR_CRYPTO_SALT"])
NEW = "a new password"


def a_secret(namespace: str, key: str, name: str = "psk", *, labelled: bool = True) -> dict[str, Any]:
    labels = {"labels": {"dojot.io/device": ""}} if labelled else {}
    data = {"key": base64.b64encode(key.encode()).decode()}
    metadata = {"name": name, "namespace": namespace, **labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def a_secure_device(namespace: str, name: str = "freezer-7", secret: str = "psk") -> dict[str, Any]:
    credential = {"attribute": "key", "secretRef": {"name": secret, "key": "key"}}
    return a_device(namespace=namespace, name=name, attributes=[], credentials=[credential])


@pytest.fixture
def home(road: Road, namespace: str) -> str:
    """A namespace with a template that takes a key."""
    road.kubectl.apply(a_template(namespace=namespace, attributes=[KEY]))
    return namespace


def stored(road: Road, namespace: str) -> dict[str, str]:
    """The keys in the registry by the name of the device, opened by whichever password fits."""
    rows = road.rows(
        "SELECT c.*, d.claim_name FROM credential c"
        " JOIN device d ON (d.tenant, d.id) = (c.tenant, c.device_id) WHERE c.tenant = :tenant",
        tenant=namespace,
    )
    vaults = {one.key_id: one for one in (PasswordVault(*OLD), PasswordVault(NEW, OLD[1]))}
    return {row["claim_name"]: _opened(row, vaults[row["key_id"]]).digits for row in rows}


def _opened(row: Any, vault: PasswordVault) -> Psk:
    sealed = Sealed(key_id=row["key_id"], box=bytes(row["sealed"]))
    return vault.open(sealed, (row["tenant"], row["device_id"], row["attribute"]))


def test_devices_follow_a_labelled_secret_that_several_refer_to(road: Road, home: str) -> None:
    road.kubectl.apply([a_secure_device(home, "one"), a_secure_device(home, "two")])
    road.wait_for("device", "one", home, "Registered=True", "CredentialsReady=False:SecretNotFound")
    road.kubectl.apply(a_secret(home, FIRST))
    for name in ("one", "two"):
        road.wait_for("device", name, home, "CredentialsReady=True:Stored", "Published=True")
    assert stored(road, home) == {"one": FIRST, "two": FIRST}
    road.kubectl.apply(a_secret(home, SECOND))
    eventually(lambda: stored(road, home) == {"one": SECOND, "two": SECOND}, what="the new key")
    road.kubectl.run("delete", "secret", "psk", "-n", home)
    road.wait_for("device", "one", home, "CredentialsReady=False:SecretNotFound")
    assert stored(road, home)["one"] == SECOND, "a Secret that is away for a while loses nothing"


def test_a_wrong_secret_is_told_and_heals_with_it(road: Road, home: str) -> None:
    wrong = a_secret(home, "no key at all")
    road.kubectl.apply([wrong, a_secure_device(home)])
    told = road.wait_for("device", "freezer-7", home, "Registered=True", "CredentialsReady=False:InvalidKey")
    assert "no key at all" not in str(told)
    wrong["data"] = {"other": wrong["data"]["key"]}
    road.kubectl.run("replace", "-f", "-", stdin=json.dumps(wrong))
    road.wait_for("device", "freezer-7", home, "CredentialsReady=False:KeyNotFound")
    road.kubectl.apply(a_secret(home, FIRST))
    road.wait_for("device", "freezer-7", home, "CredentialsReady=True:Stored", "Ready=True")


def test_a_secret_without_a_label_is_found_by_asking(road: Road, home: str) -> None:
    road.operator.stop()
    road.operator.start(SWEEP_INTERVAL_SECONDS="2")
    road.kubectl.apply([a_secret(home, FIRST, labelled=False), a_secure_device(home)])
    road.wait_for("device", "freezer-7", home, "CredentialsReady=True:Stored", "Published=True")
    road.kubectl.apply(a_secret(home, SECOND, labelled=False))
    eventually(lambda: stored(road, home) == {"freezer-7": SECOND}, what="the new key")
    road.operator.restart()


def test_a_secret_that_changed_while_no_operator_was_there_is_found(road: Road, home: str) -> None:
    road.kubectl.apply([a_secret(home, FIRST), a_secure_device(home)])
    road.wait_for("device", "freezer-7", home, "CredentialsReady=True:Stored", "Published=True")
    road.operator.stop()
    road.kubectl.apply(a_secret(home, SECOND))
    road.operator.start()
    eventually(lambda: stored(road, home) == {"freezer-7": SECOND}, what="the new key")


# --- another password ---------------------------------------------------------------------------------------


@pytest.fixture
def as_it_was(road: Road) -> Iterator[None]:
    yield
    rotated(road, DEV_MNGR_CRYPTO_FORMER=json.dumps([{"pass": NEW}]))
    road.operator.restart()


def rotated(road: Road, **variables: str) -> str:
    """Run `device-manager rotate-key`; answers what it says."""
    name = str(road.engine.url.database)
    done = subprocess.run(
        [sys.executable, "-m", "device_manager", "rotate-key", "--output", "json"],
        env={"PATH": os.environ["PATH"], **road.platform.environment(name), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout + done.stderr


@pytest.mark.usefixtures("as_it_was")
def test_the_password_is_changed_without_an_event_or_a_missing_key(road: Road, home: str) -> None:
    road.kubectl.apply([a_secret(home, FIRST), a_secure_device(home)])
    road.wait_for("device", "freezer-7", home, "CredentialsReady=True:Stored", "Published=True")
    both = {"DEV_MNGR_CRYPTO_PASS": NEW, "DEV_MNGR_CRYPTO_FORMER": json.dumps([{"pass": OLD[0]}])}
    before = [one.event for one in road.events(home)]
    road.operator.stop()
    road.operator.start(**both)
    with a_facade(road, **both) as url, a_client(url, home) as rest:
        device_id = answer(rest.get("/device"))["devices"][0]["id"]
        assert FIRST in rest.get(f"/internal/device/{device_id}").text
        said = rotated(road, **both)
        assert FIRST in rest.get(f"/internal/device/{device_id}").text
    assert FIRST not in said
    (key_id,) = {row["key_id"] for row in road.rows("SELECT key_id FROM credential")}
    assert key_id == PasswordVault(NEW, OLD[1]).key_id
    road.operator.stop()
    road.operator.start(DEV_MNGR_CRYPTO_PASS=NEW)
    road.kubectl.run("annotate", "device", "freezer-7", "-n", home, "dojot.io/reconcile-requested-at=now")
    eventually(
        lambda: road.kubectl.get("device", "freezer-7", home)["status"].get("lastHandledReconcileAt") == "now"
    )
    assert [one.event for one in road.events(home)] == before
    with a_facade(road, DEV_MNGR_CRYPTO_PASS=NEW) as url, a_client(url, home) as rest:
        assert FIRST in rest.get(f"/internal/device/{device_id}").text


# --- nobody sees a key --------------------------------------------------------------------------------------


def forms(key: str) -> list[bytes]:
    """A key as it might stand somewhere."""
    raw = bytes.fromhex(key)
    texts = [key.encode(), key.upper().encode(), raw]
    return [*texts, *(base64.b64encode(one) for one in (key.encode(), raw)), repr(raw).encode()]


def everything(road: Road, namespace: str, answers: list[str]) -> dict[str, bytes]:
    """All that others than agents and the API server's Secrets can see, by where it is."""
    tables = [
        row["tablename"] for row in road.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    seen = {f"table {one}": repr(road.rows(f"SELECT * FROM {one}")).encode() for one in tables}
    sealed = road.rows("SELECT sealed FROM credential")
    seen["sealed keys"] = b" ".join(bytes(row["sealed"]) for row in sealed)
    kinds = "devices,templates,events,events.v1.events.k8s.io,configmaps"
    seen["objects"] = road.kubectl.run(
        "get", kinds, "-n", namespace, "-o", "yaml", "--show-managed-fields"
    ).encode()
    seen["Kafka"] = repr(road.events(namespace)).encode()
    seen["answers"] = "\n".join(answers).encode()
    seen["metrics"] = repr(road.operator.metrics()).encode()
    for log in road.platform.folder.log("x").parent.glob("*.log"):
        seen[f"log {log.name}"] = log.read_bytes()
    return seen


def test_a_known_key_is_found_nowhere_after_a_full_life(road: Road, home: str) -> None:
    answers: list[str] = []
    road.kubectl.apply([a_secret(home, FIRST), a_secure_device(home, "one"), a_secure_device(home, "two")])
    for name in ("one", "two"):
        road.wait_for("device", name, home, "CredentialsReady=True:Stored", "Published=True")
    with a_facade(road) as url, a_client(url, home) as rest:
        one, two = [one["id"] for one in answer(rest.get("/device"))["devices"]]
        assert FIRST in rest.get(f"/internal/device/{one}").text, "agents see it"
        road.kubectl.apply(a_secret(home, SECOND))
        eventually(lambda: set(stored(road, home).values()) == {SECOND}, what="the second key")
        road.kubectl.apply(a_secret(home, f"{THIRD} and no key"))
        road.wait_for("device", "one", home, "CredentialsReady=False:InvalidKey")
        road.kubectl.apply(a_secret(home, SECOND))
        road.wait_for("device", "one", home, "CredentialsReady=True:Stored")
        paths = ("/device", f"/device/{one}", f"/device?attr=key={SECOND}", "/template")
        answers.extend(rest.get(path).text for path in paths)
        answers.append(rest.put(f"/device/{two}/actuate", json={"attrs": {"key": "x"}}).text)
        answers.append(rest.get(f"/device/{one}/nowhere").text)
        road.operator.kill()
        road.operator.start()
        road.kubectl.run("delete", "device", "two", "-n", home)
        found = {
            f"{form!r} in {where}"
            for where, text in everything(road, home, answers).items()
            for key in (FIRST, SECOND, THIRD)
            for form in forms(key)
            if form in text
        }
    assert not found
    secret = road.kubectl.run("get", "secret", "psk", "-n", home, "-o", "yaml").encode()
    assert any(form in secret for form in forms(SECOND)), "where it is, the search finds it"
