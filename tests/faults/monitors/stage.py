"""Devices, their topic, and the monitors that watch over them."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from local.platform import Platform
from tests.support.monitored import DeviceTopic, Fleet
from tests.support.postgres import Databases
from tests.support.programs import Program
from tests.support.waiting import eventually

from .reaper import Reaper
from .talk import Talk
from .verdict import Verdict, judge

TEMPLATES = {1: 1.0, 2: 0.5, 3: 2.0}
"""Template -> its device_timeout, in shares of the setting; 0 is no template."""


class Stage:
    """One run."""

    def __init__(self, platform: Platform, databases: Databases, devices: int, timeout: float) -> None:
        """`timeout`: STATUS_TIMEOUT in seconds."""
        tenant = f"t{uuid4().hex[:12]}"
        url = databases.registry()
        self.folder = Path(platform.folder.root) / "monitors"
        self.folder.mkdir(exist_ok=True)
        self.lasting: dict[str, int] = {}
        self.fleet = Fleet(url, tenant)
        self._declare(devices, timeout)
        self.topic = DeviceTopic(platform.kafka_bootstrap, tenant, partitions=6)
        self.topic.create()
        environment = platform.environment(str(url.database)) | {
            "STATUS_NOTICES": "true",
            "STATUS_TIMEOUT": str(timeout),
        }
        self.monitors = [Program("monitor", environment, self.folder / f"{one}.log") for one in "ab"]

    def run(self, talk: Talk, reaper: Reaper, wait: Callable[[], None]) -> None:
        """Let devices talk and monitors die until `wait` returns, then let everybody go."""
        talk.start()
        reaper.start()
        try:
            wait()
        finally:
            reaper.stop()
            talk.stop()

    def verdict(self, attacks: list[int]) -> Verdict:
        """Wait until the last device is told to be gone, or for two minutes, and judge."""
        with suppress(AssertionError):
            eventually(lambda: judge(self.topic, self.lasting, attacks).good, within=120)
        return judge(self.topic, self.lasting, attacks)

    def __enter__(self) -> Self:
        for monitor in self.monitors:
            monitor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for monitor in self.monitors:
            if monitor.alive:
                monitor.stop()
        self.topic.close()
        self.fleet.close()

    def _declare(self, devices: int, timeout: float) -> None:
        for template, share in TEMPLATES.items():
            milliseconds = round(share * timeout * 1000)
            self.fleet.template(template, ("device_timeout", "meta", str(milliseconds)))
            self._make(devices // 4, milliseconds, template)
        self._make(devices - len(self.lasting), round(timeout * 1000))

    def _make(self, count: int, lasting: int, *templates: int) -> None:
        made = [f"d{len(self.lasting) + number}" for number in range(count)]
        self.fleet.devices(made, *templates)
        self.lasting |= dict.fromkeys(made, lasting)
