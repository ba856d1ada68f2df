"""`device-manager check`: does everything work? A device goes the whole road and is deleted again."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from device_manager import terminal

if TYPE_CHECKING:
    from device_manager.journey import Journey

_NAMESPACE = typer.Option("--namespace", "-n", help="Namespace in which a template and a device are made.")
_API = typer.Option("--api", help="Base URL of the facade; left out, REST is not looked at.")
_TOKEN = typer.Option(
    "--token", envvar="DEVICE_MANAGER_TOKEN", help="Token for REST where AUTH_MODE=verify.", show_envvar=True
)
_WITHIN = typer.Option("--within", min=1, help="Seconds that each step may take.")


def run(
    namespace: Annotated[str, _NAMESPACE],
    api: Annotated[str, _API] = "",
    token: Annotated[str, _TOKEN] = "",
    within: Annotated[float, _WITHIN] = 60,
) -> None:
    """Declare a device, wait until it is registered and published, read it over REST, and delete it."""
    from device_manager.journey import Journey
    from device_registry.settings import AuthMode

    if api and not token and terminal.settings().AUTH_MODE is AuthMode.VERIFY:
        terminal.remark("REST is left out: AUTH_MODE=verify needs a token, and none is given (--token)")
        api = ""
    asyncio.run(_travel(Journey(namespace=namespace, api=api.rstrip("/"), token=token, within=within)))
    terminal.say("Everything works.")


async def _travel(journey: "Journey") -> None:
    from device_manager.cluster import connected

    async with connected() as cluster:
        await journey.travel(cluster, terminal.say)
