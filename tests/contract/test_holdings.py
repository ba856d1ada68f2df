"""What a sweep reads of the registry, and what it writes: rows that no resource stands behind any more."""

from dataclasses import replace

from device_registry.domain.model import DeletionPolicy, DeviceId, Key, Kind
from device_registry.ports import Holding, Registry
from device_registry.reconcile.absence import unclaim
from tests.support.builders import NOON, a_device, a_template, an_attribute
from tests.support.story import Story

DEVICE = a_device(id="abcd")
TEMPLATE = a_template()
START = ("", "")


def held(registry: Registry, kind: Kind = Kind.DEVICE) -> list[Holding]:
    return registry.holdings(kind, START, 100)


def test_rows_and_decisions_stand_side_by_side(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    (device,) = held(story.registry)
    assert device == Holding(
        key=DEVICE.key,
        row="abcd",
        row_uid=DEVICE.uid,
        uid=DEVICE.uid,
        generation=1,
        registered=True,
    )
    (template,) = held(story.registry, Kind.TEMPLATE)
    assert (template.key, template.row, template.intact) == (TEMPLATE.key, "1", True)


def test_a_refused_device_has_a_decision_and_no_row(story: Story) -> None:
    story.apply(DEVICE)
    (refused,) = held(story.registry)
    assert (refused.row, refused.uid, refused.registered) == ("", DEVICE.uid, False)


def test_a_row_that_was_left_behind_does_not_count_and_is_counted(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    story.delete(DEVICE, policy=DeletionPolicy.RETAIN)
    assert held(story.registry) == []
    assert story.registry.unclaimed() == {Kind.DEVICE: 1, Kind.TEMPLATE: 0}


def test_pages_follow_each_other_without_a_gap(story: Story) -> None:
    story.apply(TEMPLATE, *[a_device(f"d{n}") for n in range(5)], a_device("e", templates=["missing"]))
    after, pages = START, []
    while page := story.registry.holdings(Kind.DEVICE, after, 2):
        pages.append([one.key.name for one in page])
        after = (page[-1].key.namespace, page[-1].key.name)
    assert pages == [["d0", "d1"], ["d2", "d3"], ["d4", "e"]]


def test_a_template_stays_intact_through_its_edits(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    story.apply(a_template(label="other", generation=2))
    story.propagate()
    assert [one.intact for kind in Kind for one in held(story.registry, kind)] == [True, True]


# --- absence --------------------------------------------------------------------------------------------


def test_the_row_of_a_vanished_device_stays_and_nobody_is_told(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    before = story.row("abcd")
    story.heard()
    assert unclaim(story.registry, held(story.registry), NOON) == []
    row = story.row("abcd")
    assert before
    assert row
    assert (row.claimed, row.document, row.unclaimed_since) == (False, before.document, NOON)
    assert story.heard() == []
    assert story.registry.outcomes([DEVICE.key]) == {}


def test_a_vanished_template_goes_on_serving_its_devices(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    story.heard()
    unclaim(story.registry, held(story.registry, Kind.TEMPLATE), NOON)
    assert story.registry.unclaimed() == {Kind.DEVICE: 0, Kind.TEMPLATE: 1}
    assert story.apply(a_device(id="abcd", generation=2))[0].registered
    assert story.heard() == []


def test_a_row_that_was_claimed_again_meanwhile_is_left_alone(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    suspects = held(story.registry)
    story.apply(a_device(id="abcd", uid="recreated"))
    unclaim(story.registry, suspects, NOON)
    row = story.row("abcd")
    assert row
    assert row.claimed
    assert DEVICE.key in story.registry.outcomes([DEVICE.key])


def test_who_was_refused_the_id_is_looked_at_again(story: Story) -> None:
    younger = a_device("younger", id="abcd", uid="z")
    story.apply(TEMPLATE, DEVICE)
    story.apply(younger)
    suspects = [one for one in held(story.registry) if one.key == DEVICE.key]
    assert unclaim(story.registry, suspects, NOON) == [younger.key]


def test_a_template_whose_deletion_waited_is_looked_at_again(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    story.delete(TEMPLATE)
    assert unclaim(story.registry, held(story.registry), NOON) == [Key(Kind.TEMPLATE, "acme", "thermometer")]


def test_a_vanished_device_that_comes_back_takes_its_row_in_silence(story: Story) -> None:
    story.apply(TEMPLATE, a_device())
    (before,) = held(story.registry)
    unclaim(story.registry, [before], NOON)
    story.heard()
    (outcome,) = story.apply(a_device(uid="recreated"))
    assert (outcome.target, story.heard()) == (before.row, [])
    assert held(story.registry)[0].registered


# --- drift ----------------------------------------------------------------------------------------------


def test_a_row_that_somebody_deleted_comes_back_under_its_id_and_goes_on_counting(story: Story) -> None:
    story.apply(TEMPLATE, a_device(id="abcd"))
    # The id was never in this manifest: only the last decision still knows it.
    story.apply(a_device(generation=2))
    with story.registry.transaction() as transaction:
        transaction.remove_devices([(DEVICE.tenant, DeviceId("abcd"))])
    assert held(story.registry)[0].row == ""
    (result,) = story.results(a_device(generation=2))
    assert (result.outcome.target, result.repaired) == ("abcd", True)
    assert story.heard() == ["create abcd#1", "create abcd#2"]


def test_a_template_that_somebody_deleted_comes_back_under_its_id(story: Story) -> None:
    story.apply(a_template("other"), TEMPLATE)
    with story.registry.transaction() as transaction:
        transaction.remove_template(TEMPLATE.tenant, 2)
    assert story.apply(TEMPLATE)[0].target == "2"


def test_an_id_that_was_given_away_meanwhile_is_not_taken_back(story: Story) -> None:
    story.apply(TEMPLATE, a_device(id="abcd"))
    story.apply(a_device(generation=2))
    with story.registry.transaction() as transaction:
        transaction.remove_devices([(DEVICE.tenant, DeviceId("abcd"))])
    story.apply(a_device("thief", id="abcd"))
    assert story.apply(a_device(generation=2))[0].target not in ("", "abcd")


def damage(story: Story) -> None:
    """Leave the row as a hand that is not ours would: it does not fit its checksum."""
    row = story.row("abcd")
    assert row
    with story.registry.transaction() as transaction:
        transaction.save_devices([replace(row, spec=replace(row.spec, label="forged"), intact=False)])


def test_a_damaged_row_stays_marked_until_it_is_registered_again(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    story.heard()
    damage(story)
    (before,) = held(story.registry)
    story.apply(a_template("thermometer", an_attribute("other"), generation=2))
    story.propagate()
    story.heard()
    (after,) = held(story.registry)
    assert (before.intact, after.intact) == (False, False)

    (result,) = story.results(DEVICE)
    assert (result.repaired, held(story.registry)[0].intact) == (True, True)
    assert story.document("abcd")["label"] == "freezer-7"
    assert [one.split("#")[0] for one in story.heard()] == ["update abcd"]
    assert story.results(DEVICE)[0].repaired is False
    assert story.heard() == []


def test_a_damaged_row_whose_document_is_right_is_told_once_as_well(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    damage(story)
    story.apply(DEVICE)
    assert story.heard() == ["create abcd#1", "update abcd#2"]
    row = story.row("abcd")
    assert row
    assert (row.revision, row.intact) == (2, True)


def test_a_damaged_row_is_still_damaged_after_its_resource_vanished(story: Story) -> None:
    story.apply(TEMPLATE, DEVICE)
    damage(story)
    unclaim(story.registry, held(story.registry), NOON)
    row = story.row("abcd")
    assert row
    assert (row.claimed, row.intact) == (False, False)
