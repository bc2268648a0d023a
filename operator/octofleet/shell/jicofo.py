"""Jicofo's REST: what it says of its bridges is the truth, and its move calls move people.

Its routes that move people are GETs with side effects, so nothing here is ever retried.
"""

import json
import ssl
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from octofleet.core.links import Wanted
from octofleet.core.observation import Conference, Timestamp
from octofleet.shell import documents, rest
from octofleet.shell.documents import Document
from octofleet.shell.errors import Unreachable

ANSWER_LIMIT_BYTES: Final = 64 * 2**20
LOOK_TIMEOUT: Final = httpx.Timeout(3.0, connect=1.0)
"""A region is looked at every few seconds; a Jicofo that is slower is as good as silent."""
MOVE_TIMEOUT: Final = httpx.Timeout(30.0, connect=1.0)


@dataclass(frozen=True, slots=True)
class JicofoBridge:
    """A bridge as Jicofo sees it."""

    operational: bool
    draining: bool
    graceful_shutdown: bool
    shutting_down: bool
    stress: float | None
    version: str | None
    failing_ice: bool = False
    """People on it ask for new connections too often."""
    region: str | None = None
    relay_id: str | None = None


@dataclass(frozen=True, slots=True)
class JicofoPerson:
    """Somebody in a conference: the region they tell, and the nickname of their bridge."""

    region: str | None
    bridge: str | None


@dataclass(frozen=True, slots=True)
class JicofoView:
    """Everything read from one `/debug`."""

    at: Timestamp
    bridges: Mapping[str, JicofoBridge]
    """By brewery nickname."""
    conferences: Mapping[str, tuple[Conference, ...]]
    """By brewery nickname; a bridge without any isn't in it."""
    links: tuple[Wanted, ...] = ()
    """Which bridges should be linked, for which meeting."""
    people: tuple[JicofoPerson, ...] = ()
    present: int | None = None
    """How many are in rooms, on a bridge or not; None where it doesn't say."""

    def people_by_region(self) -> dict[str, int]:
        """Return how many people are on the bridges of each region; bridges of none don't count."""
        found: defaultdict[str, int] = defaultdict(int)
        for nickname, bridge in self.bridges.items():
            if bridge.region is not None:
                here = self.conferences.get(nickname, ())
                found[bridge.region] += sum(each.participants for each in here)
        return dict(found)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What stands before a Jicofo in another Kubernetes."""

    url: str
    token: str = field(repr=False)
    """The gateway's own, or a region's pass."""
    certificate: str = field(repr=False)
    """PEM; no other is trusted."""


class JicofoClient:
    """Asks one HTTP client for all clusters' Jicofos, but each gateway by one of its own."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._behind: dict[str, tuple[Gateway, httpx.AsyncClient]] = {}

    async def admit(self, base: str, gateway: Gateway | None) -> None:
        """Go through a gateway from now on where `base` is asked for; None: no more.

        Raises:
            ValueError: Its certificate isn't one.
        """
        known = self._behind.get(base)
        if known is not None and known[0] == gateway:
            return
        fresh = None if gateway is None else (gateway, _pinned(gateway))
        if known is not None:
            del self._behind[base]
            await known[1].aclose()
        if fresh is not None:
            self._behind[base] = fresh

    async def close(self) -> None:
        """Let go of every gateway."""
        for base in list(self._behind):
            await self.admit(base, None)

    async def view(self, base: str, now: Timestamp) -> JicofoView:
        """Return Jicofo's view of bridges and conferences.

        Raises:
            Unreachable: It can't be asked or answers nonsense.
        """
        found = await self._get(base, "/debug", {"full": "true"}, LOOK_TIMEOUT)
        selector = documents.mapping(found, "bridge_selector", "bridge")
        if "bridge_selector" not in found:
            raise Unreachable("Jicofo's /debug has no bridge_selector")
        bridges = _bridges(selector)
        rooms = documents.mapping(found, "focus_manager")
        return JicofoView(
            now,
            bridges,
            _conferences(found),
            _links(rooms, bridges),
            _people(rooms),
            _present(found.get("focus_manager")),
        )

    async def move_conference(
        self, base: str, bridge: str, conference: str, people: int | None = None
    ) -> int:
        """Have participants of `conference` leave `bridge`; return how many moved.

        Args:
            base: Jicofo's base URL.
            bridge: The bridge's nickname.
            conference: The room.
            people: So many; None: all.

        Raises:
            Unreachable: It can't be asked or refuses.
        """
        # More than any conference holds: without relays a part of one would land where it was.
        number = str(people or 100_000)
        query = {"bridge": bridge, "conference": conference, "numEndpoints": number}
        found = await self._get(base, "/move-endpoints/move-endpoints", query, MOVE_TIMEOUT)
        return int(documents.number(found, "movedEndpoints") or 0)

    async def _get(
        self, base: str, path: str, query: Mapping[str, str], within: httpx.Timeout
    ) -> Document:
        gateway, http = self._behind.get(base, (None, self._http))
        headers = {"Authorization": f"Bearer {gateway.token}"} if gateway else {}
        where = gateway.url if gateway else base
        request = http.build_request("GET", where + path, params=dict(query), headers=headers)
        limits = rest.Limits(ANSWER_LIMIT_BYTES, 2 * (within.read or 0.0), within)
        answer = await rest.answer(http, request, limits, "Jicofo")
        try:
            found: object = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise Unreachable(f"Jicofo answers something other than JSON: {error!r}") from error
        return documents.mapping(found)


def _pinned(gateway: Gateway) -> httpx.AsyncClient:
    """Return a client that trusts the gateway's own certificate, whatever name it bears."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    try:
        context.load_verify_locations(cadata=gateway.certificate)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError("the gateway's certificate isn't one in PEM") from error
    return httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False)


def _bridges(selector: Document) -> dict[str, JicofoBridge]:
    found: dict[str, JicofoBridge] = {}
    for jid in selector:
        entry = documents.mapping(selector, jid)
        found[jid.rpartition("/")[2]] = JicofoBridge(
            operational=documents.truth(entry, "operational") is True,
            draining=documents.truth(entry, "drain") is True,
            graceful_shutdown=documents.truth(entry, "graceful-shutdown") is True,
            shutting_down=documents.truth(entry, "shutting-down") is True,
            failing_ice=documents.truth(entry, "failing-ice") is True,
            stress=documents.number(entry, "stress"),
            version=_known(documents.text(entry, "version")),
            region=_known(documents.text(entry, "region")),
            relay_id=_known(documents.text(entry, "relay-id")),
        )
    return found


def _conferences(debug: Document) -> dict[str, tuple[Conference, ...]]:
    found: defaultdict[str, list[Conference]] = defaultdict(list)
    rooms = documents.mapping(debug, "focus_manager")
    for room in rooms:
        people = documents.mapping(rooms, room, "colibri_session_manager", "participants")
        counts: defaultdict[str, int] = defaultdict(int)
        for participant in people:
            bridge = documents.text(people, participant, "bridge")
            if _known(bridge):
                counts[str(bridge)] += 1
        for bridge, count in counts.items():
            found[bridge].append(Conference(room, count))
    return {bridge: tuple(rooms) for bridge, rooms in found.items()}


def _links(rooms: Document, bridges: Mapping[str, JicofoBridge]) -> tuple[Wanted, ...]:
    names = {seen.relay_id: nick for nick, seen in bridges.items() if seen.relay_id}
    found: set[Wanted] = set()
    for room in rooms:
        meeting = documents.text(rooms, room, "meeting_id")
        sessions = documents.mapping(rooms, room, "colibri_session_manager", "sessions")
        for nick in sessions if meeting is not None else ():
            for relay in documents.mapping(sessions, nick, "relays"):
                first, second = sorted((nick, names.get(relay, relay)))
                found.add(Wanted(meeting or "", (first, second)))
    return tuple(sorted(found, key=lambda each: (each.meeting, each.pair)))


def _people(rooms: Document) -> tuple[JicofoPerson, ...]:
    found: list[JicofoPerson] = []
    for room in rooms:
        members = documents.mapping(rooms, room, "chat_room", "members")
        placed = documents.mapping(rooms, room, "colibri_session_manager", "participants")
        found += [
            JicofoPerson(
                _known(documents.text(members, one, "region")),
                _known(documents.text(placed, one, "bridge")),
            )
            for one in placed
        ]
    return tuple(found)


def _present(rooms: object) -> int | None:
    """Return how many are in rooms; one that isn't understood may well have somebody in it."""
    if not isinstance(rooms, Mapping):
        return None
    rooms, found = documents.mapping(rooms), 0  # pyright: ignore[reportUnknownArgumentType] - JSON
    for name in rooms:
        counted = documents.number(rooms, name)
        room = documents.mapping(rooms, name)
        members = documents.dig(room, "chat_room", "members")
        placed = documents.dig(room, "colibri_session_manager", "participants")
        seen = [len(each) for each in (members, placed) if isinstance(each, Mapping)]  # pyright: ignore[reportUnknownArgumentType] - only counted
        found += max(seen, default=1 if counted is None else max(0, int(counted)))
    return found


def _known(word: str | None) -> str | None:
    """Return `word`, None for the "null" Jicofo writes for what it doesn't know."""
    return None if word == "null" else word
