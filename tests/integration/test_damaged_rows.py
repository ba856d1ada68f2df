"""A row in which somebody wrote nonsense by SQL stops neither others nor its own repair, edit or end."""

import pytest
from sqlalchemy import URL, create_engine, text

from device_registry.domain.model import Kind
from device_registry.domain.reasons import Reason
from device_registry.registry.writer import PostgresRegistry
from tests.support.builders import a_device, a_template, an_attribute
from tests.support.clock import Clock
from tests.support.story import Story

DAMAGED, NEIGHBOUR = a_device("damaged", id="bad1"), a_device("neighbour", id="600d")
EDITED = a_template("thermometer", an_attribute(), an_attribute("more"), generation=2)


@pytest.fixture(params=['{"label": 7}', '{"templates": "t"}', "no JSON", "[]", "null", ""])
def story(request: pytest.FixtureRequest, url: URL, registry: PostgresRegistry) -> Story:
    """Two devices, one of which has nonsense in place of what was registered."""
    story = Story(registry, registry.outbox, Clock())
    story.apply(a_template(), DAMAGED, NEIGHBOUR)
    story.heard()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE device SET spec = :spec WHERE id = 'bad1'"), {"spec": request.param})
    engine.dispose()
    return story


def test_it_is_seen_and_repaired_with_one_update(story: Story) -> None:
    held = {one.key: one.intact for one in story.registry.holdings(Kind.DEVICE, ("", ""), 9)}
    assert held == {DAMAGED.key: False, NEIGHBOUR.key: True}
    damaged, neighbour = story.results(DAMAGED, NEIGHBOUR)
    assert (damaged.outcome.reason, damaged.repaired) == (Reason.REGISTERED, True)
    assert (neighbour.outcome.reason, neighbour.repaired) == (Reason.REGISTERED, False)
    assert story.heard() == ["update bad1#2"]
    assert all(one.intact for one in story.registry.holdings(Kind.DEVICE, ("", ""), 9))


def test_an_edit_of_its_template_reaches_the_others_and_its_repair_brings_it(story: Story) -> None:
    story.apply(EDITED)
    assert story.propagate()[-1].usage.stale == 0
    assert story.heard() == ["update 600d#2", "template.update template/1#1"]
    story.apply(DAMAGED)
    assert story.heard() == ["update bad1#2"]
    assert [one["label"] for one in story.document("bad1")["attrs"]["1"]] == ["temperature", "more"]


def test_it_can_be_deleted(story: Story) -> None:
    (gone,) = story.delete(DAMAGED)
    assert gone.outcome.reason is Reason.REMOVED
    assert story.heard() == ["remove bad1#2"]
