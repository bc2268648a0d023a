"""One brewery watcher a cluster, started on need and stopped with its cluster."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from jitsiwire.colibri2 import ConferenceModified, ConferenceModify
from octofleet.core.manifests import accounts, naming
from octofleet.core.manifests.inputs import Domains
from octofleet.core.observation import Timestamp
from octofleet.shell import xmpp
from octofleet.shell.brewery import BreweryWatcher, Member, Room
from octofleet.shell.bridges import Tokens
from octofleet.shell.endpoints import ClusterName, Endpoints
from octofleet.shell.errors import Unreachable
from octofleet.shell.xmpp import Account

FRESH_SECONDS: Final = 30.0
REFUSED_SECONDS: Final = 15.0
"""A Prosody that has just started may not have its accounts yet."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The passwords of a cluster's Secret that the operator itself uses."""

    bridge: str
    operator: str
    tokens: Tokens = field(compare=False)
    """Of the bridges' REST; the brewery has nothing to do with them."""
    generation: int = 1
    """Of the accounts."""

    def __repr__(self) -> str:
        return "Credentials(…)"


@dataclass(slots=True)
class _Watched:
    watcher: BreweryWatcher
    task: asyncio.Task[None]
    made_from: tuple[Domains, Credentials]


class Breweries:
    """All breweries the operator watches."""

    def __init__(
        self,
        endpoints: Endpoints,
        identity: str,
        clock: Callable[[], float],
        notify: Callable[[ClusterName], None],
    ) -> None:
        self._endpoints = endpoints
        self._nickname = f"octofleet-{identity}"
        self._clock = clock
        self._notify = notify
        self._watched: dict[ClusterName, _Watched] = {}

    def watch(self, cluster: ClusterName, domains: Domains, credentials: Credentials) -> None:
        """Have the cluster's brewery watched; anew when its domain or passwords changed."""
        known = self._watched.get(cluster)
        if known is not None and known.made_from == (domains, credentials):
            return
        self.forget(cluster)
        host, port = self._endpoints.prosody(cluster)
        room = Room(host, port, f"{naming.BREWERY_ROOM}@{domains.internal_muc}", self._nickname)
        whom = (
            Account(
                f"{accounts.operator_user(credentials.generation)}@{domains.auth}",
                credentials.operator,
            ),
            _as_bridge(domains, credentials),
        )
        watcher = BreweryWatcher(room, whom, self._clock, lambda: self._notify(cluster))
        task = asyncio.create_task(watcher.run(), name=f"brewery {cluster}")
        self._watched[cluster] = _Watched(watcher, task, (domains, credentials))

    def forget(self, cluster: ClusterName) -> None:
        """Stop watching a cluster's brewery."""
        known = self._watched.pop(cluster, None)
        if known is not None:
            known.task.cancel()

    async def close(self) -> None:
        """Stop watching everything."""
        tasks = [each.task for each in self._watched.values()]
        for cluster in list(self._watched):
            self.forget(cluster)
        await asyncio.gather(*tasks, return_exceptions=True)

    def seen_at(self, cluster: ClusterName) -> Timestamp | None:
        """Return when the brewery was last seen."""
        known = self._watched.get(cluster)
        return known.watcher.seen_at if known else None

    def visible(self, cluster: ClusterName) -> bool:
        """Return whether absence from the room means anything right now."""
        known = self._watched.get(cluster)
        if known is None or not known.watcher.joined or known.watcher.seen_at is None:
            return False
        return self._clock() - known.watcher.seen_at < FRESH_SECONDS

    def member(self, cluster: ClusterName, nickname: str) -> Member | None:
        """Return a bridge's last presence while it is in the room."""
        known = self._watched.get(cluster)
        return known.watcher.members.get(nickname) if known else None

    async def ask(
        self, cluster: ClusterName, nickname: str, request: ConferenceModify
    ) -> ConferenceModified:
        """Send a Colibri request to a bridge, as Jicofo would; return its answer.

        Raises:
            Unreachable: The brewery can't be spoken in, or the bridge doesn't answer or refuses.
        """
        known = self._watched.get(cluster)
        if known is None:
            raise Unreachable("the brewery isn't watched")
        return await known.watcher.ask(nickname, request)

    def members(self, cluster: ClusterName) -> Mapping[str, Member]:
        """Return every bridge in the room by nickname, whoever started it."""
        known = self._watched.get(cluster)
        return known.watcher.members if known else {}

    async def takes_bridges(self, cluster: ClusterName) -> bool | None:
        """Return whether Prosody takes the bridges' password; None when that can't be told."""
        known = self._watched.get(cluster)
        if known is None:
            return None
        domains, credentials = known.made_from
        host, port = self._endpoints.prosody(cluster)
        return await xmpp.accepted(host, port, _as_bridge(domains, credentials))

    def refused(self, cluster: ClusterName) -> bool:
        """Return whether Prosody has refused every password for a while."""
        known = self._watched.get(cluster)
        since = known.watcher.refused_since if known else None
        return since is not None and self._clock() - since >= REFUSED_SECONDS

    def error(self, cluster: ClusterName) -> str | None:
        """Return why the brewery can't be seen, as far as known."""
        known = self._watched.get(cluster)
        return known.watcher.error if known else None


def _as_bridge(domains: Domains, credentials: Credentials) -> Account:
    user = accounts.bridge_user(credentials.generation)
    return Account(f"{user}@{domains.auth}", credentials.bridge)
