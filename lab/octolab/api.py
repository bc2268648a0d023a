"""The API server as the lab talks to it: GET and server-side apply, with a client certificate."""

import http.client
import json
import ssl
from typing import Any, cast

from octolab.addons import Manifest
from octolab.errors import LabError
from octolab.layout import Layout

__all__ = ["Api", "RefusedError", "UnreachableError", "path_of"]

PLURALS = {
    "APIService": "apiservices",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "Node": "nodes",
    "RoleBinding": "rolebindings",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
}


class UnreachableError(LabError):
    """No answer from the API server."""


class RefusedError(LabError):
    """The API server answered, but not with what was asked."""


def path_of(manifest: Manifest) -> str:
    """Return the path of an object on the API server."""
    version = str(manifest["apiVersion"])
    metadata = cast("dict[str, str]", manifest["metadata"])
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    space = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{root}{space}/{PLURALS[manifest['kind']]}/{metadata['name']}"


class Api:
    """The API server of a lab, as its administrator."""

    def __init__(self, layout: Layout) -> None:
        self._host = str(layout.control_address)
        self._pki = layout.pki

    def get(self, path: str) -> Manifest:
        """Return the JSON object at a path."""
        return cast("Manifest", json.loads(self.text(path)))

    def text(self, path: str) -> str:
        """Return what a path holds."""
        return self._ask("GET", path, None, {})

    def apply(self, manifest: Manifest) -> None:
        """Make an object what the manifest says, whether it exists or not."""
        self._ask(
            "PATCH",
            f"{path_of(manifest)}?fieldManager=octolab&force=true",
            json.dumps(manifest),
            {"Content-Type": "application/apply-patch+yaml"},
        )

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> str:
        try:
            context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
            context.load_cert_chain(self._pki / "admin.crt", self._pki / "admin.key")
            connection = http.client.HTTPSConnection(self._host, 6443, timeout=10, context=context)
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                text = response.read().decode(errors="replace")
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"API server: {error}") from error
        if response.status >= 300:
            raise RefusedError(f"{method} {path}: {response.status} {reason_in(text)}")
        return text


def reason_in(text: str) -> str:
    """Return the message of a Status object, else the beginning of the text."""
    try:
        status: Any = json.loads(text)
        return str(status["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]
