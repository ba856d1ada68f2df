"""A real Prometheus that scrapes programs of a test, and answers queries."""

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from local import binaries
from local.answers import http_ok
from local.folder import Folder
from local.ports import LOOPBACK
from local.process import Part, Plan

from .programs import free_port
from .waiting import eventually

_CONFIGURATION = {
    "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
}


class Prometheus:
    """Scrapes ports of this machine, by job, once a second."""

    def __init__(self, root: Path, jobs: Mapping[str, int]) -> None:
        folder = Folder(root)
        folder.make()
        self._port = free_port()
        self._jobs = jobs
        file = folder.data("prometheus.json")
        file.write_text(json.dumps(_CONFIGURATION | {"scrape_configs": _scraping(jobs)}))
        plan = Plan(
            name="prometheus",
            address=f"http://{LOOPBACK}:{self._port}",
            command=lambda: [
                str(binaries.prometheus()),
                f"--config.file={file}",
                f"--storage.tsdb.path={folder.data('prometheus')}",
                f"--web.listen-address={LOOPBACK}:{self._port}",
            ],
            ready=partial(http_ok, self._port, "/-/ready"),
        )
        self._part = Part(plan, folder, leashed=True)

    def __enter__(self) -> Self:
        self._part.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._part.stop()

    def wait_for_scrapes(self, count: int) -> None:
        """Wait until every job was scraped that often."""
        enough = f"count(count_over_time(up[5m]) >= {count}) == {len(self._jobs)}"
        eventually(lambda: self.query(enough), within=60, what=f"{count} scrapes of {list(self._jobs)}")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression yields now. Raises HTTPError when Prometheus refuses it."""
        found: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return found

    def series(self) -> set[str]:
        """The names of all series that were scraped."""
        return set(self._get("label/__name__/values"))

    def _get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        url = f"http://{LOOPBACK}:{self._port}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]


def _scraping(jobs: Mapping[str, int]) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "job_name": job,
            "static_configs": [{"targets": [f"{LOOPBACK}:{port}"], "labels": {"namespace": "iot"}}],
        }
        for job, port in jobs.items()
    ]
