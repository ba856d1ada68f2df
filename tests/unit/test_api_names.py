"""Names of resources and namespaces are valid, and different for different things."""

import re

from hypothesis import given
from hypothesis import strategies as st

from device_api.names import device_key, namespaces_for, template_key
from device_registry.domain.model import Tenant

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
device_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True)
tenants = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True)


def test_resources_are_called_after_their_ids() -> None:
    assert template_key("acme", 12).name == "template-12"
    assert device_key("acme", "a1b2c3").name == "device-a1b2c3"


def test_ids_that_differ_in_case_only_are_two_resources() -> None:
    names = {device_key("acme", one).name for one in ("ab", "AB", "aB", "Ab")}
    assert len(names) == 4


@given(device_ids, device_ids)
def test_every_id_has_a_name_of_its_own(one: str, other: str) -> None:
    names = [device_key("acme", device_id).name for device_id in (one, other)]
    assert all(SUBDOMAIN.fullmatch(name) and len(name) <= 253 for name in names)
    assert (names[0] == names[1]) == (one == other)


@given(tenants, st.sampled_from(["", "dojot-"]))
def test_every_tenant_can_have_a_namespace(tenant: str, prefix: str) -> None:
    names = namespaces_for(Tenant(tenant), prefix)
    assert all(SUBDOMAIN.fullmatch(name) and len(name) <= 63 for name in names)


def test_a_tenant_that_is_a_name_is_called_by_it_and_else_by_a_name_that_only_it_has() -> None:
    plain, distinct = namespaces_for(Tenant("acme"), "dojot-")
    assert plain == "dojot-acme"
    assert re.fullmatch("dojot-acme-[0-9a-f]{8}", distinct)
    assert namespaces_for(Tenant("ACME"), "dojot-") != [distinct]
    assert len(namespaces_for(Tenant("ACME"), "dojot-")) == 1
