"""The environment of a container, as its pod says: values, fields, ConfigMaps and Secrets."""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.support.apiserver import ApiServer

from .files import field


class Missing(Exception):
    """A ConfigMap, a Secret or a key that a container needs is not there; a kubelet tries again."""


def environment(api: ApiServer, pod: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, str]:
    """Name -> value; raises Missing."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= _everything(api, pod, source)
    for one in container.get("env", ()):
        found |= dict(_one(api, pod, one))
    return found


def replaced(text: str, places: Mapping[str, str], service: Callable[[str], str]) -> str:
    """A text with mount paths replaced by where they lie, and the URL of a Service by that of a pod."""
    for inside in sorted(places, key=len, reverse=True):
        text = text.replace(inside, places[inside])
    return service(text)


def _everything(api: ApiServer, pod: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, str]:
    if "configMapRef" in source:
        return dict(_data(api, pod, "configmaps", source["configMapRef"]).items())
    return {name: _plain(value) for name, value in _data(api, pod, "secrets", source["secretRef"]).items()}


def _one(api: ApiServer, pod: Mapping[str, Any], one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    source = one.get("valueFrom", {})
    if "fieldRef" in source:
        yield one["name"], field(pod, source["fieldRef"]["fieldPath"])
    elif "secretKeyRef" in source:
        yield one["name"], _plain(_key(api, pod, "secrets", source["secretKeyRef"]))
    elif "configMapKeyRef" in source:
        yield one["name"], _key(api, pod, "configmaps", source["configMapKeyRef"])
    else:
        yield one["name"], one.get("value", "")


def _key(api: ApiServer, pod: Mapping[str, Any], kind: str, reference: Mapping[str, Any]) -> str:
    data = _data(api, pod, kind, reference)
    if reference["key"] not in data:
        raise Missing(f"{kind} {reference['name']} has no key {reference['key']}")
    return str(data[reference["key"]])


def _data(api: ApiServer, pod: Mapping[str, Any], kind: str, reference: Mapping[str, Any]) -> dict[str, str]:
    found = api.find(f"/api/v1/namespaces/{pod['metadata']['namespace']}/{kind}/{reference['name']}")
    if found is None:
        raise Missing(f"{kind} {reference['name']} is not there")
    data: dict[str, str] = found.get("data", {})
    return data


def _plain(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
