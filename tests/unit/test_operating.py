"""What the operator does about resources, from the event to the status, with everything but kopf."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest

from device_operator.subjects import Subjects
from device_registry.domain.errors import ClusterUnavailable, Conflict
from device_registry.domain.model import Key, Kind
from device_registry.manifests import FINALIZER
from tests.support.manifests import a_device, a_template
from tests.support.operating import Operating, operating

DEVICE = Key(Kind.DEVICE, "acme", "freezer-7")
TEMPLATE = Key(Kind.TEMPLATE, "acme", "thermometer")
GUARDED = {"finalizers": [FINALIZER]}


@pytest.fixture
async def it() -> AsyncIterator[Operating]:
    async with operating() as running:
        yield running


async def a_fleet(it: Operating) -> None:
    """A template and a device that are registered and published."""
    it.cluster.put(a_template(namespace="acme"))
    it.cluster.put(a_device(namespace="acme"))
    await it.shows(DEVICE, "Published", "True")
    await it.settled()


@contextmanager
def held_back(it: Operating) -> Iterator[list[Any]]:
    """Keep events from the operator meanwhile; answers them."""
    held: list[Any] = []
    listeners, it.cluster.listeners[:] = it.cluster.listeners[:], [held.append]
    yield held
    it.cluster.listeners[:] = listeners


# --- life of a device -----------------------------------------------------------------------------------


async def test_a_device_is_guarded_registered_published_and_told_so_in_one_status_write(
    it: Operating,
) -> None:
    await a_fleet(it)
    device = it.cluster.objects[DEVICE]
    assert device["metadata"]["finalizers"] == [FINALIZER]
    assert device["status"]["observedGeneration"] == 1
    assert it.events() == [("create", device["status"]["deviceId"], 1)]
    assert it.cluster.calls["patch_status"] == 2, "one for the template, one for the device"


async def test_a_finalizer_that_is_there_already_saves_a_write(it: Operating) -> None:
    it.cluster.put(a_template(namespace="acme"), **GUARDED)
    it.cluster.put(a_device(namespace="acme"), **GUARDED)
    await it.shows(DEVICE, "Ready", "True")
    assert it.cluster.calls["set_finalizers"] == 0


async def test_a_device_before_its_template_waits_and_is_registered_when_it_comes(it: Operating) -> None:
    it.cluster.put(a_device(namespace="acme"))
    await it.shows(DEVICE, "Ready", "False", "TemplateNotFound")
    it.cluster.put(a_template(namespace="acme"))
    await it.shows(DEVICE, "Ready", "True")


async def test_an_edit_is_registered_and_published(it: Operating) -> None:
    await a_fleet(it)
    it.cluster.put(a_device(namespace="acme", label="Freezer seven"))
    await it.until(lambda: it.cluster.objects[DEVICE]["status"]["observedGeneration"] == 2)
    assert [event[0] for event in it.events()] == ["create", "update"]


async def test_the_end_of_an_object_that_is_told_late_does_not_hide_its_successor(it: Operating) -> None:
    await a_fleet(it)
    version = it.cluster.objects[DEVICE]["metadata"]["resourceVersion"]
    with held_back(it) as held:
        await it.cluster.set_finalizers(DEVICE, [], version)
        it.cluster.remove(DEVICE)
        it.cluster.put(a_device(namespace="acme"))
    *ending, beginning = held
    assert [one["type"] for one in held] == ["MODIFIED", "DELETED", "ADDED"]
    for event in (beginning, *ending):
        it.program.intake.resource_seen(event)
    await it.shows(DEVICE, "Ready", "True")


async def test_a_late_event_of_a_device_that_was_let_go_does_not_bring_it_back(it: Operating) -> None:
    await a_fleet(it)
    with held_back(it) as held:
        it.cluster.put(a_device(namespace="acme", label="Edited"))
        it.cluster.remove(DEVICE)
        it.program.queue.add(DEVICE)
        await it.until(lambda: DEVICE not in it.cluster.objects)
        await it.settled()
    assert "deletionTimestamp" not in held[0]["object"]["metadata"]
    it.program.intake.resource_seen(held[0])
    await it.until(lambda: it.cluster.calls["get"] == 2, "a second look")
    await it.settled()
    assert [event[0] for event in it.events()] == ["create", "remove"]


async def test_a_late_event_of_a_template_that_was_let_go_does_not_bring_it_back(it: Operating) -> None:
    it.cluster.put(a_template(namespace="acme"))
    await it.shows(TEMPLATE, "Ready", "True")
    await it.settled()
    late = deepcopy(it.cluster.objects[TEMPLATE])
    del late["status"]
    it.cluster.remove(TEMPLATE)
    await it.until(lambda: TEMPLATE not in it.cluster.objects)
    await it.settled()
    it.program.intake.resource_seen({"type": "MODIFIED", "object": late})
    await it.until(lambda: it.cluster.calls["get"] == 1, "a second look")
    await it.settled()
    assert it.database.holdings(Kind.TEMPLATE, ("", ""), 1) == []


async def test_a_settled_fleet_stays_silent_when_it_is_listed_again(it: Operating) -> None:
    await a_fleet(it)
    before = it.cluster.calls.copy()
    for obj in it.cluster.objects.values():
        it.program.intake.resource_seen({"type": None, "object": obj})
    assert it.program.queue.depth == 0
    assert it.cluster.calls == before


async def test_the_late_echo_of_a_refusal_is_not_looked_at(it: Operating) -> None:
    it.cluster.put(a_device(namespace="acme"))
    await it.shows(DEVICE, "Ready", "False", "TemplateNotFound")
    await it.settled()
    it.program.intake.resource_seen({"type": "MODIFIED", "object": it.cluster.objects[DEVICE]})
    assert it.program.queue.depth == 0


async def test_a_deleted_device_leaves_the_registry_first_and_the_cluster_then(it: Operating) -> None:
    await a_fleet(it)
    it.cluster.remove(DEVICE)
    await it.until(lambda: DEVICE not in it.cluster.objects)
    await it.until(lambda: it.events()[-1][0] == "remove")


async def test_finalizers_of_others_are_kept_on_the_way_in_and_out(it: Operating) -> None:
    it.cluster.put(a_template(namespace="acme"))
    it.cluster.put(a_device(namespace="acme"), finalizers=["another.io/one"])
    await it.shows(DEVICE, "Ready", "True")
    assert it.cluster.objects[DEVICE]["metadata"]["finalizers"] == ["another.io/one", FINALIZER]
    it.cluster.remove(DEVICE)
    await it.until(lambda: it.cluster.objects[DEVICE]["metadata"]["finalizers"] == ["another.io/one"])


async def test_a_retained_device_leaves_its_row_and_no_event(it: Operating) -> None:
    it.cluster.put(a_template(namespace="acme"))
    it.cluster.put(a_device(namespace="acme", deletionPolicy="Retain"))
    await it.shows(DEVICE, "Published", "True")
    it.cluster.remove(DEVICE)
    await it.until(lambda: DEVICE not in it.cluster.objects)
    await it.settled()
    assert [event[0] for event in it.events()] == ["create"]


async def test_the_namespace_says_what_becomes_of_rows_when_a_device_does_not(it: Operating) -> None:
    it.cluster.namespaces["acme"] = {"dojot.io/deletion-policy": "Retain"}
    await a_fleet(it)
    it.cluster.remove(DEVICE)
    await it.until(lambda: DEVICE not in it.cluster.objects)
    await it.settled()
    assert [event[0] for event in it.events()] == ["create"]


# --- templates ------------------------------------------------------------------------------------------


async def test_a_template_edit_reaches_its_devices_and_its_status_says_so(it: Operating) -> None:
    await a_fleet(it)
    humidity = {"label": "humidity", "type": "dynamic", "valueType": "float"}
    it.cluster.put(a_template(namespace="acme", attributes=[humidity]))
    await it.until(lambda: it.cluster.objects[TEMPLATE]["status"].get("revision") == 2)
    await it.until(lambda: it.events()[-1][0] == "template.update")
    assert it.cluster.objects[TEMPLATE]["status"]["devices"] == {"total": 1, "current": 1}
    assert it.cluster.condition(TEMPLATE, "Propagated") == ("True", "Propagated")


async def test_a_template_in_use_waits_with_its_deletion_until_its_devices_are_gone(it: Operating) -> None:
    await a_fleet(it)
    it.cluster.remove(TEMPLATE)
    await it.shows(TEMPLATE, "DeletionBlocked", "True", "InUse")
    it.cluster.remove(DEVICE)
    await it.until(lambda: TEMPLATE not in it.cluster.objects)


async def test_the_count_of_devices_in_a_template_follows_them(it: Operating) -> None:
    await a_fleet(it)
    it.program._context.refresh.flush()
    await it.until(lambda: it.cluster.objects[TEMPLATE]["status"]["devices"]["total"] == 1)


# --- tenants, pauses, malformed objects -----------------------------------------------------------------


async def test_a_device_of_an_unbound_namespace_is_refused_until_the_namespace_is_bound() -> None:
    async with operating(REQUIRE_TENANT_BINDING=True) as it:
        it.cluster.put(a_template(namespace="acme"))
        it.cluster.put(a_device(namespace="acme"))
        await it.shows(DEVICE, "Ready", "False", "TenantConflict")
        bound = {"metadata": {"name": "acme", "annotations": {"dojot.io/tenant": "cold"}}}
        it.program.intake.namespace_seen({"type": "MODIFIED", "object": bound})
        await it.shows(DEVICE, "Published", "True")
        assert it.broker.taken[0].event.tenant == "cold"


async def test_a_paused_device_is_left_alone_until_the_pause_is_over(it: Operating) -> None:
    await a_fleet(it)
    paused = a_device(namespace="acme", label="Not yet")
    it.cluster.put(paused, annotations={"dojot.io/paused": "true"})
    await it.shows(DEVICE, "Paused", "True")
    assert it.cluster.condition(DEVICE, "Ready") == ("True", "Registered")
    assert [event[0] for event in it.events()] == ["create"]
    it.cluster.put(paused, annotations={})
    await it.until(lambda: it.cluster.objects[DEVICE]["status"]["observedGeneration"] == 2)
    assert it.cluster.condition(DEVICE, "Paused") is None


async def test_a_requested_look_is_acknowledged(it: Operating) -> None:
    await a_fleet(it)
    annotations = {"dojot.io/reconcile-requested-at": "monday"}
    it.cluster.put(a_device(namespace="acme"), annotations=annotations)
    await it.until(lambda: it.cluster.objects[DEVICE]["status"].get("lastHandledReconcileAt") == "monday")


async def test_a_malformed_device_is_told_so_and_stops_nobody_else(it: Operating) -> None:
    broken = a_device("broken", "acme", templates=[{"title": "no name"}])
    key = it.cluster.put(broken)
    await a_fleet(it)
    await it.shows(key, "Ready", "False", "InvalidSpec")


# --- trouble --------------------------------------------------------------------------------------------


async def test_an_object_that_changed_under_our_hands_is_read_again_at_once(it: Operating) -> None:
    it.cluster.failures["set_finalizers"] = [Conflict()]
    await a_fleet(it)


async def test_a_status_that_could_not_be_written_is_written_later(it: Operating) -> None:
    await a_fleet(it)
    it.cluster.failures["patch_status"] = [ClusterUnavailable()]
    it.cluster.put(a_device(namespace="acme", label="Freezer seven"))
    await it.until(lambda: it.cluster.objects[DEVICE]["status"]["observedGeneration"] == 2)
    assert [event[0] for event in it.events()] == ["create", "update"], "registered once"


async def test_without_kafka_a_device_is_ready_and_its_status_is_corrected_later() -> None:
    async with operating(ACKNOWLEDGE_WAIT_MS=1) as it:
        it.broker.away = True
        it.cluster.put(a_template(namespace="acme"))
        it.cluster.put(a_device(namespace="acme"))
        await it.shows(DEVICE, "Ready", "True")
        await it.settled()
        await it.shows(DEVICE, "Published", "False")
        it.broker.away = False
        await it.shows(DEVICE, "Published", "True", "Acknowledged")


async def test_a_restart_finds_out_that_an_event_was_sent_meanwhile() -> None:
    async with operating(ACKNOWLEDGE_WAIT_MS=1) as before:
        before.broker.away = True
        before.cluster.put(a_template(namespace="acme"))
        before.cluster.put(a_device(namespace="acme"))
        await before.shows(DEVICE, "Published", "False")
    before.database.outbox.mark_sent([1], before.program._context.clock())
    async with operating() as after:
        after.database._store = before.database._store
        after.database.lead("after")
        after.program._context.cluster.objects.update(before.cluster.objects)  # type: ignore[attr-defined]
        for obj in before.cluster.objects.values():
            after.program.intake.resource_seen({"type": None, "object": obj})
        await after.shows(DEVICE, "Published", "True")


async def test_while_the_registry_is_away_work_waits_and_goes_on_by_itself(it: Operating) -> None:
    it.database.away = True
    it.cluster.put(a_template(namespace="acme"))
    it.cluster.put(a_device(namespace="acme"))
    await it.until(lambda: not it.circuit.available)
    it.database.away = False
    await it.shows(DEVICE, "Published", "True")
    assert it.circuit.available


async def test_a_long_outage_shows_in_the_resources_in_hand(it: Operating) -> None:
    it.program._workers._grace = 0.01
    it.database.away = True
    it.cluster.put(a_template(namespace="acme"))
    await it.shows(TEMPLATE, "Registered", "Unknown", "RegistryUnavailable")
    await it.shows(TEMPLATE, "Ready", "Unknown", "RegistryUnavailable")
    it.database.away = False
    await it.shows(TEMPLATE, "Ready", "True")


async def test_while_the_api_server_is_away_work_waits_and_nobody_has_to_be_retried(it: Operating) -> None:
    it.cluster.put(a_template(namespace="acme"))
    await it.shows(TEMPLATE, "Ready", "True")
    await it.settled()
    it.cluster.away = True
    names = [f"freezer-{number}" for number in range(20)]
    for name in names:
        it.cluster.put(a_device(name, "acme"))
    api_server = it.program._context.api_server
    await it.until(lambda: not api_server.available)
    asked = sum(it.cluster.calls.values())
    await asyncio.sleep(0.3)
    assert sum(it.cluster.calls.values()) - asked <= 4, "each worker asked once, then all of them wait"

    it.cluster.away = False
    for name in names:
        await it.shows(Key(Kind.DEVICE, "acme", name), "Published", "True")
    assert it.program.queue._failures == {}, "an outage is nobody's failure"


async def test_a_request_that_fails_alone_holds_up_its_resource_only(it: Operating) -> None:
    await a_fleet(it)
    it.cluster.failures["patch_status"] = [ClusterUnavailable("a webhook failed")]
    it.cluster.put(a_device(namespace="acme", label="Freezer seven"))
    it.cluster.put(a_device("other", "acme"))
    await it.shows(Key(Kind.DEVICE, "acme", "other"), "Ready", "True")
    await it.until(lambda: it.cluster.objects[DEVICE]["status"]["observedGeneration"] == 2)


async def test_a_standby_keeps_what_is_open_and_forgets_what_the_leader_has_settled() -> None:
    async with operating() as it:
        it.program.intake._leads = False
        template = a_template(namespace="acme")
        key = it.cluster.put(template)
        await it.settled()
    intake, queue = it.program.intake, it.program.queue
    unsettled = it.cluster.put(a_device(namespace="acme"))
    assert [unsettled] == list(queue._ready)
    settled = it.cluster.objects[key]
    queue.add(key)
    intake.resource_seen({"type": "MODIFIED", "object": settled})
    assert [unsettled] == list(queue._ready)


async def test_an_operator_that_lost_the_lead_writes_nothing_and_is_told_to_end(it: Operating) -> None:
    await a_fleet(it)
    it.database._store.advance_epoch()
    it.cluster.put(a_device(namespace="acme", label="Too late"))
    await it.until(lambda: it.fenced)
    assert it.cluster.objects[DEVICE]["status"]["observedGeneration"] == 1


async def test_a_bug_in_the_path_of_one_resource_does_not_stop_the_worker(
    it: Operating, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(Subjects, "of", fails)
        it.cluster.put(a_template("other", "acme"))
        await it.settled()
    await a_fleet(it)
