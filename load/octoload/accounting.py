"""Who was dropped, moved, killed; what was lost and how late it came. Pure: no clock, no I/O.

* **admitted**: connected to a bridge at least once.
* **dropped**: an admitted participant that missed media it should get, from anyone, for more
  than 10 s; or that the focus put out. Counted once a window.
* **moved**: it got a place on another bridge, and no stream was missing for more than 10 s on
  the way. **restarted**: the same, on the same bridge.
* **killed**: it was on a bridge that the caller says it killed. Its media has until 15 s after
  that to come back; the gaps count in `killed_max_gap_ms`, not in `max_gap_ms`.
* **max_gap_ms**: the longest silence in any stream to anyone, while its sender was there and
  not muted.

What should reach a participant is what the focus told it. Senders known to this ledger are
expected from the moment they're connected until they leave, so a focus that died and comes back
knowing nobody makes nobody's silence good.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from octoload.gaps import Reading, Stream
from octoload.report import MAX_DROPS_TOLD, Drop, Report, Summary, Tally

__all__ = ["DROPPED_SECONDS", "KILLED_SECONDS", "Expected", "Ledger"]

DROPPED_SECONDS: Final = 10.0
KILLED_SECONDS: Final = 15.0
ARRIVING_SECONDS: Final = 2.0
"""A stream whose last packet is no older comes in now."""
MAX_CONFERENCES: Final = 2000
FOLDED: Final = "(earlier)"
"""Name under which conferences that are over are summed up when there are too many."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A source the focus announced."""

    ssrc: int
    muted: bool = False


@dataclass(slots=True)
class _Participant:
    key: str
    conference: str
    requested_at: float
    ssrcs: tuple[int, ...]
    connected_at: float | None = None
    session: str | None = None
    bridge: str | None = None
    waiting: bool = True
    had_media: bool = False
    dropped: bool = False
    linked: str | None = None
    """The newest session that connected."""
    is_moving: bool = False
    moving_from: str | None = None
    is_late: bool = False
    """It missed something for too long while it was moving."""
    killed_at: float | None = None
    killed_bridge: str | None = None
    streams: dict[int, Stream] = field(default_factory=dict[int, Stream])


class Ledger:
    """The accounts of one process' participants."""

    def __init__(self, now: float) -> None:
        self._window_start = now
        self._people: dict[str, _Participant] = {}
        self._sender: dict[int, _Participant] = {}
        self._tallies: dict[str, Tally] = {}
        self._drops: list[Drop] = []

    # ---- what happens to a participant ----------------------------------------------------

    def join(self, key: str, conference: str, ssrcs: Iterable[int], now: float) -> None:
        """A participant asks to be let in, and will send these SSRCs."""
        person = _Participant(key, conference, now, tuple(ssrcs))
        self._people[key] = person
        self._sender |= dict.fromkeys(person.ssrcs, person)
        self._tally(person).participants += 1

    def wait(self, key: str) -> None:
        """The focus has no bridge for it now."""
        if (person := self._people.get(key)) is not None:
            person.waiting = True

    def offer(self, key: str, session: str, bridge: str) -> None:
        """The focus gave it a place; a later one replaces it."""
        person = self._people.get(key)
        if person is None:
            return
        if person.connected_at is not None and not person.is_moving:
            person.is_moving, person.moving_from, person.is_late = True, person.bridge, False
        person.waiting = False
        person.session, person.bridge = session, bridge

    def connected(self, key: str, session: str, now: float) -> None:
        """ICE and DTLS of this session stand."""
        person = self._people.get(key)
        if person is None or person.session != session:
            return
        person.linked = session
        if person.connected_at is None:
            person.connected_at = now
            self._tally(person).admitted += 1

    def expect(self, key: str, sources: Iterable[Expected], now: float) -> None:
        """These sources should reach it (from now on, if they're new)."""
        person = self._people.get(key)
        if person is None:
            return
        for source in sources:
            stream = person.streams.get(source.ssrc)
            if stream is None:
                person.streams[source.ssrc] = Stream(source.ssrc, now, source.muted)
            else:
                stream.set_muted(source.muted, now)

    def forget(self, key: str, ssrcs: Iterable[int]) -> None:
        """These sources are gone."""
        if (person := self._people.get(key)) is not None:
            for ssrc in ssrcs:
                person.streams.pop(ssrc, None)

    def replace(self, key: str, sources: Iterable[Expected], now: float) -> None:
        """These and no other sources should reach it, but for those whose senders are there."""
        if (person := self._people.get(key)) is not None:
            wanted = {source.ssrc: source for source in sources}
            gone = set(person.streams) - set(wanted)
            self.forget(key, {ssrc for ssrc in gone if not self._is_sent(ssrc, person)})
            self.expect(key, wanted.values(), now)

    def _is_sent(self, ssrc: int, person: _Participant) -> bool:
        sender = self._sender.get(ssrc)
        return (
            sender is not None
            and sender.conference == person.conference
            and sender.connected_at is not None
        )

    def session_gone(self, key: str, session: str) -> None:
        """This transport's counters won't be read again."""
        if (person := self._people.get(key)) is not None:
            for stream in person.streams.values():
                stream.forget_session(session)

    def leave(self, key: str) -> None:
        """It went by itself: nobody expects its sources any more."""
        person = self._people.pop(key, None)
        if person is None:
            return
        for ssrc in person.ssrcs:
            self._sender.pop(ssrc, None)
            for other in self._people.values():
                if other.conference == person.conference:
                    other.streams.pop(ssrc, None)

    def ended(self, key: str, reason: str) -> None:
        """The focus put it out, unasked."""
        person = self._people.get(key)
        if person is not None and person.connected_at is not None:
            self._drop(person, None, f"ended by the focus: {reason}")
        self.leave(key)

    def killed(self, bridge: str, now: float) -> int:
        """The caller kills this bridge; return how many participants are on it.

        To be told before the kill, or while the focus hasn't moved them twice. Told again of the
        same bridge, nobody is counted twice.
        """
        affected = [
            person
            for person in self._people.values()
            if bridge in (person.bridge, person.moving_from if person.is_moving else None)
            and person.connected_at is not None
        ]
        for person in affected:
            self._tally(person).killed += person.killed_bridge != bridge
            person.killed_at, person.killed_bridge = now, bridge
        return len(affected)

    # ---- what was received ----------------------------------------------------------------

    def observe(self, key: str, session: str, readings: Iterable[Reading], now: float) -> None:
        """Take in the counters of one transport."""
        person = self._people.get(key)
        if person is None:
            return
        tally = self._tally(person)
        for reading in readings:
            stream = person.streams.get(reading.ssrc)
            if stream is None:
                continue
            began = stream.missing_since(self._ready_at(person, stream))
            gap = stream.read(reading, session, now, tally.traffic)
            if gap > 0 and not stream.muted:
                self._gap(person, stream, began, gap)
            if reading.packets > 0 and not person.had_media:
                person.had_media = True
                tally.joined_in(now - max(0.0, reading.age_ms) / 1000 - person.requested_at)

    def check(self, now: float) -> None:
        """Judge the silences that last, and the moves that are over. Call after each reading."""
        for person in self._people.values():
            if person.connected_at is not None:
                self._judge(person, now)

    def _judge(self, person: _Participant, now: float) -> None:
        audible = [stream for stream in person.streams.values() if not stream.muted]
        for stream in audible:
            began = stream.missing_since(self._ready_at(person, stream))
            if now > began:
                self._gap(person, stream, began, now - began)
        session = person.session
        is_linked = person.is_moving and session is not None and person.linked == session
        if is_linked and all(stream.came_in(session or "") for stream in audible):
            self._arrived(person)

    def _arrived(self, person: _Participant) -> None:
        person.is_moving = False
        if person.is_late or person.moving_from == person.killed_bridge is not None:
            return
        if person.bridge == person.moving_from:
            self._tally(person).restarted += 1
        else:
            self._tally(person).moved += 1

    def _gap(self, person: _Participant, stream: Stream, began: float, seconds: float) -> None:
        tally = self._tally(person)
        killed_at = self._killed_at(person, stream)
        allowed = DROPPED_SECONDS
        if killed_at is not None and abs(began - killed_at) <= KILLED_SECONDS:
            allowed = max(allowed, killed_at + KILLED_SECONDS - began)
            tally.killed_max_gap = max(tally.killed_max_gap, seconds)
        else:
            tally.max_gap = max(tally.max_gap, seconds)
        if seconds > allowed:
            person.is_late = True
            self._drop(person, stream.ssrc, f"no media for more than {allowed:.0f} s")

    def _killed_at(self, person: _Participant, stream: Stream) -> float | None:
        sender = self._sender.get(stream.ssrc)
        times = [person.killed_at, sender.killed_at if sender is not None else None]
        return max((time for time in times if time is not None), default=None)

    def _ready_at(self, person: _Participant, stream: Stream) -> float:
        """When both ends were connected; an end not connected yet is ready in the future."""
        ready = person.connected_at
        sender = self._sender.get(stream.ssrc)
        other = ready if sender is None else sender.connected_at
        return float("inf") if ready is None or other is None else max(ready, other)

    def _drop(self, person: _Participant, ssrc: int | None, reason: str) -> None:
        if person.dropped:
            return
        person.dropped = True
        self._tally(person).dropped += 1
        if len(self._drops) < MAX_DROPS_TOLD:
            self._drops.append(Drop(person.key, person.conference, ssrc, reason))

    def arriving(self, conference: str, now: float) -> int:
        """Return how many streams come in at the conference's people just now, all together."""
        return sum(
            stream.last_at is not None and now - stream.last_at <= ARRIVING_SECONDS
            for person in self._people.values()
            if person.conference == conference
            for stream in person.streams.values()
        )

    # ---- what comes out -------------------------------------------------------------------

    def reset(self, now: float) -> None:
        """Begin a new window: those present count as its participants."""
        self._window_start = now
        self._tallies.clear()
        self._drops.clear()
        for person in self._people.values():
            person.dropped = False
            person.killed_at = person.killed_bridge = None
            tally = self._tally(person)
            tally.participants += 1
            tally.admitted += person.connected_at is not None

    def report(self, now: float) -> Report:
        """Return the accounts of this window so far."""
        total = Tally()
        conferences: dict[str, Summary] = {}
        for name in sorted(self._tallies):
            tally = self._tallies[name]
            total.add(tally)
            people = [p for p in self._people.values() if p.conference == name]
            conferences[name] = tally.summary(len(people), sum(p.waiting for p in people))
        waiting = sum(person.waiting for person in self._people.values())
        return Report(
            window_seconds=now - self._window_start,
            total=total.summary(len(self._people), waiting),
            conferences=conferences,
            drops=tuple(self._drops),
        )

    def _tally(self, person: _Participant) -> Tally:
        if person.conference not in self._tallies and len(self._tallies) >= MAX_CONFERENCES:
            self._fold()
        return self._tallies.setdefault(person.conference, Tally())

    def _fold(self) -> None:
        """Put the conferences that are over together, so that the books stay bounded."""
        running = {person.conference for person in self._people.values()} | {FOLDED}
        earlier = self._tallies.setdefault(FOLDED, Tally())
        for name in set(self._tallies) - running:
            earlier.add(self._tallies.pop(name))
