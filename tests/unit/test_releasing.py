"""Letting go of every resource: our finalizer goes, others stay, and what comes back is taken off again."""

from collections.abc import Sequence
from typing import Any

from device_manager.releasing import release
from device_registry.domain.errors import Conflict, NotFound
from device_registry.domain.model import Key, Kind
from device_registry.manifests import FINALIZER

FREEZER = Key(Kind.DEVICE, "acme", "freezer")
THERMOMETER = Key(Kind.TEMPLATE, "globex", "thermometer")


class Objects:
    """Finalizers by object; `haunted` is put back once by an operator that is ending."""

    def __init__(self, **finalizers: list[str]) -> None:
        self.held: dict[Key, list[str]] = {
            Key(Kind.DEVICE, "acme", name): list(held) for name, held in finalizers.items()
        }
        self.haunted: set[Key] = set()
        self.stale: set[Key] = set()
        self.without_kinds = False

    async def list(self, kind: Kind, namespace: str | None = None) -> list[dict[str, Any]]:
        if self.without_kinds:
            raise NotFound
        return [
            {
                "metadata": {
                    "namespace": key.namespace,
                    "name": key.name,
                    "finalizers": held,
                    "resourceVersion": "1",
                }
            }
            for key, held in self.held.items()
            if key.kind is kind and namespace in {None, key.namespace}
        ]

    async def set_finalizers(
        self, key: Key, finalizers: Sequence[str], resource_version: str
    ) -> dict[str, Any]:
        if key in self.stale:
            self.stale.discard(key)
            raise Conflict
        self.held[key] = [FINALIZER] if key in self.haunted else [*finalizers]
        self.haunted.discard(key)
        return {}


async def let_go(objects: Objects, *namespaces: str) -> int:
    return await release(objects, namespaces, 0, lambda _: None)


async def test_our_finalizer_goes_and_foreign_ones_stay() -> None:
    objects = Objects(ours=[FINALIZER], both=["example.com/guard", FINALIZER], theirs=["example.com/guard"])
    assert await let_go(objects) == 2
    assert sorted(objects.held.values()) == [[], ["example.com/guard"], ["example.com/guard"]]


async def test_what_an_ending_operator_puts_back_is_taken_off_again() -> None:
    objects = Objects(freezer=[FINALIZER])
    objects.haunted = {FREEZER}
    await let_go(objects)
    assert objects.held[FREEZER] == []


async def test_what_changes_meanwhile_is_looked_at_again() -> None:
    objects = Objects(freezer=[FINALIZER])
    objects.stale = {FREEZER}
    assert await let_go(objects) == 1


async def test_only_the_namespaces_that_are_served_are_touched() -> None:
    objects = Objects(freezer=[FINALIZER])
    objects.held[THERMOMETER] = [FINALIZER]
    assert await let_go(objects, "acme") == 1
    assert objects.held[THERMOMETER] == [FINALIZER]


async def test_without_the_crds_there_is_nothing_to_do() -> None:
    objects = Objects()
    objects.without_kinds = True
    assert await let_go(objects) == 0
