"""Total readers of JSON documents: what isn't there, or is of another type, is None or empty.

Documents come from the API server and from REST servers; nothing here trusts their shape.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from octofleet.api import quantities
from octofleet.core.observation import Timestamp

Document = Mapping[str, object]


def dig(document: object, *path: str) -> object:
    """Return the value at `path`, None when any step is missing."""
    found = document
    for step in path:
        if not isinstance(found, Mapping):
            return None
        found = cast("Mapping[str, object]", found).get(step)  # JSON objects have string keys
    return found


def mapping(document: object, *path: str) -> Document:
    """Return the object at `path`, empty when there is none."""
    found = dig(document, *path)
    return cast("Document", found) if isinstance(found, Mapping) else {}


def items(document: object, *path: str) -> list[Document]:
    """Return the objects of the list at `path`, empty when there is none."""
    found = dig(document, *path)
    if not isinstance(found, list):
        return []
    every = cast("list[object]", found)  # what a JSON list holds is judged one by one
    return [cast("Document", each) for each in every if isinstance(each, Mapping)]


def text(document: object, *path: str) -> str | None:
    """Return the string at `path`."""
    found = dig(document, *path)
    return found if isinstance(found, str) else None


def name_of(thing: object) -> str:
    """Return an object's name, empty when it has none."""
    return text(thing, "metadata", "name") or ""


def uid_of(thing: object) -> str:
    """Return an object's uid, empty when it has none."""
    return text(thing, "metadata", "uid") or ""


def condition(thing: object, kind: str) -> Document:
    """Return an object's condition of a kind, empty when it has none."""
    found = items(thing, "status", "conditions")
    nothing: Document = {}
    return next((each for each in found if each.get("type") == kind), nothing)


def variable(pod: object, name: str) -> str | None:
    """Return the value of a variable that one of a pod's containers is given.

    Args:
        pod: A pod, or what pods are made from: something with a `spec` that lists containers.
        name: The variable's.
    """
    return text(_named(pod, name, "containers"), "value")


def secret_key(pod: object, name: str) -> str | None:
    """Return under which key of a Secret a pod's containers find a variable; `variable`'s sister.

    Init containers count, too: a sidecar is one.
    """
    found = _named(pod, name, "containers") or _named(pod, name, "initContainers")
    return text(found, "valueFrom", "secretKeyRef", "key")


def _named(pod: object, name: str, kind: str) -> Document | None:
    every = (each for container in items(pod, "spec", kind) for each in items(container, "env"))
    return next((each for each in every if each.get("name") == name), None)


def truth(document: object, *path: str) -> bool | None:
    """Return the boolean at `path`."""
    found = dig(document, *path)
    return found if isinstance(found, bool) else None


def number(document: object, *path: str) -> float | None:
    """Return the number at `path`; a boolean isn't one, nor is what no float can hold."""
    found = dig(document, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        number = float(found)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def texts(document: object, *path: str) -> dict[str, str]:
    """Return the string values of the object at `path`."""
    return {key: value for key, value in mapping(document, *path).items() if isinstance(value, str)}


def moment(document: object, *path: str) -> Timestamp | None:
    """Return the RFC 3339 time at `path`, seconds since the epoch."""
    found = text(document, *path)
    if found is None:
        return None
    try:
        parsed = datetime.fromisoformat(found)
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return Timestamp(parsed.timestamp())


def stamp(at: float) -> str:
    """Return `at`, seconds since the epoch, as Kubernetes writes times."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fine_stamp(at: float) -> str:
    """Return `at` with microseconds, as leases and events want it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def quantity(value: object) -> float | None:
    """Return a Kubernetes quantity ("250m", "1Gi", 2) as a number, None when it isn't one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        return quantities.quantity(value)
    except ValueError:
        return None
