"""An export file of dojot becomes resources: `device-manager import file`."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from device_api.import_bodies import import_body
from device_api.importing import plan
from device_api.problems import Problem
from device_manager import cluster, terminal
from device_manager.declaring import Failures, check, declare, remove
from device_manager.homes import Home, homes_of, settle_in
from device_manager.progress import bar
from device_manager.terminal import Exit
from device_manager.waiting import settled
from device_registry.domain.errors import Refused
from device_registry.domain.model import Key, Kind, Tenant
from device_registry.domain.reasons import Reason
from device_registry.manifests import key_of

Manifest = Mapping[str, Any]
_ANY_NAMESPACE = "default"
"""Where manifests are judged: it is there in every cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a file is imported."""

    tenant: str
    namespace: str = ""
    replace: bool = False
    sure: bool = False
    dry_run: bool = False
    seconds: float = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an import does to a namespace."""

    new: Sequence[Manifest]
    changed: Sequence[Manifest]
    same: int
    surplus: Sequence[Key]
    """Resources that the file does not have."""

    def told(self, *, replace: bool) -> str:
        """In a sentence."""
        told = f"{len(self.new)} to create, {len(self.changed)} to change, {self.same} are as they should be"
        if self.surplus:
            told += f", {len(self.surplus)} more are there" + (" and are deleted" if replace else " and stay")
        return f"{told}."


def run(file: Path, wanted: Wanted) -> None:
    """Import; ends with REMARK when something is refused or does not become ready."""
    body = _body(file)
    cluster.run(_run(body, wanted))


def _body(file: Path) -> Any:
    try:
        return json.loads(sys.stdin.read() if str(file) == "-" else file.read_text())
    except OSError as error:
        terminal.fail(f"{file} cannot be read: {error.strerror}", Exit.USAGE)
    except ValueError as error:
        terminal.fail(f"{file} is no JSON: {error}", Exit.USAGE)


async def _run(body: Any, wanted: Wanted) -> None:
    tenant = Tenant(wanted.tenant)
    async with cluster.connected() as people:
        (home,) = await homes_of(
            people, [tenant], terminal.settings().TENANT_NAMESPACE_PREFIX, wanted.namespace
        )
        manifests = manifests_of(tenant, body, home.namespace)
        _stop_at(await check(people, manifests, _ANY_NAMESPACE), "The API server refuses:")
        changes = await _changes(people, home, manifests)
        terminal.say(f"{tenant} in the namespace {home.namespace}: {changes.told(replace=wanted.replace)}")
        if not wanted.dry_run and _is_confirmed(changes, wanted):
            await _carry_out(people, home, changes, wanted)


def manifests_of(tenant: Tenant, body: Any, namespace: str) -> list[Manifest]:
    """What the file says, as resources. Raises Refused with the place that is wrong."""
    try:
        wanted = plan(tenant, import_body(body), namespace)
    except Problem as problem:
        detail = problem.headers.get("X-Detail") or problem.body.get("message")
        raise Refused(Reason.INVALID_SPEC, f"this is no export of dojot: {detail}") from problem
    return [*wanted.templates, *wanted.devices]


async def _changes(people: cluster.People, home: Home, manifests: Sequence[Manifest]) -> Changes:
    present: dict[Key, Manifest] = {}
    for kind in Kind if home.there else ():
        present |= {key_of(obj): obj async for obj in people.objects(kind, home.namespace)}
    wanted = {key: _kept(one, present.get(key)) for one in manifests for key in [key_of(one)]}
    known = [key for key in wanted if key in present]
    changed = [wanted[key] for key in known if present[key]["spec"] != wanted[key]["spec"]]
    return Changes(
        new=[one for key, one in wanted.items() if key not in present],
        changed=changed,
        same=len(known) - len(changed),
        surplus=sorted(present.keys() - wanted.keys()),
    )


def _kept(manifest: Manifest, present: Manifest | None) -> Manifest:
    """The manifest with what the resource declares and dojot's format cannot say: keys and policies stay."""
    silent = (
        {name: present["spec"][name] for name in _NOT_DOJOTS if name in present["spec"]} if present else {}
    )
    return {**manifest, "spec": {**manifest["spec"], **silent}} if silent else manifest


_NOT_DOJOTS = ("credentials", "deletionPolicy", "adoptionPolicy", "compatibility", "announce")


def _is_confirmed(changes: Changes, wanted: Wanted) -> bool:
    if wanted.replace and changes.surplus and not wanted.sure:
        typer.confirm(f"Delete {len(changes.surplus)} resources, with a `remove` event each?", abort=True)
    return True


async def _carry_out(people: cluster.People, home: Home, changes: Changes, wanted: Wanted) -> None:
    await settle_in(people, home)
    if wanted.replace:
        _stop_at(await remove(people, changes.surplus), "Not deleted:")
    manifests = [*changes.new, *changes.changed]
    _, failures = await declare(people, manifests)
    keys = [key for one in manifests if (key := key_of(one)) not in failures]
    failures |= await unsettled(people, keys, wanted.seconds)
    _stop_at(failures, "Not ready:")
    terminal.say(f"{len(manifests)} resources are declared{' and registered' if wanted.seconds else ''}.")


async def unsettled(people: cluster.People, keys: Sequence[Key], seconds: float) -> Failures:
    """Wait for the operator; answers what is not ready, and why."""
    if not seconds:
        return {}
    with bar("registering", len(keys)) as advance:
        waiting = await settled(people, keys, seconds, advance)
    return {key: f"{one.reason}: {one.message}" for key, one in waiting.items()}


def _stop_at(failures: Failures, title: str) -> None:
    if failures:
        lines = [f"  {key}: {message}" for key, message in sorted(failures.items())]
        terminal.fail("\n".join([title, *lines]))
