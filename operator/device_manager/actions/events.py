"""Follows the notifications of a tenant: `device-manager events`."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from device_manager import terminal
from device_manager.notifications import Notification, TopicReader, reading
from device_manager.telling import Teller
from device_registry.domain.model import Tenant

_LOOK_SECONDS: Final = 1.0
"""Between two looks for a topic that is not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants to see."""

    devices: frozenset[str] = frozenset()
    """Only of these; empty: of all."""
    from_beginning: bool = False
    follow: bool = True


def run(tenant: str, wanted: Wanted, *, as_json: bool) -> None:
    """Print one line for each notification, until there are no more or the user has seen enough."""
    write = _json_line if as_json else Teller().line
    with reading(terminal.settings(), Tenant(tenant)) as reader:
        for one in _notifications(reader, wanted):
            if not wanted.devices or one.device in wanted.devices:
                _print(write(one))


def _notifications(reader: TopicReader, wanted: Wanted) -> Iterator[Notification]:
    there = reader.start(from_beginning=wanted.from_beginning)
    if not there:
        terminal.remark(f"The topic {reader.topic} is not there: nothing was ever sent.")
    if not wanted.follow:
        yield from reader.until_now()
        return
    while not there:
        time.sleep(_LOOK_SECONDS)
        there = reader.start(from_beginning=True)
    while True:
        yield from reader.some()


def _json_line(one: Notification) -> str:
    return json.dumps(one.as_data())


def _print(line: str) -> None:
    """Line by line, so that a pipe sees each at once."""
    print(line, flush=True)  # noqa: T201
