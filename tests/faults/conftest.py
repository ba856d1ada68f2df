"""What fault tests start from: a platform whose programs go through proxies, and kubectl that does not."""

from collections.abc import Iterator

import pytest

from local.platform import Platform
from tests.e2e.conftest import kubectl, namespace
from tests.support.detours import Detours

__all__ = ["kubectl", "namespace"]


@pytest.fixture(scope="module")
def detours(platform: Platform) -> Iterator[Detours]:
    """Proxies before every dependency of the platform."""
    with Detours(platform) as detours:
        yield detours


@pytest.fixture(autouse=True)
def _fine_weather(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave no fault to the next test."""
    yield
    if "detours" in request.fixturenames:
        request.getfixturevalue("detours").heal()
