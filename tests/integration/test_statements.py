"""Reads cost a fixed number of statements, whatever they list, and none of them may take long."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import URL

from device_registry.domain.errors import RegistryUnavailable, Rejected
from device_registry.registry.filters import Filters, Page
from device_registry.registry.reader import RegistryReader
from tests.support.builders import ACME, a_device, a_static, a_template, an_entry
from tests.support.clock import Clock
from tests.support.postgres import Databases, registry_on
from tests.support.story import Story


class Counting(RegistryReader):
    """Counts what it asks."""

    asked = 0

    async def fetch(self, statement: str, **parameters: Any) -> Any:
        self.asked += 1
        return await super().fetch(statement, **parameters)


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[URL]:
    """A registry with thirty templates and thirty devices."""
    url = databases.registry()
    with registry_on(url) as registry:
        registry.lead("the test")
        story = Story(registry, registry.outbox, Clock())
        color = a_static("color", "red", metadata=(an_entry(),))
        story.apply(*(a_template(f"t{n}", color) for n in range(30)))
        story.apply(*(a_device(f"d{n}", id=f"d{n}", templates=[f"t{n}"]) for n in range(30)))
        yield url


@pytest.fixture
async def reader(url: URL) -> AsyncIterator[Counting]:
    async with Counting(url) as reader:
        yield reader


@pytest.mark.parametrize("size", [1, 5, 30])
async def test_a_page_costs_the_same_number_of_statements_whatever_its_size(
    reader: Counting, size: int
) -> None:
    filters = Filters(attributes=(("color", "red"),))
    page = await reader.devices_page(ACME, filters, Page(size=size))
    assert (page.total, reader.asked) == (30, 1)
    await reader.device_ids_page(ACME, filters, Page(size=size))
    assert reader.asked == 2
    templates = await reader.templates_page(ACME, filters, Page(size=size))
    assert (len(templates.templates), reader.asked) == (size, 4)


async def test_one_device_is_one_statement(reader: Counting) -> None:
    assert await reader.device(ACME, "d7")
    assert reader.asked == 1


async def test_a_statement_that_takes_too_long_is_given_up(reader: Counting) -> None:
    (limits,) = await reader.fetch(
        "SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock"
    )
    assert limits == {"statement": "5s", "lock": "2s"}
    await reader.fetch("SELECT set_config('statement_timeout', '50', false)")
    with pytest.raises(RegistryUnavailable, match="statement timeout"):
        await reader.fetch("SELECT pg_sleep(20)")
    assert await reader.device(ACME, "d7")


async def test_a_text_that_cannot_be_stored_is_refused_and_not_taken_for_an_outage(reader: Counting) -> None:
    for text in ("a\0b", "a\ud800b"):
        with pytest.raises(Rejected):
            await reader.device(ACME, text)


async def test_a_server_that_takes_no_writes_any_more_is_an_outage_and_its_connection_is_left(
    reader: Counting,
) -> None:
    await reader.fetch("SELECT set_config('default_transaction_read_only', 'on', false)")
    with pytest.raises(RegistryUnavailable, match="read-only"):
        await reader.reserve_template_id(ACME)
    assert await reader.reserve_template_id(ACME)
