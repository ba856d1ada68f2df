"""What the original DeviceManager answered and told, replayed: a correct server does the same."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.exchanges import Records, Replay, scenarios
from tests.support.facades import a_facade
from tests.support.road import Road
from tests.support.topic import SUBJECT, Tail


@pytest.fixture(scope="module")
def facade(road: Road) -> Iterator[str]:
    with a_facade(road) as url:
        yield url


@pytest.fixture(scope="module")
def records(road: Road) -> Iterator[Records]:
    tail = Tail(road.platform.kafka_bootstrap)

    def news(tenant: str) -> list[dict[str, Any]]:
        road.wait_until_sent()
        return [{"tenant": tenant, "subject": SUBJECT, "value": one.value} for one in tail.news(tenant)]

    yield news
    tail.close()


@pytest.mark.parametrize("name", [one["name"] for one in scenarios()])
def test_an_exchange_goes_as_with_a_correct_server(facade: str, records: Records, name: str) -> None:
    (scenario,) = scenarios(name)
    with Replay(facade, records=records) as replay:
        problems = [str(result) for result in replay.play(scenario) if result.problem]
    assert problems == []
