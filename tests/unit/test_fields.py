"""The table of fields and the definitions in crds/ say the same, and what is missing is found."""

import pytest

from device_operator import metrics
from device_operator.preflight import check_definitions
from device_registry.domain.errors import Forbidden
from device_registry.domain.model import Kind
from device_registry.manifests import PLURALS, missing_fields
from device_registry.manifests.fields import FIELDS, paths
from tests.support.cluster import MemoryCluster
from tests.support.crds import load, schema


@pytest.mark.parametrize("kind", Kind)
def test_the_table_names_exactly_the_fields_of_the_definition(kind: Kind) -> None:
    assert sorted(FIELDS[kind]) == sorted(paths(schema(PLURALS[kind])))


@pytest.mark.parametrize("kind", Kind)
def test_the_definitions_of_this_version_lack_nothing(kind: Kind) -> None:
    assert missing_fields(kind, load(PLURALS[kind])) == []


def test_an_older_definition_lacks_what_it_does_not_know() -> None:
    older = load("devices")
    del older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][
        "adoptionPolicy"
    ]
    assert missing_fields(Kind.DEVICE, older) == ["spec.adoptionPolicy"]


def test_a_definition_of_another_version_lacks_everything() -> None:
    other = load("devices")
    other["spec"]["versions"][0]["name"] = "v1"
    assert missing_fields(Kind.DEVICE, other) == list(FIELDS[Kind.DEVICE])


async def test_a_definition_that_may_not_be_read_stops_nothing() -> None:
    cluster = MemoryCluster()
    cluster.failures["definition"] = [Forbidden()]
    await check_definitions(cluster)
    await check_definitions(cluster)
    assert metrics.CRD_FIELDS_MISSING._value.get() == 0
