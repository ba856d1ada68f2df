"""What a record of device data says about presence; whatever it holds, nothing is raised."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_monitor.messages import Message, Result, understand
from device_registry.domain.model import DeviceId, Tenant

ACME = Tenant("acme")

ODD = st.dictionaries(
    st.sampled_from(["metadata", "deviceid", "tenant", "exp", "reason"]),
    st.none() | st.booleans() | st.floats() | st.text() | st.just("acme"),
)


def data(**metadata: Any) -> bytes:
    return json.dumps({"metadata": {"deviceid": "d1", "tenant": "acme", **metadata}, "attrs": {}}).encode()


def test_a_device_that_sends_is_there() -> None:
    assert understand(data(), ACME) == Message(Result.SEEN, DeviceId("d1"))
    assert understand(data(exp=2.5, timestamp=1), ACME) == Message(Result.SEEN, DeviceId("d1"), 2.5)


@pytest.mark.parametrize("exp", [0, -1, "5", True, [], float("inf"), float("nan"), 1e12])
def test_an_expiry_that_is_none_is_ignored_and_the_device_is_there(exp: Any) -> None:
    assert understand(data(exp=exp), ACME) == Message(Result.INVALID_EXPIRY, DeviceId("d1"))


def test_notices_of_monitors_say_nothing_new() -> None:
    assert understand(data(reason="statusUpdate", status="online"), ACME) == Message(Result.STATUS_UPDATE)
    assert understand(data(reason="else"), ACME).result is Result.SEEN


def test_what_names_another_tenant_is_not_believed() -> None:
    assert understand(data(tenant="other"), ACME) == Message(Result.WRONG_TENANT)


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b"[" * 50_000, b"7", b'"x"', b"[]"])
def test_what_is_no_object_is_malformed(value: bytes | None) -> None:
    assert understand(value, ACME) == Message(Result.MALFORMED)


@pytest.mark.parametrize("device", [None, 7, "", "x" * 65, "a\0b", "a\nb", "\ud800", ["d1"]])
def test_what_names_no_device_is_none(device: Any) -> None:
    assert understand(data(deviceid=device), ACME) == Message(Result.NO_METADATA)


@pytest.mark.parametrize("metadata", [None, [], "d1", {}, {"deviceid": "d1"}, {"tenant": "acme"}])
def test_metadata_that_are_none_are_told(metadata: Any) -> None:
    assert understand(json.dumps({"metadata": metadata}).encode(), ACME) == Message(Result.NO_METADATA)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | ODD))
def test_no_json_is_fatal(content: Any) -> None:
    assert isinstance(understand(json.dumps(content).encode(), ACME), Message)
    assert isinstance(understand(json.dumps({"metadata": content}).encode(), ACME), Message)


@given(st.binary())
def test_no_bytes_are_fatal(content: bytes) -> None:
    assert isinstance(understand(content, ACME), Message)
