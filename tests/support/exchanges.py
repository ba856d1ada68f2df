"""Replays the recorded exchanges of tests/data/examples.json against a facade and compares the answers.

    python -m tests.support.exchanges --base-url http://127.0.0.1:5000 [--only 'device_*'] [--mode either]

Each scenario has tenants of its own, made up for the run. Mode `correct` wants what a correct server answers
on the steps where the original is wrong; `either` takes the original's answer as well.
"""

import argparse
import base64
import fnmatch
import json
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx

from tests.support.matching import Names, Pattern

EXAMPLES = Path(__file__).parents[1] / "data" / "examples.json"

Step = Mapping[str, Any]
Records = Callable[[str], list[dict[str, Any]]]
"""Answers the Kafka records of a tenant since the last call, as `{"tenant", "subject", "value"}`."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one step ended; `problem` is empty when the answer was as expected."""

    scenario: str
    step: Step
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.scenario} / {self.step['name']}: {self.problem or 'ok'}"


def scenarios(only: str = "*") -> list[Mapping[str, Any]]:
    """The recorded scenarios whose names match."""
    recorded = json.loads(EXAMPLES.read_text())["scenarios"]
    return [one for one in recorded if fnmatch.fnmatch(one["name"], only)]


class Replay:
    """Sends the steps of scenarios to a server, and compares."""

    def __init__(
        self,
        base_url: str,
        mode: str = "correct",
        records: Records | None = None,
        judge: Callable[[httpx.Response], str] = lambda _: "",
    ) -> None:
        """`judge` says what else is wrong with an answer, nothing if it is good."""
        self._client = httpx.Client(base_url=base_url, timeout=60)
        self._judge = judge
        self._mode = mode
        self._records = records
        self._run = secrets.token_hex(4)

    def play(self, scenario: Mapping[str, Any]) -> Iterator[Result]:
        """Every step, in order, with its result."""
        names = self._tenants(scenario)
        for step in scenario["steps"]:
            try:
                problem, names = self._step(step, names)
            except KeyError as unbound:
                problem = f"not sent: {unbound} was never captured"
            yield Result(scenario["name"], step, problem)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _tenants(self, scenario: Mapping[str, Any]) -> Names:
        tenants = {
            f"tenant.{one}": f"x{self._run}{scenario['name'].replace('_', '')}{one}"
            for one in scenario["tenants"]
        }
        return Names({**tenants, "run": self._run})

    def _step(self, step: Step, names: Names) -> tuple[str, Names]:
        response = self._send(step, names)
        media_type = response.headers.get("content-type", "").partition(";")[0]
        answer = _Answer(response.status_code, _decoded(response), media_type, self._seen(names))
        if response.is_success:
            for name, path in step.get("captures", {}).items():
                names = names.with_value(name, _dig(answer.body, path))
        if problem := self._judge(response):
            return problem, names
        for expected in self._alternatives(step):
            found = next(answer.agreements(expected, step, names), None)
            if found is not None:
                return "", found
        return f"{answer.status} {_short(answer.body)} {_short(answer.records)}", names

    def _alternatives(self, step: Step) -> list[Mapping[str, Any]]:
        corrected = step.get("expected", [])
        listed = corrected if isinstance(corrected, list) else [corrected]
        return [*listed, step["expect"]] if self._mode == "either" or not listed else listed

    def _send(self, step: Step, names: Names) -> httpx.Response:
        path = "/".join(quote(str(names.fill(one)), safe="") for one in step["path"].split("/"))
        query = urlencode([(key, str(names.fill(value))) for key, value in step.get("query") or []])
        return self._client.request(
            step["method"],
            path + (f"?{query}" if query else ""),
            headers=_headers(step.get("headers", {}), names),
            content=_content(step.get("body"), names),
        )

    def _seen(self, names: Names) -> list[dict[str, Any]] | None:
        if self._records is None:
            return None
        tenants = [value for name, value in names.values.items() if name.startswith("tenant.")]
        return [record for tenant in tenants for record in self._records(tenant)]


# --- requests ---------------------------------------------------------------------------------------


def _headers(described: Mapping[str, Any], names: Names) -> dict[str, str]:
    headers = {name: value for name, value in described.items() if name != "Authorization"}
    token = described.get("Authorization")
    return headers if token is None else {**headers, "Authorization": _authorization(token, names)}


def _authorization(token: Mapping[str, Any], names: Names) -> str:
    if "raw" in token:
        return str(token["raw"])
    if "payload_text" in token:
        text = str(names.fill(token["payload_text"]))
        return f"Bearer x.{base64.b64encode(text.encode()).decode()}.y"
    claims = _claims(token, names)
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{token.get('scheme', 'Bearer')} head.{payload}.signature".strip()


def _claims(token: Mapping[str, Any], names: Names) -> dict[str, Any]:
    claims = {"service": names.values[f"tenant.{token.get('tenant', 'a')}"], "iss": "gateway"}
    claims |= token.get("claims", {})
    return {name: value for name, value in claims.items() if name not in token.get("drop", ())}


def _content(body: Mapping[str, Any] | None, names: Names) -> bytes | None:
    if body is None:
        return None
    if "raw" in body:
        return str(body["raw"]).encode()
    return json.dumps(names.fill(body["json"])).encode()


# --- answers ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back: the body as a value, and the Kafka records, None when nobody looked."""

    status: int
    body: Any
    content_type: str
    records: list[dict[str, Any]] | None

    def agreements(self, expected: Mapping[str, Any], step: Step, names: Names) -> Iterator[Names]:
        """Each way in which this is the expected answer."""
        recorded = step["expect"]
        statuses = expected["status"] if isinstance(expected["status"], list) else [expected["status"]]
        if self.status not in statuses or not all(
            self._holds(check, names) for check in expected.get("checks", [])
        ):
            return
        if not recorded.get("loose") and expected.get("content_type", self.content_type) != self.content_type:
            return
        # Messages that a database wrote, and error pages, may be put in any words.
        free = recorded.get("loose") or recorded.get("loose_text")
        pattern = Pattern(frozenset(expected.get("ordered", recorded.get("ordered", []))))
        kafka = "$any" if self.records is None else expected.get("kafka", "$any")
        for bound in pattern.match("$any" if free else expected.get("body", "$any"), self.body, names):
            yield from Pattern().match(kafka, self.records, bound)

    def _holds(self, check: Mapping[str, Any], names: Names) -> bool:
        if "kafka_events" in check:
            wanted = [(event, one) for event, ids in check["kafka_events"].items() for one in names.fill(ids)]
            return self.records is None or sorted(wanted) == sorted(map(_event, self.records))
        if check.get("no_psk_in_kafka"):
            return not any(_key(record) for record in self.records or ())
        found = _dig(self.body, check["path"])
        if "absent" in check:
            return all(key not in found for key in check["absent"])
        return next(Pattern().match(check["equals"], found, names), None) is not None


def _event(record: Mapping[str, Any]) -> tuple[str, str]:
    return record["value"]["event"], record["value"]["data"].get("id", "")


def _key(record: Mapping[str, Any]) -> bool:
    """Whether a key stands in a notification."""
    attributes = (one for group in record["value"]["data"].get("attrs", {}).values() for one in group)
    return any(one.get("value_type") == "psk" and one.get("static_value") for one in attributes)


def _decoded(response: httpx.Response) -> Any:
    if not response.content:
        return {"$empty": True}
    is_json = response.headers.get("content-type", "").startswith("application/json")
    return response.json() if is_json else {"$text": response.text}


def _dig(value: Any, path: str) -> Any:
    """What is at a path such as `devices[0].id`, `attrs[label=temp].id` or `removed_devices[*].id`."""
    for position in re.finditer(r"\[([^]]*)\]|([^.\[\]]+)", path):
        index, key = position.groups()
        if index == "*":
            rest = path[position.end() :].lstrip(".")
            return [_dig(one, rest) for one in value]
        value = _at(value, index) if key is None else _field(value, key)
    return value


def _at(value: Sequence[Any], index: str) -> Any:
    name, is_selector, wanted = index.partition("=")
    return next(one for one in value if str(one[name]) == wanted) if is_selector else value[int(index)]


def _field(value: Mapping[str, Any], key: str) -> Any:
    return [one for group in value.values() for one in group] if key == "*" else value[key]


def _short(value: Any, most: int = 600) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= most else f"{text[:most]}…"


def main() -> int:
    """Replay from the command line; answers how many steps failed, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", default="http://127.0.0.1:5000")
    parser.add_argument("--only", default="*")
    parser.add_argument("--mode", choices=["correct", "either"], default="correct")
    arguments = parser.parse_args()
    with Replay(arguments.base_url, arguments.mode) as replay:
        results = [result for one in scenarios(arguments.only) for result in replay.play(one)]
    failed = [result for result in results if result.problem]
    sys.stdout.writelines(f"{result}\n" for result in failed)
    sys.stdout.write(f"{len(results) - len(failed)} of {len(results)} as expected\n")
    return min(1, len(failed))


if __name__ == "__main__":
    sys.exit(main())
