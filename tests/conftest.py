"""The real platform, started once for a run of the tests and stopped with it."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from local.platform import Platform
from local.secure import SecureServers
from tests.support.dockerfile import Checkout, Image, kept_image
from tests.support.loops import TidyLoop
from tests.support.postgres import Databases

PROJECT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person repeat what chance has chosen."""
    parser.addoption("--seed", default="", help="seed of the random tests, as a failure prints it")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let every asynchronous test run in a loop that leaves no connection behind."""
    return {"tidy": TidyLoop}


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """etcd, kube-apiserver, kube-controller-manager, Kafka, Postgres and Redis, empty."""
    with Platform(PROJECT / ".local" / "test", detour=True) as running:
        yield running


@pytest.fixture(scope="session")
def secure() -> Iterator[SecureServers]:
    """Kafka, Postgres and Redis that demand TLS and passwords."""
    with SecureServers(PROJECT / ".local" / "secure") as running:
        yield running


@pytest.fixture(scope="session")
def cluster(platform: Platform) -> Platform:
    """The part of the platform that kubectl talks to."""
    return platform


@pytest.fixture(scope="session")
def databases(platform: Platform) -> Databases:
    """Makes databases for tests, empty or with the registry's schema."""
    return Databases(platform.database_url("databases"))


@pytest.fixture(scope="session")
def image() -> Image:
    """What the Dockerfile makes, for every user to read and for nobody to write.

    With IMAGE=checkout the working tree stands for it, which saves building it.
    """
    return Checkout(PROJECT) if os.environ.get("IMAGE") == "checkout" else kept_image(PROJECT)
