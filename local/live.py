"""The fleet as it is now, redrawn whenever the cluster reports a change, until Ctrl-C.

Called by `make run` on a terminal, after everything has been printed once.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local.manifests import Kubectl

MARGIN = 8
"""Lines that the frame and the summary need."""


def watch(kubectl: Kubectl, namespace: str, console: Console) -> None:
    """Show the devices of a namespace until the caller is interrupted; what changed last comes first."""
    devices: dict[str, Mapping[str, Any]] = {}
    with Live(_draw(devices, console), console=console, auto_refresh=False) as live:
        for kind, device in _changes(kubectl, namespace):
            name = device["metadata"]["name"]
            devices.pop(name, None)
            if kind != "DELETED":
                devices[name] = device
            live.update(_draw(devices, console), refresh=True)


def _changes(kubectl: Kubectl, namespace: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    command = (str(kubectl.program), "get", "devices.dojot.io", "--namespace", namespace)
    options = ("--watch", "--output-watch-events", "--output=jsonpath={}{'\\n'}")
    with subprocess.Popen(
        [*command, *options], env=os.environ | kubectl.environment, stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        try:
            for line in watching.stdout:
                event = json.loads(line)
                yield event["type"], event["object"]
        finally:
            watching.terminate()


def _draw(devices: Mapping[str, Mapping[str, Any]], console: Console) -> Group:
    table = Table("DEVICE", "ID", "TEMPLATES", "READY", "REASON", "PUBLISHED", expand=True)
    latest = list(devices.values())[::-1]
    for device in latest[: max(1, console.height - MARGIN)]:
        table.add_row(*_row(device))
    ready = Counter(_condition(device, "Ready").get("status", "Unknown") for device in latest)
    summary = (
        f"{len(latest)} devices, {ready['True']} Ready. The ones that changed last come first. Ctrl-C ends."
    )
    return Group(table, Text(summary, style="bold"))


def _row(device: Mapping[str, Any]) -> tuple[str, ...]:
    status = device.get("status", {})
    ready = _condition(device, "Ready")
    return (
        device["metadata"]["name"],
        status.get("deviceId", ""),
        status.get("templates", ""),
        ready.get("status", ""),
        ready.get("reason", ""),
        _condition(device, "Published").get("status", ""),
    )


def _condition(device: Mapping[str, Any], kind: str) -> Mapping[str, str]:
    conditions = device.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})
