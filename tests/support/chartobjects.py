"""Looking into objects that the chart renders."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def component(one: Mapping[str, Any]) -> str:
    return str(one["metadata"].get("labels", {}).get("app.kubernetes.io/component", ""))


def pod_spec(one: Mapping[str, Any]) -> dict[str, Any]:
    if one["kind"] == "Pod":
        found: dict[str, Any] = one["spec"]
        return found
    return one["spec"]["template"]["spec"] if one["kind"] in {"Deployment", "Job"} else {}


def containers(objects: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in objects:
        yield from pod_spec(one).get("containers", ())


def variables(objects: Sequence[dict[str, Any]]) -> set[str]:
    named = {one["name"] for container in containers(objects) for one in container.get("env", ())}
    (settings,) = [one for one in objects if component(one) == "settings" and one["kind"] == "ConfigMap"]
    return named | set(settings["data"])


def ports(policy: Mapping[str, Any]) -> set[int]:
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
