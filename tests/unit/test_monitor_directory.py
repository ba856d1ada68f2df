"""Which topics are read: those of the registry's tenants, also while the registry is away."""

from collections.abc import Collection

from structlog.testing import capture_logs

from device_monitor.dependencies import Dependencies
from device_monitor.directory import Directory, Topic
from device_registry.domain.errors import BrokerUnavailable, RegistryUnavailable
from device_registry.domain.model import Tenant
from device_registry.topics import NamedTopics

EXISTING = {"acme.device-data": 3, "globex.device-data": 1, "acme.other": 2, "nobody.device-data": 1}


class Tenants:
    """A registry that can be away."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.away = False

    def tenants(self) -> Collection[Tenant]:
        if self.away:
            raise RegistryUnavailable
        return [Tenant(name) for name in self.names]


class DataBroker:
    """Names topics as it likes, for tenants that it knows, and can be away."""

    def __init__(self) -> None:
        self.word = "topic"
        self.away = False

    def topic(self, tenant: Tenant) -> str:
        if self.away or tenant == "globex":
            raise BrokerUnavailable
        return f"{self.word}-{tenant}"


def test_tenants_topics_are_read_if_they_exist() -> None:
    directory = Directory(Tenants("acme", "initech"), NamedTopics("device-data"), Dependencies())
    assert directory.topics(EXISTING) == {"acme.device-data": Topic(Tenant("acme"), 3)}


def test_tenants_come_and_go() -> None:
    tenants = Tenants("acme")
    directory = Directory(tenants, NamedTopics("device-data"), Dependencies())
    directory.topics(EXISTING)
    tenants.names = ["globex"]
    assert set(directory.topics(EXISTING)) == {"globex.device-data"}


def test_while_the_registry_is_away_the_known_tenants_are_read() -> None:
    tenants = Tenants("acme")
    directory = Directory(tenants, NamedTopics("device-data"), Dependencies())
    known = directory.topics(EXISTING)
    tenants.away = True
    with capture_logs() as logs:
        assert directory.topics(EXISTING) == directory.topics(EXISTING) == known
    assert [one["event"] for one in logs] == ["the monitor waits"]


def test_a_tenant_whose_topic_nobody_names_does_not_hold_up_the_others() -> None:
    directory = Directory(Tenants("globex", "acme"), DataBroker(), Dependencies())
    with capture_logs() as logs:
        assert set(directory.topics({"topic-acme": 1})) == {"topic-acme"}
    assert [one["tenant"] for one in logs] == ["globex"]


def test_a_topic_that_gets_another_name_is_followed_and_a_source_that_is_away_takes_none_away() -> None:
    broker, existing = DataBroker(), {"topic-acme": 1, "other-acme": 2}
    directory = Directory(Tenants("acme"), broker, Dependencies())
    assert set(directory.topics(existing)) == {"topic-acme"}
    broker.word = "other"
    assert directory.topics(existing) == {"other-acme": Topic(Tenant("acme"), 2)}
    broker.away = True
    assert set(directory.topics(existing)) == {"other-acme"}


def test_what_there_is_to_read_is_known_once_registry_and_data_broker_have_told() -> None:
    tenants, broker = Tenants("acme"), DataBroker()
    tenants.away = broker.away = True
    unheard = Directory(tenants, broker, Dependencies())
    unheard.topics({})
    tenants.away = False
    unnamed = Directory(tenants, broker, Dependencies())
    unnamed.topics({})
    broker.away = False
    named = Directory(tenants, broker, Dependencies())
    named.topics({})
    tenants.away = True
    named.topics({})
    nobody = Directory(Tenants(), broker, Dependencies())
    nobody.topics({})
    assert [one.known for one in (unheard, unnamed, named, nobody)] == [False, False, True, True]


def test_a_former_topic_is_read_until_somebody_has_made_the_new_one() -> None:
    source = DataBroker()
    directory = Directory(Tenants("acme"), source, Dependencies())
    assert set(directory.topics({"topic-acme": 1})) == {"topic-acme"}
    source.word = "new"
    assert set(directory.topics({"topic-acme": 1})) == {"topic-acme"}
    assert directory.name(Tenant("acme")) == "topic-acme"
    assert set(directory.topics({"topic-acme": 1, "new-acme": 1})) == {"new-acme"}
    assert directory.name(Tenant("acme")) == "new-acme"
