"""`device-manager migrate`: makes the registry's database, or brings its schema up to date."""

from device_manager import terminal


def run() -> None:
    """Create the database if it is missing (CREATE_DB) and bring its schema up to date."""
    from device_registry.registry import migrate as schema
    from device_registry.registry.writer import make_engine

    settings = terminal.settings()
    if settings.CREATE_DB:
        schema.create_database(settings.registry_url)
    engine = make_engine(settings.registry_url)
    revision = schema.migrate(engine, settings.API_DBROLE, settings.API_DBUSER)
    terminal.say(f"The registry's schema is at revision {revision}.")
