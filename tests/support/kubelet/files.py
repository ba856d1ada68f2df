"""Volumes of a pod as folders, and the token by which it talks to the API server."""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.apiserver import ApiServer

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_READABLE, _CLOSED = 0o755, 0o711


class Volumes:
    """The volumes of one pod below a folder of its own."""

    def __init__(self, api: ApiServer, pod: Mapping[str, Any], folder: Path, owner: int | None) -> None:
        self._api = api
        self._pod = pod
        self._folder = folder
        self._owner = owner

    def mount(self, container: Mapping[str, Any]) -> dict[str, str]:
        """Make what a container mounts; answers mount path -> folder."""
        known = {one["name"]: one for one in self._pod["spec"].get("volumes", ())}
        mounts = container.get("volumeMounts", ())
        return {one["mountPath"]: str(self._made(known[one["name"]])) for one in mounts}

    def writable(self) -> list[str]:
        """Folders that the container may write into."""
        return [
            str(self._folder / one["name"])
            for one in self._pod["spec"].get("volumes", ())
            if "emptyDir" in one
        ]

    def kubeconfig(self, folder: str) -> str:
        """A kubeconfig that says what a client finds in the folder of the token."""
        user = {"tokenFile": f"{folder}/token"}
        cluster = {"server": self._api.url, "certificate-authority": f"{folder}/ca.crt"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "pod", "cluster": cluster}],
            "users": [{"name": "pod", "user": user}],
            "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod"}}],
            "current-context": "pod",
        }
        self._write(self._folder / "kubeconfig", json.dumps(config))
        return str(self._folder / "kubeconfig")

    def _made(self, volume: Mapping[str, Any]) -> Path:
        folder: Path = self._folder / volume["name"]
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_READABLE)
        if "emptyDir" in volume:
            folder.chmod(0o777)
        for name, text in self._contents(volume):
            self._write(folder / name, text)
        return folder

    def _contents(self, volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        sources = volume.get("projected", {}).get("sources", [volume])
        for source in sources:
            if "serviceAccountToken" in source:
                yield source["serviceAccountToken"]["path"], self._token()
            elif "downwardAPI" in source:
                for item in source["downwardAPI"]["items"]:
                    yield item["path"], field(self._pod, item["fieldRef"]["fieldPath"])
            elif "configMap" in source:
                yield from self._config_map(source["configMap"])
            elif "secret" in source:
                yield from self._secret(source["secret"])

    def _config_map(self, source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if source["name"] == "kube-root-ca.crt":  # published by a controller that is not run here
            yield "ca.crt", self._api.authority
        else:
            yield from self._api.get(f"{self._here}/configmaps/{source['name']}")["data"].items()

    def _secret(self, source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        secret = self._api.get(f"{self._here}/secrets/{source['secretName']}")
        for name, encoded in secret["data"].items():
            yield name, base64.b64decode(encoded).decode()

    def _token(self) -> str:
        account = self._pod["spec"].get("serviceAccountName", "default")
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = self._api.call("POST", f"{self._here}/serviceaccounts/{account}/token", request)
        return str(answer["status"]["token"])

    @property
    def _here(self) -> str:
        return f"/api/v1/namespaces/{self._pod['metadata']['namespace']}"

    def _write(self, path: Path, text: str) -> None:
        """A file that the pod's user can read, and nobody else can."""
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o400)
        if self._owner is not None:
            os.chown(path, self._owner, self._owner)


def field(pod: Mapping[str, Any], path: str) -> str:
    """A field of the pod, as the downward API tells it."""
    found: Any = pod
    for name in path.split("."):
        found = found[name]
    return str(found)
