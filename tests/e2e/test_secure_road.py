"""Operator and facade against servers that demand TLS and passwords: the whole road, and no way in."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import create_engine

from device_registry.registry.migrate import migrate
from local import postgres
from local.platform import Platform
from local.ports import LOOPBACK
from local.secure import PASSWORD, USER, SecureServers
from tests.support.kubectl import Kubectl
from tests.support.manifests import a_device, a_template
from tests.support.programs import Program, free_port
from tests.support.road import Road
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def database(secure: SecureServers) -> str:
    """A registry on the Postgres that demands TLS."""
    name = f"secure_{uuid4().hex[:6]}"
    engine = create_engine(secure.database_url(name))
    migrate(engine)
    engine.dispose()
    return name


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the programs may read whoever they run as; pytest's own is its user's alone."""
    with TemporaryDirectory(prefix="device-manager-secure-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def environment(platform: Platform, secure: SecureServers, database: str, folder: Path) -> dict[str, str]:
    """The variables of a program that is let in; the files that they name are the test's own."""
    authority = folder / "ca.crt"
    authority.write_bytes(secure.authority.certificate.read_bytes())
    secret = folder / "kafka-password"
    secret.write_text(f"{PASSWORD}\n")
    return {
        **platform.environment(database),
        "DBHOST": f"{LOOPBACK}:{secure.ports['postgres']}",
        "DBUSER": postgres.USER,
        "DBPASS": postgres.PASSWORD,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(authority),
        "KAFKA_HOST": LOOPBACK,
        "KAFKA_PORT": str(secure.ports["sasl"]),
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_USERNAME": USER,
        "KAFKA_SASL_PASSWORD_FILE": str(secret),
        "KAFKA_SSL_CA_LOCATION": str(authority),
    }


@pytest.fixture
def operator(environment: dict[str, str], folder: Path) -> Iterator[Program]:
    """An operator, not started yet."""
    program = Program("operator", environment, folder / "operator.log")
    yield program
    assert program.stop() == 0


@pytest.fixture
def road(
    platform: Platform, secure: SecureServers, kubectl: Kubectl, operator: Program, database: str
) -> Road:
    """The road of that operator; no other one may work on the cluster meanwhile."""
    return Road(platform, kubectl, operator, create_engine(secure.database_url(database)))


def declare(road: Road, namespace: str) -> None:
    road.kubectl.apply(a_template(namespace=namespace))
    road.kubectl.apply(a_device(namespace=namespace))


def told(program: Program, event: str) -> list[str]:
    """The errors in its log lines of that text."""
    lines = program.lines() if program.log.exists() else []
    return [line["error"] for line in lines if line["event"] == event]


def test_a_device_goes_the_whole_road(
    road: Road, environment: dict[str, str], namespace: str, folder: Path
) -> None:
    road.operator.start()
    declare(road, namespace)
    device = road.ready("device", "freezer-7", namespace)
    port = free_port()
    variables = {**environment, "API_HOST": LOOPBACK, "API_PORT": str(port)}
    facade = Program("api", variables, folder / "facade.log").start()
    token = base64.b64encode(json.dumps({"service": namespace}).encode()).decode()
    answer = httpx.get(
        f"http://{LOOPBACK}:{port}/device/{device['status']['deviceId']}",
        headers={"Authorization": f"Bearer head.{token}.signature"},
    )
    assert facade.stop() == 0
    assert answer.json()["id"] == device["status"]["deviceId"]


def test_an_operator_that_kafka_does_not_let_in_registers_and_waits(
    road: Road, environment: dict[str, str], namespace: str
) -> None:
    secret = Path(environment["KAFKA_SASL_PASSWORD_FILE"])
    secret.write_text("wrong")
    road.operator.start()
    declare(road, namespace)
    road.wait_for("device", "freezer-7", namespace, "Ready=True", "Published=False")
    assert "lets us in" in eventually(lambda: told(road.operator, "the relay waits"))[0]

    secret.write_text(PASSWORD)
    road.operator.restart()
    road.ready("device", "freezer-7", namespace)


@pytest.mark.parametrize(
    ("name", "line"), [("operator", "cannot begin yet, will try again"), ("api", "not serving yet")]
)
def test_a_program_that_distrusts_postgres_waits_for_a_better_file_of_authorities(
    secure: SecureServers, environment: dict[str, str], name: str, line: str, folder: Path
) -> None:
    authority = Path(environment["PGSSLROOTCERT"])
    authority.write_bytes(secure.stranger.certificate.read_bytes())
    program = Program(name, {**environment, "API_PORT": str(free_port())}, folder / f"{name}.log")
    program.launch()
    assert "certificate verify failed" in eventually(lambda: told(program, line))[0]
    assert program.alive
    assert not program.ready

    authority.write_bytes(secure.authority.certificate.read_bytes())
    program.wait_until_ready()
    assert len(told(program, line)) == 1
    assert program.stop() == 0
