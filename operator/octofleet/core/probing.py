"""Which bridge is to be probed from outside, and what came of it. Pure.

A probe allocates an endpoint on a bridge as Jicofo would, and has a small pod on another node send
an ICE check to every address the bridge then offers. It says what can be said from inside the
cluster and stops nothing: behind some NATs a public address doesn't lead back in.
"""

import ipaddress
import json
from collections.abc import Iterable, Sequence
from typing import Final, cast

from jitsiwire.colibri2 import (
    Capability,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    IceTransport,
    Transport,
)
from octofleet.api.quantities import moment, moment_text
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.observation import (
    Bridge,
    BridgeState,
    Node,
    Probe,
    Seconds,
    Snapshot,
    Timestamp,
)

__all__ = [
    "allocation",
    "due",
    "expiry",
    "has_elsewhere",
    "offered",
    "question",
    "read",
    "result",
    "written",
]

ENDPOINT: Final = "octofleetprobe"
FIRST_AFTER: Final = Seconds(8)
"""A bridge serves so long before it is probed."""
AGAIN_AFTER: Final = Seconds(600)
DOUBTED_AFTER: Final = Seconds(60)
"""One that nothing answered for is asked again sooner."""
TARGETS: Final = 16
WHY_LENGTH: Final = 200


def due(bridges: Iterable[JudgedBridge], snapshot: Snapshot, now: Timestamp) -> Bridge | None:
    """Return the bridge that has waited longest for a probe, None when none needs one."""
    waiting = [
        each.bridge
        for each in bridges
        if each.state is BridgeState.READY
        and _is_due(each.bridge, now)
        and has_elsewhere(each.bridge, snapshot.nodes)
    ]
    return min(waiting, key=lambda b: (b.probe.at if b.probe else 0.0, b.name), default=None)


def has_elsewhere(bridge: Bridge, nodes: Sequence[Node]) -> bool:
    """Return whether there is a node other than the bridge's to ask from."""
    return any(n.ready and n.leaving is None and n.name != bridge.node for n in nodes)


def allocation(meeting: str) -> ConferenceModify:
    """Return the request that gives a client's credentials on a bridge."""
    endpoint = Endpoint(
        ENDPOINT,
        create=True,
        transport=Transport(ice_controlling=True),
        capabilities=(Capability.SOURCE_NAMES.value,),
    )
    return ConferenceModify(meeting, create=True, endpoints=(endpoint,))


def expiry(meeting: str) -> ConferenceModify:
    """Return the request that takes it back."""
    return ConferenceModify(meeting, expire=True)


def offered(reply: ConferenceModified) -> IceTransport | None:
    """Return what a bridge offers to the endpoint, None when it offers nothing usable."""
    for endpoint in reply.endpoints:
        ice = endpoint.transport.ice if endpoint.transport else None
        if endpoint.id == ENDPOINT and ice is not None and ice.ufrag and ice.pwd:
            return ice
    return None


def question(ice: IceTransport) -> str:
    """Return what the probing pod is asked, as it reads it."""
    return json.dumps({"ufrag": ice.ufrag, "pwd": ice.pwd, "targets": _targets(ice)})


def result(text: str, now: Timestamp) -> Probe:
    """Return what came of a probe, from the pod's last words."""
    try:
        raw: object = json.loads(text)
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        return Probe(now, failure="the probing pod said nothing that makes sense")
    said = cast("dict[str, object]", raw)  # JSON: keys are text
    return Probe(now, _addresses(said.get("answered")), _addresses(said.get("silent")))


def written(probe: Probe) -> str:
    """Return a probe as it is noted on the bridge's pod."""
    said: dict[str, object] = {"at": moment_text(probe.at), "answered": list(probe.answered)}
    said["silent"] = list(probe.silent)
    if probe.failure:
        said["failure"] = probe.failure[:WHY_LENGTH]
    return json.dumps(said)


def read(text: str | None) -> Probe | None:
    """Return the probe noted on a bridge's pod, None without one that makes sense."""
    if not text:
        return None
    try:
        raw: object = json.loads(text)
        said = cast("dict[str, object]", raw) if isinstance(raw, dict) else {}
        at = Timestamp(moment(str(said.get("at"))))
    except (ValueError, RecursionError):
        return None
    failure = said.get("failure")
    return Probe(
        at,
        _addresses(said.get("answered")),
        _addresses(said.get("silent")),
        str(failure)[:WHY_LENGTH] if failure else None,
    )


def _is_due(bridge: Bridge, now: Timestamp) -> bool:
    since = bridge.ready_since or bridge.created_at
    if bridge.probe is None:
        return now - since >= FIRST_AFTER
    wait = AGAIN_AFTER if bridge.probe.answered and not bridge.probe.failure else DOUBTED_AFTER
    return now - bridge.probe.at >= wait


def _targets(ice: IceTransport) -> list[str]:
    udp = [each for each in ice.candidates if each.protocol.lower() == "udp" and each.port]
    texts = [f"{each.ip}#{each.port}" for each in udp if _is_address(each.ip)]
    return list(dict.fromkeys(texts))[:TARGETS]


def _addresses(found: object) -> tuple[str, ...]:
    """Return `ip#port` texts; whatever else is among them is left out."""
    if not isinstance(found, list):
        return ()
    texts = [each for each in cast("list[object]", found)[:TARGETS] if isinstance(each, str)]
    return tuple(each for each in texts if _is_address(each.partition("#")[0]))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
