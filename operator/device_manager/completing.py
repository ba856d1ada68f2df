"""What the shell offers for an option. Whatever goes wrong, it offers nothing: nobody asked for an error."""

from contextlib import suppress


def tenants(incomplete: str) -> list[str]:
    """The tenants of the registry that begin so."""
    with suppress(Exception):
        from device_registry.registry.overview import Overview  # noqa: PLC0415
        from device_registry.registry.writer import make_engine  # noqa: PLC0415
        from device_registry.settings import Settings  # noqa: PLC0415

        engine = make_engine(Settings().registry_url)
        try:
            return [one.tenant for one in Overview(engine).tenants() if one.tenant.startswith(incomplete)]
        finally:
            engine.dispose()
    return []
