"""The schema is made by migrations, and nothing starts on another one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect

from device_registry.domain.errors import RegistryUnavailable, SchemaOutdated
from device_registry.registry import migrate as migrations
from device_registry.registry.migrate import check_current, create_database, migrate
from device_registry.registry.schema import metadata
from device_registry.registry.writer import make_engine
from tests.support.postgres import Databases


@pytest.fixture
def engine(databases: Databases) -> Iterator[Engine]:
    """An empty database."""
    engine = make_engine(databases.empty())
    yield engine
    engine.dispose()


def give_later_revision(engine: Engine, note: str) -> None:
    """Have the schema look as if a later version had migrated it."""
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{note}'")


def alembic(engine: Engine, step: str, revision: str) -> None:
    with migrations._folder() as folder, engine.begin() as connection:
        config = migrations._config(str(folder))
        config.attributes["connection"] = connection
        getattr(command, step)(config, revision)


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, metadata))


def test_an_empty_database_is_refused_with_the_next_step(engine: Engine) -> None:
    with pytest.raises(SchemaOutdated, match=r"revision nothing.*run `device-manager migrate`"):
        check_current(engine)


def test_a_migrated_database_is_accepted(engine: Engine) -> None:
    migrate(engine)
    check_current(engine)


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    assert migrate(engine) == migrate(engine)


def test_the_migrations_make_the_schema_that_the_code_describes(engine: Engine) -> None:
    migrate(engine)
    assert differences(engine) == []


def test_a_difference_would_be_found(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE device DROP COLUMN hash")
    assert differences(engine) != []


def test_every_migration_can_be_taken_back_and_made_again(engine: Engine) -> None:
    migrate(engine)
    alembic(engine, "downgrade", "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migrate(engine)
    assert differences(engine) == []


def test_several_migrations_at_once_all_succeed(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        revisions = set(pool.map(migrate, [engine] * 4))
    assert len(revisions) == 1
    check_current(engine)


def test_a_missing_database_is_created_once(databases: Databases) -> None:
    url = databases.empty().set(database='made "by" migrate')
    assert create_database(url)
    assert not create_database(url)
    engine = make_engine(url)
    migrate(engine)
    engine.dispose()


def test_several_starts_at_once_create_the_database_once(databases: Databases) -> None:
    url = databases.empty().set(database="made_together")
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(create_database, [url] * 4)) == [False, False, False, True]


def test_a_server_that_is_away_is_told_from_a_wrong_schema(databases: Databases) -> None:
    engine = make_engine(databases.empty().set(port=1))
    with pytest.raises(RegistryUnavailable):
        check_current(engine)
    engine.dispose()


def test_a_newer_schema_that_serves_this_version_is_worked_on_and_left_alone(engine: Engine) -> None:
    give_later_revision(engine, "serves programs since revision 0001")
    check_current(engine)
    assert migrate(engine) == "9999"


@pytest.mark.parametrize("note", ["serves programs since revision 9998", "", "something else"])
def test_a_newer_schema_that_does_not_serve_this_version_is_refused(engine: Engine, note: str) -> None:
    give_later_revision(engine, note)
    for refused in (check_current, migrate):
        with pytest.raises(SchemaOutdated, match=r"9999.*newer than this version.*install a newer version"):
            refused(engine)


def test_the_schema_says_which_programs_it_serves(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        note = connection.exec_driver_sql("SELECT obj_description('alembic_version'::regclass)").scalar_one()
    assert note == "serves programs since revision 0001"


def test_a_migration_that_breaks_with_former_programs_moves_the_bound() -> None:
    def script(revision: str, *, breaks: bool) -> SimpleNamespace:
        return SimpleNamespace(revision=revision, module=SimpleNamespace(BREAKS=breaks))

    newest_first = [script("0003", breaks=False), script("0002", breaks=True), script("0001", breaks=False)]
    scripts = SimpleNamespace(walk_revisions=lambda: iter(newest_first))
    assert migrations._serves_since(scripts) == "0002"  # type: ignore[arg-type]
