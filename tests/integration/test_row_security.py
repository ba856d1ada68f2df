"""Postgres itself keeps tenants apart: also a query of the facade that forgets its tenant sees no others."""

import logging
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from sqlalchemy import URL, Engine, create_engine, text
from structlog.testing import capture_logs

from device_registry.domain.errors import RegistryError
from device_registry.domain.model import Tenant
from device_registry.registry.filters import Filters, Page
from device_registry.registry.migrate import check_current, migrate
from device_registry.registry.reader import RegistryReader
from device_registry.registry.roles import FACADE_ROLE, GRANTS
from device_registry.registry.schema import metadata
from device_registry.registry.writer import make_engine
from tests.support.builders import ACME, a_device, a_static, a_template
from tests.support.clock import Clock
from tests.support.postgres import Databases, registry_on
from tests.support.story import Story

OTHER = Tenant("other")
TENANT_COLUMNS = {
    table.name: "name" if table.name == "tenant" else "tenant"
    for table in metadata.sorted_tables
    if "tenant" in table.columns or table.name == "tenant"
}
READABLE = sorted(table for rights, table in GRANTS if table in TENANT_COLUMNS)


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[URL]:
    """A registry with the same ids in two tenants."""
    url = databases.registry()
    with registry_on(url) as registry:
        registry.lead("the test")
        story = Story(registry, registry.outbox, Clock())
        color = a_static("color", "red")
        story.apply(a_template("t", color), a_device("a1", id="a1", label="ours", templates=["t"]))
        story.apply(
            a_template("t", color, tenant=OTHER, namespace="other"),
            a_device("a1", id="a1", label="theirs", templates=["t"], tenant=OTHER, namespace="other"),
            a_device("b2", id="b2", label="theirs too", templates=["t"], tenant=OTHER, namespace="other"),
        )
        yield url


@pytest.fixture
async def reader(url: URL) -> AsyncIterator[RegistryReader]:
    async with RegistryReader(url) as reader:
        yield reader


@pytest.fixture
def owner(url: URL) -> Iterator[Engine]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.mark.parametrize("table", sorted(TENANT_COLUMNS))
def test_every_table_with_a_tenant_is_under_row_level_security(owner: Engine, table: str) -> None:
    with owner.connect() as connection:
        protected = connection.execute(
            text("SELECT relrowsecurity FROM pg_class WHERE relname = :table"), {"table": table}
        ).scalar_one()
        policies = connection.execute(
            text("SELECT count(*) FROM pg_policies WHERE tablename = :table"), {"table": table}
        ).scalar_one()
    assert (protected, policies) == (True, 1)


@pytest.mark.parametrize("table", READABLE)
async def test_a_query_without_a_tenant_shows_only_the_tenant_of_the_request(
    reader: RegistryReader, table: str
) -> None:
    column = TENANT_COLUMNS[table]
    for tenant in (ACME, OTHER, ACME):
        found = await reader.fetch(f"SELECT {column} AS tenant FROM {table}", sees=[tenant])
        assert {row["tenant"] for row in found} <= {tenant}
    assert await reader.fetch(f"SELECT * FROM {table}") == []


async def test_a_query_for_another_tenant_shows_nothing(reader: RegistryReader) -> None:
    theirs = "SELECT id FROM device WHERE tenant = 'other'"
    assert await reader.fetch(theirs, sees=[ACME]) == []
    assert len(await reader.fetch(theirs, sees=[OTHER])) == 2
    search = "SELECT devices_with_terms('other', (SELECT terms FROM device WHERE id = 'b2'))"
    assert await reader.fetch(search, sees=[ACME]) == []


async def test_several_tenants_can_be_seen_at_once_where_they_are_named(reader: RegistryReader) -> None:
    found = await reader.fetch("SELECT tenant FROM device", sees=[ACME, OTHER])
    assert sorted(row["tenant"] for row in found) == ["acme", "other", "other"]


@pytest.mark.parametrize("name", ['{"acme","other"}', 'acme","other', "acme,other", "%", "", "ACME"])
async def test_no_name_of_a_tenant_is_read_as_another_one(reader: RegistryReader, name: str) -> None:
    assert await reader.fetch("SELECT * FROM device", sees=[Tenant(name)]) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE device SET label = 'x'",
        "DELETE FROM device",
        "INSERT INTO template (tenant, id) VALUES ('acme', 99)",
        "UPDATE outcome SET reason = 'Registered'",
        "DELETE FROM outbox",
        "UPDATE outbox SET sent = now()",
        "SELECT * FROM leadership",
        "UPDATE leadership SET epoch = 99",
        "SELECT * FROM departure",
        "CREATE TABLE mine (id int)",
        "ALTER TABLE device DISABLE ROW LEVEL SECURITY",
    ],
)
async def test_the_facade_has_no_right_to_write_rows_or_to_lead(
    reader: RegistryReader, statement: str
) -> None:
    with pytest.raises(RegistryError, match=r"permission denied|must be owner"):
        await reader.fetch(statement, sees=[ACME])


async def test_what_it_may_write_it_writes_for_its_tenant_only(reader: RegistryReader) -> None:
    theirs = "UPDATE tenant SET next_template_id = 0 WHERE name = 'other' RETURNING name"
    assert await reader.fetch(theirs, sees=[ACME]) == []
    new = "INSERT INTO event_stream (tenant, subject, sequence) VALUES ('other', 'x', 9) RETURNING tenant"
    with pytest.raises(RegistryError, match="row-level security"):
        await reader.fetch(new, sees=[ACME])


async def test_filters_find_by_the_index_and_only_their_own(reader: RegistryReader) -> None:
    page = await reader.devices_page(ACME, Filters(attributes=(("color", "red"),)), Page())
    assert (page.total, "theirs" in page.bodies) == (1, False)
    explained = await reader.fetch("EXPLAIN SELECT devices_with_terms('acme', ARRAY['x'])", sees=[ACME])
    assert explained


async def test_a_user_of_its_own_cannot_take_more_than_the_facades_role(url: URL, owner: Engine) -> None:
    with owner.connect() as connection:
        connection.execute(text("DROP ROLE IF EXISTS facade_alone"))
        connection.execute(text("CREATE ROLE facade_alone LOGIN PASSWORD 'secret'"))
    engine = make_engine(url)
    migrate(engine, FACADE_ROLE, "facade_alone")
    engine.dispose()
    alone = url.set(username="facade_alone", password="secret")
    async with RegistryReader(alone) as reader:
        assert await reader.device(ACME, "a1") is not None
        assert reader.restricted
        with pytest.raises(RegistryError, match="permission denied"):
            await reader.fetch("SET ROLE postgres")
        await reader.fetch("SELECT set_config('role', 'none', false)")
        assert await reader.fetch("SELECT id FROM device WHERE tenant = 'other'", sees=[ACME]) == []
    facade = make_engine(alone)
    check_current(facade)
    facade.dispose()


def test_who_may_not_make_roles_migrates_all_the_same_and_says_what_is_left(
    databases: Databases, owner: Engine
) -> None:
    url = databases.empty()
    with owner.connect() as connection:
        connection.execute(text("DROP ROLE IF EXISTS modest"))
        connection.execute(text("CREATE ROLE modest LOGIN PASSWORD 'secret'"))
        connection.execute(text(f"ALTER DATABASE {url.database} OWNER TO modest"))
    engine = make_engine(url.set(username="modest", password="secret"))
    with capture_logs() as logs:
        migrate(engine, "a_role_of_its_own")
    check_current(engine)
    engine.dispose()
    (warning,) = [one for one in logs if "role could not be prepared" in one["event"]]
    assert 'CREATE ROLE "a_role_of_its_own" NOLOGIN' in warning["statements"]
    assert warning["log_level"] == logging.getLevelName(logging.WARNING).lower()


async def test_without_the_role_the_facade_works_and_says_so(url: URL) -> None:
    with capture_logs() as logs:
        async with RegistryReader(url, "nobody_made_this") as reader:
            assert await reader.device(ACME, "a1") is not None
            assert not reader.restricted
    assert any("row-level security is not in force" in one["event"] for one in logs)


def test_the_role_cannot_log_in(url: URL) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url.set(drivername="postgresql", username=FACADE_ROLE).render_as_string(False))
