"""Which ids stay, which are new, and what counts as updated when a template changes."""

from typing import Any

from device_registry.domain.model import Declared, RegisteredAttribute, RegisteredTemplate, TemplateSpec
from device_registry.domain.templating import ids_needed, pinned_ids, revise
from tests.support.builders import a_static, a_template, an_attribute, an_entry, at, registered

BEFORE = a_template(
    "t", an_attribute("a", metadata=(an_entry("m1"), an_entry("m2"))), a_static("b", "1"), an_attribute("c")
)


def edited(*attributes: Any, **spec: Any) -> RegisteredTemplate:
    return revised(registered(BEFORE), a_template("t", *attributes, generation=2, **spec))


def revised(recorded: RegisteredTemplate, declared: Declared[TemplateSpec]) -> RegisteredTemplate:
    needed = ids_needed(recorded, declared.spec)
    return revise(recorded, declared, range(100, 100 + needed), at(1))


def attribute(template: RegisteredTemplate, label: str) -> RegisteredAttribute:
    (found,) = [one for one in template.attributes if one.label == label]
    return found


def test_attributes_take_their_ids_before_all_metadata() -> None:
    template = registered(BEFORE)
    assert [one.id for one in template.attributes] == [1, 2, 3]
    assert [one.id for one in template.attributes[0].metadata] == [4, 5]


def test_the_same_manifest_is_the_same_template() -> None:
    recorded = registered(BEFORE)
    assert revised(recorded, BEFORE) == recorded


def test_an_attribute_keeps_its_id_while_label_and_type_stay() -> None:
    template = edited(an_attribute("c"), an_attribute("a", value_type="integer"), a_static("b", "2"))
    assert {one.label: one.id for one in template.attributes} == {"a": 1, "b": 2, "c": 3}
    assert [one.label for one in template.attributes] == ["c", "a", "b"]


def test_another_type_is_another_attribute() -> None:
    template = edited(an_attribute("a", "actuator", metadata=(an_entry("m1"),)))
    (only,) = template.attributes
    assert (only.id, only.metadata[0].id, only.created) == (100, 101, at(1))


def test_metadata_keeps_its_id_and_new_metadata_comes_after_new_attributes() -> None:
    template = edited(an_attribute("a", metadata=(an_entry("m2"), an_entry("m3"))), an_attribute("new"))
    assert [one.id for one in attribute(template, "a").metadata] == [5, 101]
    assert attribute(template, "new").id == 100


def test_pinned_ids_are_taken_as_they_are() -> None:
    pinned = a_template("t", an_attribute("a", id=7, metadata=(an_entry("m", id=9),)), an_attribute("b"))
    assert pinned_ids(pinned.spec) == (7, 9)
    assert ids_needed(None, pinned.spec) == 1
    template = registered(pinned, first=10)
    assert [one.id for one in template.attributes] == [7, 10]
    assert template.attributes[0].metadata[0].id == 9


def test_a_value_moves_the_time_of_its_attribute_and_not_of_the_template() -> None:
    metadata = (an_entry("m1"), an_entry("m2"))
    template = edited(an_attribute("a", metadata=metadata), a_static("b", "2"), an_attribute("c"))
    assert (template.revision, template.updated) == (2, None)
    assert attribute(template, "b").updated == at(1)
    assert attribute(template, "a").updated is None


def test_a_metadata_value_moves_the_time_of_the_entry_alone() -> None:
    metadata = (an_entry("m1", "new"), an_entry("m2"))
    template = edited(an_attribute("a", metadata=metadata), a_static("b", "1"), an_attribute("c"))
    changed = attribute(template, "a")
    assert (template.revision, template.updated, changed.updated) == (2, None, None)
    assert [one.updated for one in changed.metadata] == [at(1), None]


def test_a_label_or_another_set_of_attributes_moves_the_time_of_the_template() -> None:
    assert revised(registered(BEFORE), a_template("t", *BEFORE.spec.attributes, label="x")).updated == at(1)
    assert edited(an_attribute("a")).updated == at(1)
    assert edited(*BEFORE.spec.attributes, an_attribute("d")).updated == at(1)


def test_an_edit_without_effect_keeps_the_revision_but_notes_the_generation() -> None:
    template = edited(*BEFORE.spec.attributes)
    assert (template.revision, template.updated, template.generation) == (1, None, 2)
