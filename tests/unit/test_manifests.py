"""Objects of the API server become values and values become manifests, without loss."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_registry.domain.errors import Refused
from device_registry.domain.model import (
    AdoptionPolicy,
    Attribute,
    Compatibility,
    Credential,
    DeletionPolicy,
    DeviceId,
    DeviceSpec,
    Key,
    Kind,
    Metadata,
    MetadataOverride,
    Override,
    TemplateSpec,
    Tenant,
)
from device_registry.domain.reasons import Reason
from device_registry.manifests import (
    FINALIZER,
    PAUSED,
    REQUESTED_AT,
    device_manifest,
    device_spec,
    key_of,
    parse,
    parse_device_spec,
    parse_template_spec,
    template_manifest,
    template_spec,
)
from tests.support.builders import NOON

texts = st.text(max_size=12)
ids = st.none() | st.integers(1, 99)
values = st.none() | texts
metadata = st.builds(Metadata, label=texts, type=texts, value_type=texts, static_value=values, id=ids)
attributes = st.builds(
    Attribute,
    label=texts,
    type=texts,
    value_type=texts,
    static_value=values,
    id=ids,
    metadata=st.lists(metadata, max_size=2).map(tuple),
)
overrides = st.builds(
    Override,
    label=texts,
    type=texts,
    static_value=values,
    metadata=st.lists(
        st.builds(MetadataOverride, label=texts, type=texts, static_value=texts), max_size=2
    ).map(tuple),
)
policies = st.none() | st.sampled_from(DeletionPolicy)
template_specs = st.builds(
    TemplateSpec,
    label=texts,
    attributes=st.lists(attributes, max_size=3).map(tuple),
    template_id=ids,
    compatibility=st.sampled_from(Compatibility),
    deletion_policy=policies,
)
device_specs = st.builds(
    DeviceSpec,
    label=texts,
    templates=st.lists(texts, max_size=3).map(tuple),
    overrides=st.lists(overrides, max_size=3).map(tuple),
    device_id=st.none() | texts.map(DeviceId),
    credentials=st.lists(st.builds(Credential, attribute=texts, secret=texts, key=texts), max_size=2).map(
        tuple
    ),
    deletion_policy=policies,
    adoption_policy=st.sampled_from(AdoptionPolicy),
)


@given(device_specs)
def test_a_device_spec_survives_writing_and_reading(spec: DeviceSpec) -> None:
    assert parse_device_spec(device_spec(spec), "ignored") == spec


@given(template_specs)
def test_a_template_spec_survives_writing_and_reading(spec: TemplateSpec) -> None:
    assert parse_template_spec(template_spec(spec), "ignored") == spec


def test_what_has_its_default_is_left_out() -> None:
    assert device_spec(DeviceSpec(label="")) == {"label": ""}
    assert template_spec(TemplateSpec(label="x")) == {"label": "x"}


def test_a_label_that_is_left_out_is_the_name() -> None:
    assert parse_device_spec({}, "freezer-7").label == "freezer-7"
    assert parse_template_spec({}, "thermometer").label == "thermometer"
    assert parse_device_spec({"label": ""}, "freezer-7").label == ""


def test_a_manifest_names_what_it_is() -> None:
    key = Key(Kind.DEVICE, "acme", "d")
    assert device_manifest(key, DeviceSpec(label="D"), labels={"a": "b"}) == {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": "Device",
        "metadata": {"namespace": "acme", "name": "d", "labels": {"a": "b"}},
        "spec": {"label": "D"},
    }
    assert template_manifest(Key(Kind.TEMPLATE, "a", "t"), TemplateSpec(label="T"))["kind"] == "Template"


def an_object(kind: str = "Device", **meta: Any) -> dict[str, Any]:
    """An object as the API server shows it."""
    known = {
        "uid": "u-1",
        "generation": 4,
        "resourceVersion": "77",
        "creationTimestamp": "2026-01-01T12:00:00Z",
    }
    return {
        "apiVersion": "dojot.io/v1alpha1",
        "kind": kind,
        "metadata": {"namespace": "acme", "name": "freezer-7", **known, **meta},
        "spec": {"templates": [{"name": "thermometer"}]} if kind == "Device" else {},
    }


def parsed(obj: dict[str, Any]) -> Any:
    return parse(obj, Tenant("acme"))


def test_an_object_says_which_it_is_and_where_it_stands() -> None:
    resource = parsed(an_object() | {"status": {"deviceId": "a1"}})
    declared = resource.declared
    assert resource.key == declared.key == key_of(an_object()) == Key(Kind.DEVICE, "acme", "freezer-7")
    assert (declared.uid, declared.generation, declared.created, declared.tenant) == ("u-1", 4, NOON, "acme")
    assert (resource.resource_version, resource.status) == ("77", {"deviceId": "a1"})
    assert (resource.deleting, resource.paused, resource.guarded, resource.requested_at) == (
        False,
        False,
        False,
        "",
    )
    assert parsed(an_object("Template")).key.kind is Kind.TEMPLATE


def test_marks_of_people_and_of_the_cluster_are_read() -> None:
    resource = parsed(
        an_object(
            finalizers=["someone/else", FINALIZER],
            deletionTimestamp="2026-01-02T00:00:00Z",
            annotations={PAUSED: "true", REQUESTED_AT: "token"},
        )
    )
    assert (resource.deleting, resource.paused, resource.guarded, resource.requested_at) == (
        True,
        True,
        True,
        "token",
    )
    assert resource.finalizers == ("someone/else", FINALIZER)
    assert not parsed(an_object(annotations={PAUSED: "false"})).paused


def managed(manager: str, time: str, fields: str = "f:spec") -> dict[str, Any]:
    return {"manager": manager, "time": time, "fieldsV1": {fields: {}}}


@pytest.mark.parametrize(
    ("fields", "writer"),
    [
        (None, ""),
        ([managed("operator", "2026-01-03T00:00:00Z", "f:status")], ""),
        ([managed("git", "2026-01-01T00:00:00Z"), managed("kubectl", "2026-01-02T00:00:00Z")], "kubectl"),
        ([managed("git", "2026-01-01T00:00:00Z"), managed("x", "2026-01-02T00:00:00Z", "f:status")], "git"),
        ([{"manager": "old", "fieldsV1": {"f:spec": {}}}], "old"),
        ([{"manager": "bare"}], ""),
    ],
)
def test_the_writer_is_the_manager_that_wrote_the_spec_last(fields: Any, writer: str) -> None:
    assert parsed(an_object(managedFields=fields)).declared.writer == writer


def broken(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    obj = deepcopy(an_object())
    change(obj)
    return obj


@pytest.mark.parametrize(
    "obj",
    [
        broken(lambda obj: obj.update(spec=["label"])),
        broken(lambda obj: obj.update(spec="text")),
        broken(lambda obj: obj["spec"].update(templates=[{}])),
        broken(lambda obj: obj["spec"].update(templates=["thermometer"])),
        broken(lambda obj: obj["spec"].update(templates=[{"name": 5}])),
        broken(
            lambda obj: obj["spec"].update(attributes=[{"label": "a", "type": "static", "staticValue": 20}])
        ),
        broken(lambda obj: obj["spec"].update(attributes=[{"label": None, "type": "static"}])),
        broken(lambda obj: obj["spec"].update(attributes=7)),
        broken(lambda obj: obj["spec"].update(credentials=[{"attribute": "a"}])),
        broken(lambda obj: obj["spec"].update(deletionPolicy="Maybe")),
        broken(lambda obj: obj["spec"].update(adoptionPolicy="Perhaps")),
        broken(lambda obj: obj["spec"].update(label=5)),
        broken(lambda obj: obj["spec"].update(deviceId=123456)),
        broken(lambda obj: obj["metadata"].pop("uid")),
        broken(lambda obj: obj["metadata"].update(creationTimestamp="noon")),
        {**an_object("Template"), "spec": {"templateId": "12"}},
        {**an_object("Template"), "spec": {"attributes": [{"label": "a", "type": "static"}]}},
        {**an_object("Template"), "spec": {"compatibility": "Forward"}},
    ],
)
def test_an_object_that_cannot_be_read_is_refused_by_name(obj: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"(Device|Template) acme/freezer-7 does not have the shape") as caught:
        parsed(obj)
    assert caught.value.reason is Reason.INVALID_SPEC
    assert "apply the manifest again" in caught.value.message
