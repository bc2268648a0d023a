"""Rotating a cluster's credentials: what `core.rotation` says, done on Prosody and the Secret."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

import structlog

from octofleet.api.effective import EffectiveCluster
from octofleet.core import rotation
from octofleet.core.conditions import Verdict
from octofleet.core.manifests import accounts, naming, secret
from octofleet.core.manifests.inputs import Domains
from octofleet.core.observation import Timestamp
from octofleet.core.rotation import Begin, Register, Retire, Seen, Step, Switch
from octofleet.shell import accounts as prosody
from octofleet.shell import documents, kube, pods, xmpp
from octofleet.shell.accounts import AccountsError
from octofleet.shell.breweries import Breweries
from octofleet.shell.credentials import Keeper, Kept
from octofleet.shell.documents import Document
from octofleet.shell.endpoints import ClusterName, Endpoints
from octofleet.shell.errors import Unreachable
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.xmpp import Account

__all__ = ["Looked", "Rotator", "bridge_generation"]

CHECK_SECONDS: Final = 30.0
"""An old account is tried no more often than this."""
FOCUS: Final = "focus"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Looked:
    """How a look at a cluster's credentials went."""

    verdict: Verdict
    acted: bool


class Rotator:
    """Takes rotations forward, a step a look."""

    def __init__(
        self,
        api: KubernetesCluster,
        keeper: Keeper,
        breweries: Breweries,
        endpoints: Endpoints,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._keeper = keeper
        self._breweries = breweries
        self._endpoints = endpoints
        self._clock = clock
        self._tried: dict[tuple[ClusterName, int], tuple[bool | None, float]] = {}

    async def look(self, cluster: EffectiveCluster, kept: Kept, asked: str) -> Looked:
        """Take the next step, if there is one; return what is to be said.

        Raises:
            KubeError: The API server can't be asked, or refuses.
        """
        name = ClusterName(cluster.namespace, cluster.name)
        seen = await self._see(cluster, kept, asked)
        todo, trouble, acted = rotation.step(seen, Timestamp(self._clock())), "", False
        if todo is not None:
            try:
                await self._take(cluster, kept, todo)
                acted = True
                _log.info(rotation.told(todo), cluster=f"{name.namespace}/{name.name}")
            except Unreachable as error:
                # Prosody is away: whatever else is judged says so.
                _log.debug(
                    "Could not rotate yet", cluster=f"{name.namespace}/{name.name}", why=str(error)
                )
            except AccountsError as error:
                trouble = str(error)
        said = rotation.verdict(
            seen,
            trouble,
            refused=self._breweries.refused(name),
            restored=kept.restored,
            secret=naming.secret_name(cluster.name),
            prosody=naming.prosody_name(cluster.name),
        )
        return Looked(said, acted)

    def forget(self, name: ClusterName) -> None:
        """Drop what is remembered of a cluster that is gone."""
        self._tried = {key: value for key, value in self._tried.items() if key[0] != name}

    async def _see(self, cluster: EffectiveCluster, kept: Kept, asked: str) -> Seen:
        current, every = accounts.current(kept.values), accounts.generations(kept.values)
        others = every - {current}
        switched = documents.moment(kept.notes, secret.ANNOTATION_SWITCHED_AT)
        return Seen(
            current,
            every,
            asked=asked,
            answered=kept.notes.get(secret.ANNOTATION_ROTATED, ""),
            switched_at=switched,
            taken={each: await self._is_taken(cluster, kept, each) for each in sorted(others)},
            used=await self._used(cluster) if others else None,
            elsewhere=cluster.remote_service is not None,
        )

    async def _is_taken(self, cluster: EffectiveCluster, kept: Kept, which: int) -> bool | None:
        key = (ClusterName(cluster.namespace, cluster.name), which)
        answer, at = self._tried.get(key, (None, 0.0))
        if answer is not True or self._clock() - at >= CHECK_SECONDS:
            host, port = self._endpoints.prosody(key[0])
            both = [
                await xmpp.accepted(host, port, each) for each in _accounts(cluster, kept, which)
            ]
            answer = False if False in both else None if None in both else True
            self._tried[key] = (answer, self._clock())
        return answer

    async def _used(self, cluster: EffectiveCluster) -> frozenset[int] | None:
        """Return the generations that bridges use; None while that can't be told."""
        name = ClusterName(cluster.namespace, cluster.name)
        if not self._breweries.visible(name):
            return None
        labels = {**naming.any_bridge_labels(), naming.LABEL_CLUSTER: cluster.name}
        every = await self._api.list(kube.PODS, cluster.namespace, labels)
        found = {bridge_generation(each) for each in every if not pods.has_ended(each)}
        for member in self._breweries.members(name).values():
            # A bridge whose account can't be seen may be any.
            found.add(None if member.user is None else accounts.generation_of(member.user) or 0)
        return None if None in found else frozenset(each for each in found if each is not None)

    async def _take(self, cluster: EffectiveCluster, kept: Kept, todo: Step) -> None:
        match todo:
            case Begin(which, asked):
                made = {key: self._keeper.fresh() for key in accounts.keys(which)}
                await self._keeper.change(cluster, made, {secret.ANNOTATION_ROTATED: asked})
            case Register(which):
                for each in _accounts(cluster, kept, which):
                    await prosody.add(*self._where(cluster), _focus(cluster, kept), each)
            case Switch(which):
                chosen = {**kept.values, accounts.KEY_GENERATION: str(which)}
                since = {secret.ANNOTATION_SWITCHED_AT: documents.stamp(self._clock())}
                await self._keeper.change(cluster, accounts.current_values(chosen), since)
            case Retire(which):
                for each in _accounts(cluster, kept, which):
                    where, admin = self._where(cluster), _focus(cluster, kept)
                    await prosody.remove(*where, admin, each.jid)
                gone = dict.fromkeys(accounts.keys(which), None)
                await self._keeper.change(cluster, gone, {})
            case _:
                assert_never(todo)

    def _where(self, cluster: EffectiveCluster) -> tuple[str, int]:
        return self._endpoints.prosody(ClusterName(cluster.namespace, cluster.name))


def bridge_generation(pod: Document) -> int | None:
    """Return which generation of accounts a bridge's pod logs in with, None if it can't be told."""
    return accounts.generation_of(documents.variable(pod, accounts.KEY_BRIDGE_USER) or "")


def _accounts(cluster: EffectiveCluster, kept: Kept, which: int) -> tuple[Account, ...]:
    """Return a generation's accounts."""
    domain = Domains(cluster.domain).auth
    users: Mapping[str, str] = {
        naming.KEY_JVB_PASSWORD: accounts.bridge_user(which),
        naming.KEY_OPERATOR_PASSWORD: accounts.operator_user(which),
    }
    return tuple(
        Account(f"{user}@{domain}", kept.values[accounts.password_key(key, which)])
        for key, user in users.items()
    )


def _focus(cluster: EffectiveCluster, kept: Kept) -> Account:
    password = kept.values[naming.KEY_JICOFO_PASSWORD]
    return Account(f"{FOCUS}@{Domains(cluster.domain).auth}", password)
