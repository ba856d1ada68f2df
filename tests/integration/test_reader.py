"""The registry as the facade reads it: pages, filters and order, on rows that the operator wrote."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import URL

from device_registry.dispatch import Outbox
from device_registry.domain.errors import RegistryUnavailable
from device_registry.domain.events import EventType, configure_event
from device_registry.domain.model import DeviceId, Key, Kind, Tenant
from device_registry.registry.bindings import Users
from device_registry.registry.filters import Filters, Order, Page
from device_registry.registry.reader import RegistryReader
from tests.support.builders import (
    ACME,
    NOON,
    a_device,
    a_static,
    a_template,
    an_attribute,
    an_entry,
    an_override,
)
from tests.support.clock import Clock
from tests.support.postgres import Databases, registry_as_it_is, registry_on
from tests.support.story import Story

OTHER = Tenant("other")
RED = a_static("color", "red", metadata=(an_entry("hue", "warm"),))
LOCATION = an_attribute("loc", value_type="geo")


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[URL]:
    """A registry with two templates and five devices of one tenant, and one device of another."""
    url = databases.registry()
    with registry_on(url) as registry:
        registry.lead("the test")
        story = Story(registry, registry.outbox, Clock())
        story.apply(
            a_template("t1", RED, an_attribute("temp"), label="Second"),
            a_template("t2", a_static("size", "xl"), LOCATION, label="first%"),
            a_device("a1", id="a1", label="zeta", templates=["t1"]),
            a_device("c3", id="c3", label="alpha", templates=["t2"]),
            a_device("b2", id="b2", label="Beta_x", templates=["t1", "t2"]),
            a_device("0f", id="0f", label="no-template", templates=[]),
            a_device("B2", an_override("color", "blue"), id="B2", label="beta%y", templates=["t1"]),
            a_device("a1", id="a1", label="zeta", templates=[], tenant=OTHER, namespace="other"),
        )
        yield url


@pytest.fixture
async def reader(url: URL) -> AsyncIterator[RegistryReader]:
    async with RegistryReader(url) as reader:
        yield reader


@pytest.fixture
def outbox(url: URL) -> Iterator[Outbox]:
    with registry_as_it_is(url) as registry:
        yield registry.outbox


async def ids(reader: RegistryReader, filters: Filters, page: Page | None = None) -> list[str]:
    """What a list finds; the page of documents must agree with the page of ids."""
    page = page or Page()
    listed: list[str] = json.loads(f"[{await reader.device_ids_page(ACME, filters, page)}]")
    found = await reader.devices_page(ACME, filters, page)
    assert [one["id"] for one in json.loads(f"[{found.bodies}]")] == listed
    return listed


async def test_a_device_is_read_as_it_was_stored_and_by_its_tenant_only(reader: RegistryReader) -> None:
    body = await reader.device(ACME, "a1")
    assert body is not None
    assert json.loads(body)["label"] == "zeta"
    assert body != await reader.device(OTHER, "a1")
    assert await reader.device(OTHER, "b2") is None
    assert await reader.device(Tenant("acme' OR true --"), "a1") is None


async def test_a_device_is_tied_to_the_resource_that_declares_it(reader: RegistryReader) -> None:
    stored = await reader.stored_device(ACME, "a1")
    assert stored is not None
    assert (stored.key, stored.uid) == (Key(Kind.DEVICE, "acme", "a1"), "uid-of-a1")


async def test_devices_come_in_the_order_of_their_bytes(reader: RegistryReader) -> None:
    assert await ids(reader, Filters()) == ["0f", "B2", "a1", "b2", "c3"]
    assert await ids(reader, Filters(), Page(order=Order.LABEL)) == ["b2", "c3", "B2", "0f", "a1"]


async def test_pages_follow_one_another_and_end(reader: RegistryReader) -> None:
    pages = [await ids(reader, Filters(), Page(size=2, number=number)) for number in (1, 2, 3, 4)]
    assert pages == [["0f", "B2"], ["a1", "b2"], ["c3"], []]
    beyond = await reader.devices_page(ACME, Filters(), Page(size=2, number=4))
    assert (beyond.total, beyond.bodies) == (5, "")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(label="eta"), ["B2", "a1", "b2"]),
        (Filters(label="Beta"), ["b2"]),
        (Filters(label="a%a"), []),
        (Filters(label="eta_"), ["b2"]),
        (Filters(label="%"), ["B2"]),
        (Filters(template=1), ["B2", "a1", "b2"]),
        (Filters(template=424242), []),
        (Filters(template=0), []),
        (Filters(attributes=(("color", "red"),)), ["a1", "b2"]),
        (Filters(attributes=(("color", "blue"),)), ["B2"]),
        (Filters(attributes=(("color", "red"), ("size", "xl"))), ["b2"]),
        (Filters(attributes=(("hue", "warm"),)), []),
        (Filters(attributes=(("size", "xl"),), template=1), ["b2"]),
        (Filters(value_types=("geo",)), ["b2", "c3"]),
        (Filters(value_types=("float", "geo")), ["b2"]),
        (Filters(value_types=("string",), attributes=(("color", "red"),), label="z"), ["a1"]),
    ],
)
async def test_filters_hold_all_at_once_and_count_a_device_once(
    reader: RegistryReader, filters: Filters, found: list[str]
) -> None:
    assert await ids(reader, filters) == found
    page = await reader.devices_page(ACME, filters, Page(size=1))
    assert page.total == len(found)


async def test_a_template_is_read_with_its_attributes_and_metadata(reader: RegistryReader) -> None:
    template = await reader.template(ACME, 1)
    assert template is not None
    assert [one.label for one in template.attributes] == ["color", "temp"]
    assert [one.label for one in template.attributes[0].metadata] == ["hue"]
    assert await reader.template(OTHER, 1) is None


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), ["Second", "first%"]),
        (Filters(label="%"), ["first%"]),
        (Filters(attributes=(("color", "red"),)), ["Second"]),
        (Filters(attributes=(("color", "red"), ("size", "xl"))), []),
        (Filters(attributes=(("hue", "warm"),)), []),
        (Filters(value_types=("string",)), ["Second", "first%"]),
        (Filters(value_types=("string", "geo")), ["first%"]),
    ],
)
async def test_templates_are_filtered_by_what_they_declare(
    reader: RegistryReader, filters: Filters, found: list[str]
) -> None:
    page = await reader.templates_page(ACME, filters, Page())
    assert [one.label for one in page.templates] == found
    assert page.total == len(found)


async def test_pages_of_templates_are_in_order_and_know_their_number(reader: RegistryReader) -> None:
    page = await reader.templates_page(ACME, Filters(), Page(size=1, number=2, order=Order.LABEL))
    assert ([one.label for one in page.templates], page.total) == (["first%"], 2)
    beyond = await reader.templates_page(ACME, Filters(), Page(size=5, number=2))
    assert (beyond.templates, beyond.total) == ((), 2)


async def test_a_template_is_in_use_as_long_as_a_device_has_it(reader: RegistryReader) -> None:
    used = await reader.users(ACME, [1], limit=2)
    assert (used.total, used.ids) == (3, ("B2", "a1"))
    assert (await reader.users(ACME, [1, 2], limit=9)).ids == ("B2", "a1", "b2", "c3")
    assert await reader.users(OTHER, [1], limit=2) == Users(total=0, ids=())


async def test_an_attribute_clashes_with_the_other_templates_of_a_device(reader: RegistryReader) -> None:
    assert await reader.clash(ACME, 1, [("new", "static"), ("loc", "dynamic")]) == ("loc", 5)
    assert await reader.clash(ACME, 1, [("loc", "static"), ("color", "static"), ("hue", "meta")]) is None
    assert await reader.clash(ACME, 1, []) is None
    assert await reader.clash(OTHER, 1, [("loc", "dynamic")]) is None


async def test_a_template_is_shared_when_some_device_of_it_uses_another_one(reader: RegistryReader) -> None:
    assert await reader.is_shared(ACME, 1)
    assert not await reader.is_shared(ACME, 99)
    assert not await reader.is_shared(OTHER, 1)


async def test_only_devices_with_values_of_their_own_are_asked_for_when_a_template_loses_attributes(
    reader: RegistryReader,
) -> None:
    ((found, spec),) = await reader.devices_with_own_values(ACME, 1)
    assert (found.id, found.uid) == ("B2", "uid-of-B2")
    assert spec.overrides == (an_override("color", "blue"),)
    assert await reader.devices_with_own_values(ACME, 2) == []


async def test_what_a_resource_has_said_last_is_known_with_its_generation(reader: RegistryReader) -> None:
    ((found, spec),) = await reader.devices_with_own_values(ACME, 1)
    assert found.key is not None
    registered = await reader.registered(ACME, found.key, found.uid)
    assert registered is not None
    assert (registered.spec, registered.generation) == (spec, 1)
    assert await reader.registered(ACME, found.key, "another") is None
    assert await reader.registered(OTHER, found.key, found.uid) is None


async def test_a_revision_is_propagated_when_everybody_was_told(reader: RegistryReader) -> None:
    assert await reader.is_propagated(ACME, 1, 1)
    assert not await reader.is_propagated(ACME, 1, 2)
    assert await reader.is_propagated(ACME, 424242, 7)


async def test_all_of_a_tenant_are_listed_with_the_resources_behind_them(reader: RegistryReader) -> None:
    assert [one.id for one in await reader.every_device(ACME)] == ["0f", "B2", "a1", "b2", "c3"]
    assert await reader.every_template(ACME) == [1, 2]
    assert await reader.every_template(OTHER) == []


async def test_lists_are_sorted_either_way(reader: RegistryReader) -> None:
    backwards = Page(order=Order.LABEL, descending=True)
    assert await ids(reader, Filters(), backwards) == ["a1", "0f", "B2", "c3", "b2"]
    assert await ids(reader, Filters(), Page(descending=True)) == ["c3", "b2", "a1", "B2", "0f"]
    for order in (Order.CREATED, Order.UPDATED):
        for descending in (False, True):
            page = Page(order=order, descending=descending)
            assert await ids(reader, Filters(), page) == ["0f", "B2", "a1", "b2", "c3"]
    templates = await reader.templates_page(ACME, Filters(), backwards)
    assert [one.label for one in templates.templates] == ["first%", "Second"]


async def test_template_ids_are_given_out_once_each_also_to_a_tenant_that_is_new(
    reader: RegistryReader,
) -> None:
    assert [await reader.reserve_template_id(Tenant("brand-new")) for _ in range(3)] == [1, 2, 3]
    assert await reader.reserve_template_id(ACME) == 3


async def test_ids_that_are_taken_are_known(reader: RegistryReader) -> None:
    asked = [DeviceId("a1"), DeviceId("A1"), DeviceId("ffffff")]
    assert await reader.taken(ACME, asked) == {"a1"}


async def test_a_registry_that_is_away_is_told_as_such(url: URL) -> None:
    async with RegistryReader(url.set(port=1, host="127.0.0.1")) as reader:
        reader._pool.timeout = 0.2
        with pytest.raises(RegistryUnavailable):
            await reader.ping()


async def test_what_is_sent_to_a_device_is_the_next_event_of_its_stream(
    reader: RegistryReader, outbox: Outbox
) -> None:
    event = configure_event(ACME, "a1", {"attrs": {"led": 1}, "id": "other"}, NOON, writer="the test")
    assert await reader.configure(event)
    (told,) = [one for one in outbox.unsent(99) if one.event.type is EventType.CONFIGURE]
    assert (told.sequence, told.key, told.headers[-1]) == (2, "acme:a1", ("dojot_writer", b"the test"))
    assert json.loads(told.event.payload) == {
        "data": {"attrs": {"led": 1}, "id": "a1"},
        "event": "configure",
        "meta": {"service": "acme", "timestamp": 1767268800000},
    }


async def test_what_was_sent_already_is_not_sent_again_by_a_repetition(
    reader: RegistryReader, outbox: Outbox
) -> None:
    event = configure_event(ACME, "b2", {"attrs": {}}, NOON, writer="")
    assert await reader.configure(event)
    assert await reader.configure(event)
    told = [one for one in outbox.unsent(99) if one.event.subject == "b2"]
    assert [one.sequence for one in told] == [1, 2]


async def test_nothing_is_sent_to_a_device_that_is_not_there(reader: RegistryReader) -> None:
    assert not await reader.configure(configure_event(ACME, "nope", {}, NOON, writer=""))
    assert not await reader.configure(configure_event(OTHER, "b2", {}, NOON, writer=""))
