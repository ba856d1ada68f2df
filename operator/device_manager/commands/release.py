"""`device-manager release`: lets go of every resource, so that it can be deleted while no operator runs."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from device_manager import terminal

if TYPE_CHECKING:
    from device_registry.settings import Settings

_QUIET = typer.Option("--quiet", min=0, help="Seconds for which no finalizer must come back before it ends.")


def run(quiet: Annotated[float, _QUIET] = 5) -> None:
    """Take the operator's finalizer off every Device and Template of WATCH_NAMESPACES; for an uninstallation.

    Nothing is deleted, neither resources nor rows. An operator that still runs puts the finalizers back.
    """
    total = asyncio.run(_release(terminal.settings(), quiet))
    terminal.say(f"Let go of {total} resources; their rows stay in the registry.")


async def _release(settings: "Settings", quiet: float) -> int:
    from device_manager.cluster import connected
    from device_manager.releasing import release

    def tell(count: int) -> None:
        terminal.say(f"{count} so far")

    async with connected() as cluster:
        return await release(cluster, settings.namespaces, quiet, tell)
