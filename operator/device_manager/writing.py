"""Writes manifests to stdout, to one file, or to a folder with one file for each."""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from . import terminal, yamls
from .terminal import Exit, Output

_ORDER: Final = ("Namespace", "Secret", "Template", "Device")
"""What others need comes first."""


def ordered(manifests: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The order of every export: namespaces, then by namespace, kind and name."""
    return sorted(manifests, key=_place)


def _place(manifest: Mapping[str, Any]) -> tuple[int, str, int, str]:
    rank = _ORDER.index(manifest["kind"])
    return (min(rank, 1), manifest["metadata"].get("namespace", ""), rank, manifest["metadata"]["name"])


def as_text(manifests: Sequence[Mapping[str, Any]], output: Output) -> str:
    """All manifests in one text: documents of YAML, or a List in JSON."""
    if output is Output.JSON:
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}, indent=2) + "\n"
    return yamls.dump_all(manifests)


def has_keys(manifests: Iterable[Mapping[str, Any]]) -> bool:
    """Whether what is written is for nobody else to read."""
    return any(one["kind"] == "Secret" for one in manifests)


def to_file(text: str, file: Path | None, *, private: bool = False) -> None:
    """Write a text to a file, or to stdout. A file is replaced whole or not at all, and keeps its mode.

    With `private` nobody but the owner may read it.
    """
    if file is None:
        sys.stdout.write(text)
        return
    unfinished = file.with_name(f".{file.name}.part")
    try:
        _write(unfinished, text, private=private)
        if file.exists() and not private:
            shutil.copymode(file, unfinished)
        unfinished.replace(file)
    except OSError as error:
        terminal.fail(f"{file} cannot be written: {error.strerror}", Exit.USAGE)


def to_folder(manifests: Sequence[Mapping[str, Any]], folder: Path, output: Output) -> None:
    """Write `<namespace>/<kind>s/<name>.<ending>` for each; what an earlier export wrote besides goes.

    A folder that has other files in it is refused: they would be applied together with the export.
    """
    ending = "json" if output is Output.JSON else "yaml"
    texts = {_path(one, ending): _one(one, output) for one in manifests}
    try:
        _check(folder)
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            _write(folder / path, text, private=path.parent.name == "secrets")
        for stale in _files(folder) - {folder / path for path in texts}:
            stale.unlink()
        (folder / _MARK).write_text(_ABOUT)
    except OSError as error:
        terminal.fail(f"{folder} cannot be written: {error}", Exit.USAGE)


def _write(file: Path, text: str, *, private: bool) -> None:
    """Write a text; a private one is so before the first byte of it is there."""
    if private:
        file.touch(_PRIVATE)
        file.chmod(_PRIVATE)
    file.write_text(text)


_PRIVATE: Final = 0o600
_MARK: Final = ".device-manager-export"
_ABOUT: Final = "Written by `device-manager export`; the next export into this folder replaces everything.\n"


def _check(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        terminal.fail(
            f"{folder} has files that no export has written; choose an empty folder or a new one.",
            Exit.USAGE,
        )


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.glob("*/*/*") if path.suffix in (".yaml", ".json")}


def _path(manifest: Mapping[str, Any], ending: str) -> Path:
    meta = manifest["metadata"]
    return Path(
        meta.get("namespace") or meta["name"], f"{manifest['kind'].lower()}s", f"{meta['name']}.{ending}"
    )


def _one(manifest: Mapping[str, Any], output: Output) -> str:
    return json.dumps(manifest, indent=2) + "\n" if output is Output.JSON else yamls.dump(manifest)
