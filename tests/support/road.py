"""The whole road as one thing for end-to-end tests: from kubectl to the registry and to Kafka."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, create_engine, text

from device_registry.manifests import FINALIZER
from device_registry.registry.migrate import migrate
from local.platform import Platform
from tests.support.kubectl import Kubectl
from tests.support.programs import Program
from tests.support.topic import Record, Topic
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Road:
    """An operator at work, with a database of its own."""

    platform: Platform
    kubectl: Kubectl
    operator: Program
    engine: Engine

    def migrate(self) -> None:
        """Bring the schema of the registry up to date."""
        migrate(self.engine)

    def conditions(self, kind: str, name: str, namespace: str) -> dict[str, dict[str, Any]]:
        """The conditions of an object by type."""
        status = self.kubectl.get(kind, name, namespace).get("status") or {}
        return {one["type"]: one for one in status.get("conditions") or ()}

    def wait_for(
        self, kind: str, name: str, namespace: str, *wanted: str, within: float = 20
    ) -> dict[str, dict[str, Any]]:
        """Wait until each `Type=Status` or `Type=Status:Reason` holds for the object's generation."""

        def holds() -> dict[str, dict[str, Any]]:
            found = self.kubectl.get(kind, name, namespace)
            conditions = {one["type"]: one for one in found.get("status", {}).get("conditions") or ()}
            current = found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]
            return conditions if current and all(_holds(conditions, one) for one in wanted) else {}

        return eventually(holds, within=within, what=f"{', '.join(wanted)} of {kind} {name}")

    def ready(self, kind: str, name: str, namespace: str, *, within: float = 20) -> dict[str, Any]:
        """Wait until an object is Ready (and a device published); answers it."""
        wanted = ["Ready=True", *(["Published=True"] if kind == "device" else [])]
        self.wait_for(kind, name, namespace, *wanted, within=within)
        return self.kubectl.get(kind, name, namespace)

    def settled(self, namespace: str, *, within: float = 120) -> None:
        """Wait until all in a namespace is Ready and published, and templates have counted their devices.

        One list shows all of them, where `kubectl wait` asks for each alone and knows nothing of the count.
        """
        eventually(lambda: self._unsettled(namespace) == [], within=within, what="everything settled")
        self.wait_until_sent()

    def _unsettled(self, namespace: str) -> list[str]:
        text = self.kubectl.run("get", "devices,templates", "-n", namespace, "-o", "json")
        found = json.loads(text)["items"] or [{"metadata": {"name": "nothing"}, "kind": ""}]
        uses = Counter(use["name"] for one in found for use in one.get("spec", {}).get("templates", ()))
        return [one["metadata"]["name"] for one in found if not _is_settled(one, uses)]

    def leave_nothing(self, *, within: float) -> None:
        """Delete everything and wait until an operator has let go; others may still hold what is theirs."""
        for kind in ("devices", "templates"):
            self.kubectl.run("delete", kind, "--all", "--all-namespaces", "--wait=false")
        held = ("get", "devices,templates", "-A", "-o", "jsonpath={.items[*].metadata.finalizers}")
        eventually(
            lambda: FINALIZER not in self.kubectl.run(*held), within=within, what="the end of every resource"
        )

    def rows(self, statement: str, **parameters: Any) -> Sequence[Mapping[str, Any]]:
        """What the registry holds."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement), parameters).mappings()]

    def row(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The row that a device claims."""
        found = self.rows(
            "SELECT * FROM device WHERE claim_namespace = :namespace AND claim_name = :name",
            namespace=namespace,
            name=name,
        )
        return found[0] if found else None

    def document(self, namespace: str, name: str) -> dict[str, Any]:
        """The document of a device's row."""
        row = self.row(namespace, name)
        assert row is not None, f"no row for {namespace}/{name}"
        document: dict[str, Any] = json.loads(row["document"])
        return document

    def events(self, tenant: str) -> list[Record]:
        """Everything that Kafka holds for a tenant, once the outbox is empty."""
        self.wait_until_sent()
        return Topic(self.platform.kafka_bootstrap, tenant).records()

    def events_of(self, tenant: str, device_id: str) -> list[Record]:
        """What Kafka holds about one device, once the outbox is empty."""
        return [record for record in self.events(tenant) if record.id == device_id]

    def wait_until_sent(self, *, within: float = 20) -> None:
        """Wait until no event waits in the outbox."""
        unsent = "SELECT count(*) AS n FROM outbox WHERE sent IS NULL AND quarantined IS NULL"
        eventually(lambda: self.rows(unsent)[0]["n"] == 0, within=within, what="an empty outbox")


def a_road(platform: Platform, kubectl: Kubectl, database: str, name: str) -> Road:
    """An operator with the database, not started yet."""
    environment = platform.environment(database)
    operator = Program("operator", environment, platform.folder.log(name))
    engine = create_engine(platform.database_url(database))
    return Road(platform, kubectl, operator, engine)


def _is_settled(one: Mapping[str, Any], uses: Mapping[str, int]) -> bool:
    status = one.get("status", {})
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    if one["kind"] == "Template":
        counted = status.get("devices", {})
        count = uses[one["metadata"]["name"]]
        told = counted.get("total", 0) == counted.get("current", 0) == count
    else:
        told = _holds(conditions, "Published=True")
    current = status.get("observedGeneration") == one["metadata"].get("generation", 0)
    return told and current and _holds(conditions, "Ready=True")


def _holds(conditions: Mapping[str, Mapping[str, Any]], wanted: str) -> bool:
    name, _, rest = wanted.partition("=")
    status, _, reason = rest.partition(":")
    found = conditions.get(name)
    return found is not None and found["status"] == status and reason in ("", found["reason"])
