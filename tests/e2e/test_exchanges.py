"""What the original DeviceManager answered and told, replayed: a correct server does the same."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.exchanges import Records, Replay, scenarios
from tests.support.openapi import Conformity
from tests.support.road import Road
from tests.support.topic import SUBJECT, Tail


@pytest.fixture(scope="module")
def records(road: Road) -> Iterator[Records]:
    tail = Tail(road.platform.kafka_bootstrap)

    def news(tenant: str) -> list[dict[str, Any]]:
        road.wait_until_sent()
        return [{"tenant": tenant, "subject": SUBJECT, "value": one.value} for one in tail.news(tenant)]

    yield news
    tail.close()


@pytest.fixture(scope="module")
def conformity(facade: str) -> Conformity:
    return Conformity(httpx.get(f"{facade}/openapi.json").json())


@pytest.mark.parametrize("name", [one["name"] for one in scenarios()])
def test_an_exchange_goes_as_with_a_correct_server_and_as_it_is_documented(
    facade: str, records: Records, conformity: Conformity, name: str
) -> None:
    (scenario,) = scenarios(name)
    with Replay(facade, records=records, judge=conformity.problem) as replay:
        problems = [str(result) for result in replay.play(scenario) if result.problem]
    assert problems == []


OTHERS = {
    ("GET", "/log"),
    ("PUT", "/log"),
    ("POST", "/device/batch"),
    ("POST", "/device/{device_id}/template/{template_id}"),
    ("DELETE", "/device/{device_id}/template/{template_id}"),
    ("PUT", "/device/{device_id}/attrs/{label}/psk"),
}
"""Judged in the tests of what the words say."""


def test_every_route_was_answered_as_it_is_documented(conformity: Conformity) -> None:
    asked = {(method, path) for method, path, status in conformity.judged if status < 300}
    assert asked | OTHERS >= conformity.operations
