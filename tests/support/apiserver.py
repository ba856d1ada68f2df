"""The API server over plain HTTP, for what tests do too often to start kubectl each time."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

_APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_SECONDS = 30.0


class Answered(Exception):
    """The API server refused; `code` is the HTTP status."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class ApiServer:
    """One cluster, as the administrator of a kubeconfig of `local.credentials`."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self.url: str = cluster["server"]
        self.authority: str = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._token = config["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context(cadata=self.authority)

    def get(self, path: str) -> Any:
        """An object or a list; raises Answered."""
        return self.call("GET", path)

    def find(self, path: str) -> Any | None:
        """The same, None if it is not there."""
        try:
            return self.get(path)
        except Answered as answer:
            if answer.code == HTTPStatus.NOT_FOUND:
                return None
            raise

    def apply(self, manifest: Mapping[str, Any]) -> Any:
        """Server-side apply of accounts and roles, as kubectl would; raises Answered."""
        version, kind, meta = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
        root = f"/api/{version}" if version == "v1" else f"/apis/{version}"
        within = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
        path = f"{root}{within}/{kind.lower()}s/{meta['name']}?fieldManager=tests&force=true"
        return self.call("PATCH", path, manifest, _APPLY)

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, content: str = "application/json"
    ) -> Any:
        """Any request; raises Answered when it is refused."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": content},
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS, context=self._tls) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise Answered(error.code, error.read().decode(errors="replace")) from None
