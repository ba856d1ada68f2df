"""REST and kubectl write the same devices at the same time: registry, resources and events agree.

`SIDE_BY_SIDE_SECONDS=300 pytest tests/e2e/test_facade_side_by_side.py -s` is the long form and tells figures.
"""

import itertools
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from tests.support.facades import a_client, answer
from tests.support.kubectl import KubectlError
from tests.support.road import Road
from tests.support.waiting import eventually

SECONDS: Final = float(os.environ.get("SIDE_BY_SIDE_SECONDS", "12"))
DEVICES: Final = [f"{number:02x}" for number in range(12)]
SHARED, OWN_REST = DEVICES[:8], DEVICES[8:]
"""Devices that everybody writes, and devices that only one REST client each writes."""


@dataclass
class Tally:
    """What was done, by what came of it."""

    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1


@pytest.fixture
def tenant(road: Road) -> str:
    name = f"tenant-{uuid4().hex[:8]}"
    return road.kubectl.create_namespace(name, **{"dojot.io/tenant": name})


class Writer:
    """Writes at random until the time is over. Every text that is written occurs once."""

    texts = itertools.count(1)

    def __init__(self, road: Road, rest: httpx.Client, tenant: str, tally: Tally, seed: int) -> None:
        self.road, self.rest, self.tenant, self.tally = road, rest, tenant, tally
        self.chance = random.Random(seed)

    def run(self, step: Callable[[], None], until: float) -> None:
        while time.monotonic() < until:
            step()

    def text(self, who: str) -> str:
        return f"{who} {next(self.texts)}"

    # --- REST on devices that others write too ---

    def rest_step(self) -> None:
        device = self.chance.choice(SHARED)
        match self.chance.choice(["put", "put", "put", "delete", "post", "get"]):
            case "put":
                body = {"label": self.text("rest"), "templates": []}
                self._expect("PUT", f"/device/{device}", {200, 404}, body)
            case "delete":
                self._expect("DELETE", f"/device/{device}", {200, 404})
            case "post":
                body = {"id": device, "label": self.text("rest")}
                self._expect("POST", "/device", {200, 400}, body)
            case _:
                self._expect("GET", f"/device/{device}", {200, 404})

    def _expect(self, method: str, path: str, statuses: set[int], body: Any = None) -> None:
        response = self.rest.request(method, path, json=body)
        assert response.status_code in statuses, f"{method} {path}: {response.status_code} {response.text}"
        self.tally.note(f"REST {method} {response.status_code}")

    # --- REST on devices of its own: what a 200 says is what GET shows ---

    def own_step(self, device: str) -> None:
        label = self.text("own")
        if self.rest.get(f"/device/{device}").status_code == 404:
            answer(self.rest.post("/device", json={"id": device, "label": label}))
        elif self.chance.random() < 0.2:
            answer(self.rest.delete(f"/device/{device}"))
            answer(self.rest.get(f"/device/{device}"), 404)
            self.tally.note("own: deleted and gone")
            return
        else:
            answer(self.rest.put(f"/device/{device}", json={"label": label, "templates": []}))
        assert answer(self.rest.get(f"/device/{device}"))["label"] == label
        self.tally.note("own: written and read")

    # --- kubectl ---

    def kubectl_step(self) -> None:
        name = f"device-{self.chance.choice(SHARED)}"
        arguments: tuple[str, ...]
        match self.chance.choice(["label", "policy", "delete"]):
            case "label":
                change = {"spec": {"label": self.text("kubectl")}}
                arguments = ("patch", "device", name, "--type=merge", "-p", json.dumps(change))
            case "policy":
                policy: dict[str, Any] = {"spec": {"deletionPolicy": self.chance.choice(["Delete", None])}}
                arguments = ("patch", "device", name, "--type=merge", "-p", json.dumps(policy))
            case _:
                arguments = ("delete", "device", name, "--wait=false")
        try:
            self.road.kubectl.run(*arguments, "-n", self.tenant)
            self.tally.note(f"kubectl {arguments[0]} done")
        except KubectlError as error:
            if "not found" not in str(error):
                raise
            self.tally.note(f"kubectl {arguments[0]} not found")


def test_registry_resources_and_events_agree_in_the_end(road: Road, facade: str, tenant: str) -> None:
    tally, until, seed = Tally(), time.monotonic() + SECONDS, random.randrange(2**32)
    say(f"seed {seed}")
    clients = [a_client(facade, tenant) for _ in range(8)]
    writers = [Writer(road, client, tenant, tally, seed + n) for n, client in enumerate(clients)]
    steps: list[Callable[[], None]] = [
        *(writer.rest_step for writer in writers[:4]),
        *(
            (lambda w=writer, d=device: w.own_step(d))
            for writer, device in zip(writers[4:], OWN_REST, strict=True)
        ),
        *(writer.kubectl_step for writer in writers[:2]),
    ]
    with ThreadPoolExecutor(len(steps)) as pool:
        running = [pool.submit(writers[0].run, step, until) for step in steps]
    for one in running:
        one.result()
    say(f"{SECONDS:g} s: {dict(sorted(tally.counts.items()))}")
    agree(road, clients[0], tenant)
    for client in clients:
        client.close()


def say(line: str) -> None:
    """To whoever looks (-s), and to the report of a failure."""
    sys.stdout.write(f"{line}\n")


def agree(road: Road, rest: httpx.Client, tenant: str) -> None:
    """Resources, rows, REST and the last events say the same; no event is missing."""
    eventually(lambda: settled(road, tenant), within=60, what="every device Ready")
    events = road.events(tenant)
    resources = {one["spec"]["deviceId"]: one for one in road.kubectl.list("devices", tenant)}
    listed = {one["id"]: one for one in answer(rest.get("/device?page_size=1000"))["devices"]}
    rows = road.rows("SELECT id, document FROM device WHERE tenant = :tenant", tenant=tenant)
    documents = {row["id"]: json.loads(row["document"]) for row in rows}
    assert documents == listed
    assert {name: one["spec"]["label"] for name, one in resources.items()} == {
        name: one["label"] for name, one in listed.items()
    }
    for device in DEVICES:
        stream = [one for one in events if one.id == device]
        assert [one.sequence for one in stream] == list(range(1, len(stream) + 1))
        kinds = [one.event for one in stream]
        assert all(_follows(before, after) for before, after in itertools.pairwise(["remove", *kinds]))
        if device in listed:
            assert stream[-1].value["data"] == listed[device]
        else:
            assert kinds[-1:] in ([], ["remove"])
    say(f"{len(listed)} devices, {len(events)} events agree")


def settled(road: Road, tenant: str) -> bool:
    """Whether the operator has nothing left to do."""
    objects = road.kubectl.list("devices", tenant)
    return all(
        "deletionTimestamp" not in one["metadata"]
        and one.get("status", {}).get("observedGeneration") == one["metadata"]["generation"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in one["status"]["conditions"])
        for one in objects
    )


def _follows(before: str, after: str) -> bool:
    """create comes first and after a remove, everything else while the device is there."""
    return (before == "remove") == (after == "create")
