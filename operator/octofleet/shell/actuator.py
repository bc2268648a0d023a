"""Acting: carries out what the plan asks for, one action at a time, each safe to repeat.

Who is on it? Before a bridge is shut down or deleted, that is asked anew, of the bridge itself
or of Jicofo. Unknown is not zero: without an answer nothing is stopped.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

from octofleet.api.effective import EffectiveRegion
from octofleet.core import releases
from octofleet.core.actions import (
    Action,
    CreateBridge,
    DeleteBridge,
    DrainBridge,
    MoveConference,
    ProveBridge,
    ShutDownBridge,
    TellAddress,
    UndrainBridge,
)
from octofleet.core.manifests import bridge as bridge_manifest
from octofleet.core.manifests import mapping, naming
from octofleet.core.manifests.bridge import Release
from octofleet.core.manifests.inputs import Home
from octofleet.core.manifests.naming import Manifest, Owner
from octofleet.core.observation import Bridge, Proof, Snapshot
from octofleet.core.stages import Stage
from octofleet.shell import documents, kube, pods
from octofleet.shell.bridges import BridgeAddress, BridgeClient, Tokens
from octofleet.shell.endpoints import ClusterName, Endpoints
from octofleet.shell.errors import Conflict, FleetError, Unreachable
from octofleet.shell.jicofo import JicofoClient
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.observer import Observer
from octofleet.shell.proving import DEFAULT_LOAD_IMAGE, Prover

WAITING: Final = "it is under way"


@dataclass(frozen=True, slots=True)
class Target:
    """The region that is acted on, as it was judged."""

    snapshot: Snapshot
    owner: Owner
    region: EffectiveRegion
    stage: Stage
    """Where the upgrade of its bridges stands."""
    participant_stress: float | None
    """What a person was learned to cost."""
    cluster: ClusterName
    tokens: Tokens
    home: Home | None = None
    """Where the cluster is, when in another Kubernetes."""

    def __repr__(self) -> str:
        return f"Target({self.snapshot.namespace}/{self.snapshot.region_name})"

    def bridge(self, name: str) -> Bridge | None:
        """Return the bridge `name` as it was observed."""
        return next((each for each in self.snapshot.bridges if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action went; `message` says why it didn't."""

    action: Action
    done: bool
    message: str = ""
    waits: bool = False
    """It is under way."""


class Actuator:
    """Acts on bridges."""

    def __init__(
        self,
        cluster: KubernetesCluster,
        bridges: BridgeClient,
        jicofo: JicofoClient,
        endpoints: Endpoints,
        observer: Observer,
        clock: Callable[[], float],
        prover: Prover | None = None,
    ) -> None:
        self._prover = prover or Prover(cluster, DEFAULT_LOAD_IMAGE)
        self._kube = cluster
        self._bridges = bridges
        self._jicofo = jicofo
        self._endpoints = endpoints
        self._observer = observer
        self._clock = clock

    async def run(self, actions: tuple[Action, ...], target: Target) -> tuple[Outcome, ...]:
        """Carry the actions out in order; one that fails doesn't stop the others."""
        outcomes: list[Outcome] = []
        for action in actions:
            try:
                refusal = await self._act(action, target)
                waits = refusal == WAITING
                outcomes.append(Outcome(action, refusal is None, refusal or "", waits))
            except FleetError as error:
                outcomes.append(Outcome(action, done=False, message=str(error)))
        return tuple(outcomes)

    async def _act(self, action: Action, target: Target) -> str | None:
        """Carry an action out; return why it was not."""
        match action:
            case CreateBridge():
                return await self._create(action, target)
            case ProveBridge(name):
                return await self._prove(name, target)
            case TellAddress():
                return await self._tell(action, target)
            case DrainBridge(name, reason):
                return await self._drain(name, reason, target)
            case UndrainBridge(name):
                return await self._undrain(name, target)
            case MoveConference():
                return await self._move(action, target)
            case ShutDownBridge(name):
                return await self._shut_down(name, target)
            case DeleteBridge(name, uid):
                return await self._delete(name, uid, target)
            case _:
                assert_never(action)

    async def _create(self, action: CreateBridge, target: Target) -> str | None:
        name, wanted = action.name, action.release or target.snapshot.release or ""
        text = target.snapshot.releases.get(wanted, "")
        made = releases.made_from(target.region, text)
        if made is None:
            return f"what release {wanted} was made from isn't understood"
        settings = replace(
            mapping.bridge_settings(made.region, made.domain, target.home),
            participant_stress=target.participant_stress,
            initial_drain=action.prove,
        )
        before = target.stage.previous(target.snapshot.releases, wanted)
        body = bridge_manifest.build_bridge(
            name,
            target.snapshot.namespace,
            target.owner,
            settings,
            incarnation=secrets.token_hex(3),
            release=Release(wanted, text, before, prove=action.prove),
        )
        try:
            await self._kube.create(kube.PODS, target.snapshot.namespace, body)
        except Conflict:
            # The name is taken: by our own create of a moment ago, or by a pod that isn't ours.
            return None if await self._is_ours(name, target) else f"a foreign pod is named {name}"
        return None

    async def _is_ours(self, name: str, target: Target) -> bool:
        found = await self._kube.get(kube.PODS, name, target.snapshot.namespace)
        owners = documents.items(found, "metadata", "ownerReferences")
        return found is None or any(each.get("uid") == target.owner.uid for each in owners)

    async def _prove(self, name: str, target: Target) -> str | None:
        bridge = target.bridge(name)
        if bridge is None:
            return "it is gone"
        if bridge.healthy is not True or bridge.registered is not True:
            return WAITING
        made = releases.made_from(
            target.region, target.snapshot.releases.get(bridge.release or "", "")
        )
        if made is None:
            return "what it was made from isn't understood"
        settings = mapping.bridge_settings(made.region, made.domain, target.home)
        found = await self._prover.verdict(bridge, target.snapshot.namespace, settings)
        now = documents.fine_stamp(self._clock())
        if found.passed:
            # First the deed: a note without it would leave the bridge drained for ever.
            await self._bridges.drain(self._reach(bridge, target), enable=False)
            notes = {naming.ANNOTATION_PROOF: Proof.PASSED.value, naming.ANNOTATION_PROVED_AT: now}
            await self._annotate(bridge, target, notes)
            await self._prover.clear(bridge, target.snapshot.namespace)
            return None
        proof = Proof.WANTED if found.passed is None else Proof.FAILED
        if proof is Proof.FAILED or found.message != (bridge.proof_message or ""):
            note = f"{proof.value}: {found.message}" if found.message else proof.value
            await self._annotate(bridge, target, {naming.ANNOTATION_PROOF: note})
        return WAITING if found.passed is None else None

    async def _tell(self, action: TellAddress, target: Target) -> str | None:
        bridge = target.bridge(action.name)
        if bridge is None:
            return "it is gone"
        notes = {
            naming.ANNOTATION_ADVERTISE: action.advertise,
            naming.ANNOTATION_DISABLE_STUN: "0" if action.stun else "1",
            naming.ANNOTATION_ADDRESS_SOURCE: action.origin,
        }
        await self._annotate(bridge, target, notes)
        return None

    async def _drain(self, name: str, reason: str, target: Target) -> str | None:
        bridge = target.bridge(name)
        if bridge is None:
            return "it is gone"
        # First the note, then the deed: a drain nobody knows the reason of would last for ever.
        since = bridge.draining_since or self._clock()
        await self._annotate(
            bridge,
            target,
            {
                naming.ANNOTATION_DRAIN_REASON: reason,
                naming.ANNOTATION_DRAINING_SINCE: documents.fine_stamp(since),
            },
        )
        await self._bridges.drain(self._reach(bridge, target), enable=True)
        return None

    async def _undrain(self, name: str, target: Target) -> str | None:
        bridge = target.bridge(name)
        if bridge is None:
            return "it is gone"
        await self._bridges.drain(self._reach(bridge, target), enable=False)
        nothing = {
            naming.ANNOTATION_DRAIN_REASON: None,
            naming.ANNOTATION_DRAINING_SINCE: None,
        }
        await self._annotate(bridge, target, nothing)
        return None

    async def _move(self, move: MoveConference, target: Target) -> str | None:
        bridge = target.bridge(move.bridge)
        if bridge is None:
            return "it is gone"
        base = self._endpoints.jicofo(target.cluster)
        # Noted first: a move that takes long must not be followed by another meanwhile.
        now = documents.fine_stamp(self._clock())
        await self._annotate(bridge, target, {naming.ANNOTATION_MOVED_AT: now})
        moved = await self._jicofo.move_conference(
            base, bridge.nickname, move.conference, None if move.whole else move.participants
        )
        return None if moved else "Jicofo moved nobody"

    async def _shut_down(self, name: str, target: Target) -> str | None:
        bridge = target.bridge(name)
        if bridge is None:
            return "it is gone"
        # What came before in this pass may have taken long.
        pod = await self._kube.get(kube.PODS, name, target.snapshot.namespace)
        if documents.text(pod, "metadata", "uid") != bridge.uid:
            return "another pod was judged"
        address = self._reach(bridge, target)
        people = await self._bridges.local_endpoints(address)
        if people:
            return f"{people} people are on it by now"
        await self._bridges.shut_down(address)
        now = documents.fine_stamp(self._clock())
        await self._annotate(bridge, target, {naming.ANNOTATION_SHUTDOWN_SENT_AT: now})
        return None

    async def _delete(self, name: str, uid: str, target: Target) -> str | None:
        pod = await self._kube.get(kube.PODS, name, target.snapshot.namespace)
        if pod is None or documents.text(pod, "metadata", "uid") != uid:
            return None
        bridge = target.bridge(name)
        if bridge is None or bridge.uid != uid:
            return "another pod was judged"
        ran = documents.text(pod, "status", "hostIP") is not None
        if ran and not pods.has_ended(pod):
            people = await self._who_is_on(bridge, target, runs=pods.runs(pod))
            if people:
                return people
        await self._kube.delete(kube.PODS, target.snapshot.namespace, name, uid)
        return None

    async def _who_is_on(self, bridge: Bridge, target: Target, *, runs: bool) -> str | None:
        """Return who is on a started bridge by now, in words; None when nobody is.

        Jicofo is asked only of one whose container doesn't run or was never ready: a Jicofo that
        has just restarted knows of nobody, wherever people are.
        """
        try:
            people = await self._bridges.local_endpoints(self._reach(bridge, target))
        except Unreachable:
            if runs and not bridge.never_ready:
                raise
            view = await self._observer.jicofo_view(target.cluster)
            conferences = view.conferences.get(bridge.nickname, ())
            people = sum(each.participants for each in conferences)
        return f"{people} people are on it by now" if people else None

    def _reach(self, bridge: Bridge, target: Target) -> BridgeAddress:
        address = self._observer.address(bridge, target.tokens)
        if address is None:
            raise Unreachable("it has no node yet")
        return address

    async def _annotate(
        self, bridge: Bridge, target: Target, values: Mapping[str, str | None]
    ) -> None:
        """Set annotations on exactly the pod that was judged; None takes one away."""
        body: Manifest = {"metadata": {"uid": bridge.uid, "annotations": dict(values)}}
        await self._kube.merge(kube.PODS, target.snapshot.namespace, bridge.name, body)
