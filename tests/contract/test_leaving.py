"""Resources go: rows are removed or stay behind, and the world hears what is true."""

from dataclasses import replace
from datetime import timedelta

from device_registry.domain.model import DeletionPolicy, Kind
from device_registry.domain.reasons import Reason
from tests.support.builders import ACME, a_device, a_template, again
from tests.support.clock import Clock
from tests.support.story import Story

RETAIN = DeletionPolicy.RETAIN
DEVICE = a_device(id="abcd")


def test_a_deleted_device_is_removed_and_told(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    document = story.document("abcd")
    (left,) = story.delete(DEVICE)
    assert left.outcome.reason is Reason.REMOVED
    assert story.heard() == ["create abcd#1", "remove abcd#2"]
    assert story.payloads()[-1] == {"event": "remove", "data": document, "meta": {"service": "acme"}}
    assert story.row("abcd") is None
    assert story.registry.outcomes([DEVICE.key]) == {}


def test_deleting_again_is_silent(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE)
    story.heard()
    (left,) = story.delete(DEVICE)
    assert (left.outcome.reason, left.event, story.heard()) == (Reason.REMOVED, None, [])


def test_an_id_that_is_used_again_goes_on_counting(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE)
    story.apply(again(DEVICE))
    assert story.heard() == ["create abcd#1", "remove abcd#2", "create abcd#3"]


def test_a_retained_row_stays_unclaimed_and_nobody_is_told(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    (left,) = story.delete(DEVICE, policy=RETAIN)
    row = story.row("abcd")
    assert row
    assert (left.outcome.reason, row.claimed) == (Reason.RETAINED, False)
    assert story.heard() == ["create abcd#1"]
    assert story.delete(DEVICE, policy=RETAIN)[0].outcome.reason is Reason.RETAINED
    assert story.row("abcd") == row


def test_a_recreated_device_takes_its_row_back_in_silence(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE, policy=RETAIN)
    (outcome,) = story.apply(a_device(id="abcd", uid="recreated"))
    row = story.row("abcd")
    assert row
    assert row.claim
    assert (outcome.reason, row.claimed, row.claim.uid) == (Reason.REGISTERED, True, "recreated")
    assert story.heard() == ["create abcd#1"]


def test_a_recreated_device_without_an_id_gets_its_old_one_back(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE, policy=RETAIN)
    assert story.apply(a_device(uid="recreated"))[0].target == "abcd"


def test_a_recreated_device_may_ask_for_another_id(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE, policy=RETAIN)
    (outcome,) = story.apply(a_device(id="ef01", uid="recreated"))
    assert (outcome.reason, outcome.target) == (Reason.REGISTERED, "ef01")
    assert story.row("abcd") is not None
    assert story.heard() == ["create abcd#1", "create ef01#1"]


def test_a_row_left_behind_survives_a_namesake_that_never_took_it(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE, policy=RETAIN)
    namesake = a_device(id="abcd", templates=["missing"], uid="recreated")
    assert story.apply(namesake)[0].reason is Reason.TEMPLATE_NOT_FOUND
    story.delete(namesake)
    assert story.row("abcd") is not None
    assert story.heard() == ["create abcd#1"]


def test_a_template_in_use_stays_and_says_who_uses_it(story: Story) -> None:
    story.apply(a_template(), *[a_device(f"d{n}", id=f"d{n}") for n in range(5)])
    (blocked,) = story.delete(a_template())
    assert blocked.outcome.reason is Reason.IN_USE
    assert "5 devices use the template: d0, d1, d2 and 2 more" in blocked.outcome.message


def test_a_template_that_waits_for_its_end_takes_no_new_devices(story: Story) -> None:
    story.apply(a_template(), DEVICE, a_device("later", id="ef01", templates=[]))
    story.delete(a_template())
    (newcomer,) = story.apply(a_device("newcomer", id="ef02"))
    (changed,) = story.apply(a_device("later", id="ef01", generation=2))
    assert (newcomer.reason, changed.reason) == (Reason.TEMPLATE_TERMINATING, Reason.TEMPLATE_TERMINATING)
    assert '"thermometer"' in newcomer.message
    assert story.row("ef02") is None


def test_a_device_that_uses_a_template_goes_on_when_that_waits_for_its_end(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(a_template())
    (edited,) = story.apply(a_device(id="abcd", label="Still here", generation=2))
    assert edited.reason is Reason.REGISTERED
    assert story.document("abcd")["label"] == "Still here"


def test_a_template_that_was_torn_from_its_wait_and_comes_back_takes_devices_again(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(a_template())
    story.apply(replace(a_template(), uid="recreated"))
    assert story.apply(a_device("newcomer", id="ef02"))[0].reason is Reason.REGISTERED


def test_a_template_whose_policy_becomes_retain_does_not_wait_any_longer(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(a_template())
    assert story.delete(a_template(), policy=RETAIN)[0].outcome.reason is Reason.RETAINED
    (edited,) = story.apply(a_device(id="abcd", label="Still here", generation=2))
    assert edited.reason is Reason.REGISTERED


def test_a_template_that_is_gone_and_was_retained_takes_no_new_devices_until_it_comes_back(
    story: Story,
) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(a_template(), policy=RETAIN)
    newcomer = a_device("newcomer", id="ef02")
    (waiting,) = story.apply(newcomer)
    assert waiting.reason is Reason.TEMPLATE_NOT_FOUND
    assert '"thermometer"' in waiting.message
    story.apply(replace(a_template(), uid="recreated"))
    assert story.apply(newcomer)[0].reason is Reason.REGISTERED


def test_a_retained_template_may_come_back_under_another_id_and_its_devices_follow(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(a_template(), policy=RETAIN)
    (result,) = story.results(replace(a_template(template_id=9), uid="recreated"))
    assert (result.outcome.reason, result.outcome.target) == (Reason.REGISTERED, "9")
    assert result.wake == (DEVICE.key,)
    story.apply(DEVICE)
    assert story.document("abcd")["templates"] == [9]
    assert story.heard() == ["create abcd#1", "update abcd#2"]
    with story.registry.transaction() as transaction:
        former = transaction.template(ACME, 1)
    assert former
    assert (former.claim, former.claimed) == (None, False)


def test_the_last_device_that_goes_wakes_its_blocked_template(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(a_template())
    (left,) = story.delete(DEVICE)
    assert left.wake == (a_template().key,)
    (gone,) = story.delete(a_template())
    assert gone.outcome.reason is Reason.REMOVED


def test_a_device_that_changes_its_templates_wakes_the_blocked_one(story: Story) -> None:
    story.apply(a_template("t1"), a_template("t2"), a_device(id="abcd", templates=["t1"]))
    story.delete(a_template("t1"))
    (result,) = story.results(a_device(id="abcd", templates=["t2"], generation=2))
    assert result.wake == (a_template("t1").key,)


def test_a_retained_template_goes_on_serving_its_devices(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    (left,) = story.delete(a_template(), policy=RETAIN)
    assert left.outcome.reason is Reason.RETAINED
    assert story.document("abcd")["templates"] == [1]
    assert story.apply(again(a_template()))[0].target == "1"


def test_a_new_template_never_gets_the_id_of_a_deleted_one(story: Story) -> None:
    story.apply(a_template())
    story.delete(a_template())
    assert story.apply(again(a_template()))[0].target == "2"


# --- what comes late ----------------------------------------------------------------------------------


def test_a_late_version_of_a_device_that_was_let_go_registers_nothing(story: Story) -> None:
    other = a_device("other", id="beef")
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE)
    story.heard()
    late, new = story.results(DEVICE, other)
    assert (late.outcome.key, late.outcome.reason) == (DEVICE.key, Reason.REMOVED)
    assert (new.outcome.key, new.outcome.reason) == (other.key, Reason.REGISTERED)
    assert story.row("abcd") is None
    assert story.heard() == ["create beef#1"]
    assert story.registry.outcomes([DEVICE.key]) == {}


def test_a_late_version_does_not_take_the_row_of_its_successor(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE)
    story.apply(again(DEVICE))
    assert story.apply(DEVICE)[0].reason is Reason.REMOVED
    row = story.row("abcd")
    assert row
    assert row.claim
    assert row.claim.uid == again(DEVICE).uid


def test_a_late_version_does_not_take_back_a_row_that_was_retained(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE, policy=RETAIN)
    assert story.apply(DEVICE)[0].reason is Reason.REMOVED
    row = story.row("abcd")
    assert row
    assert not row.claimed


def test_a_late_version_of_a_template_that_was_let_go_registers_nothing(story: Story) -> None:
    story.apply(a_template())
    story.delete(a_template())
    assert story.apply(a_template())[0].reason is Reason.REMOVED
    assert story.registry.holdings(Kind.TEMPLATE, ("", ""), 1) == []


def test_a_late_deletion_does_not_remove_the_row_of_a_successor(story: Story) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE)
    story.apply(again(DEVICE))
    story.heard()
    (late,) = story.delete(DEVICE)
    assert late.outcome.reason is Reason.REMOVED
    assert story.row("abcd")
    assert story.heard() == []


def test_a_late_deletion_of_a_template_does_not_remove_its_successor(story: Story) -> None:
    story.apply(a_template())
    story.delete(a_template())
    story.apply(again(a_template()))
    story.delete(a_template())
    (successor,) = story.registry.holdings(Kind.TEMPLATE, ("", ""), 1)
    assert successor.row_uid == again(a_template()).uid


def test_a_cluster_that_is_restored_brings_resources_back_with_their_uids(story: Story, clock: Clock) -> None:
    story.apply(a_template(), DEVICE)
    story.delete(DEVICE)
    clock.now += timedelta(minutes=11)
    story.apply(again(a_device("other", id="beef")))
    story.delete(a_device("other", id="beef"))
    assert story.apply(DEVICE)[0].reason is Reason.REGISTERED
