"""Everyone this process sends into calls: starts, grows, shrinks and ends them, polls counters.

A call is a conference of the focus with some participants of ours. All calls share the engines
(participants are spread over them) and one ledger.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Annotated, Final

import aiohttp
from pydantic import BaseModel, ConfigDict, Field

import octoengine
from octoload import signalling
from octoload.accounting import Ledger
from octoload.delays import Histogram, percentile
from octoload.media import MediaEngine
from octoload.participant import Participant, ParticipantSettings
from octoload.post import Post, letter
from octoload.report import Report
from octoload.session import SessionState
from octoload.streams import Streams, Wish, camera
from octoload.watching import Watching

__all__ = ["CallRequest", "CallStatus", "Crowd", "CrowdError", "ParticipantStatus"]

POLL_SECONDS: Final = 0.2
POLL_SHARE: Final = 0.1
"""Counting may take this share of the time; a large crowd is polled less often."""
MAX_CALLS: Final = 1000
CONNECT_SECONDS: Final = 5.0


class CrowdError(Exception):
    """A request that can't be done; the text says why."""


class CallRequest(BaseModel):
    """What a call should be like from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: signalling.Name
    participants: Annotated[int, Field(ge=0, le=1000)]
    video: bool = True
    audio: bool = True
    bitrate: Annotated[int, Field(ge=16_000, le=20_000_000)] = 300_000
    """Bits a second of each camera's largest encoding."""
    encodings: Annotated[int, Field(ge=1, le=3)] = 1
    """Sizes each camera is sent in: of 720 lines, of 360 as well, of 180 as well."""
    watch: bool = True
    """Whether they ask for each other's video; a bridge sends none to those who don't."""
    last_n: Annotated[int, Field(ge=-1, le=1000)] = -1
    """How many pictures they ask for at most; then those that the bridge says it sends are
    expected, instead of all."""
    height: Annotated[int, Field(ge=0, le=4320)] = 720
    """Lines they ask for of each picture."""
    stage: signalling.Text | None = None
    """The name of a picture that they want before all others."""
    frames_per_second: Annotated[float, Field(ge=1, le=120)] = 20.0
    feedback: bool = False
    """Whether they tell when packets arrive, so that a bridge sends what their lines carry."""
    region: signalling.Name | None = None
    ramp: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 0.0
    """Seconds over which new participants join."""


@dataclass(frozen=True, slots=True)
class ParticipantStatus:
    """One participant at this moment."""

    key: str
    endpoint: str | None
    """Its id, once it has a place; its camera is called `<id>-v0`."""
    connected: bool
    ended: bool
    last_error: str | None


@dataclass(frozen=True, slots=True)
class CallStatus:
    """One call at this moment."""

    name: str
    participants: int
    connected: int
    arriving: int
    """Streams that come in at them just now, all together."""
    people: tuple[ParticipantStatus, ...]


@dataclass(slots=True)
class _Call:
    people: list[Participant] = field(default_factory=list[Participant])
    numbers: "count[int]" = field(default_factory=lambda: count(1))


class Crowd:
    """See the module. `open` it in a running loop, `close` it once.

    Args:
        focus_url: The focus' WebSocket, `ws://HOST:8889/signal`.
        address: Local IP address of all sockets.
        engines: Media engines (one thread each).
        limit: Participants at most, all calls together.
    """

    def __init__(self, focus_url: str, address: str, engines: int = 1, limit: int = 2000) -> None:
        self._focus_url = focus_url
        self._limit = limit
        self._clock: Callable[[], float] = time.monotonic
        self._calls: dict[str, _Call] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self.engines = [MediaEngine(address) for _ in range(engines)]
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
            connector=aiohttp.TCPConnector(limit=0),
        )
        self.ledger = Ledger(self._clock())
        self.post = Post()
        self._delays_before: Histogram = octoengine.sink_delays()
        self._poller = asyncio.create_task(self._poll_forever(), name="poller")

    async def __aenter__(self) -> "Crowd":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def apply(self, request: CallRequest) -> CallStatus:
        """Make a call, or grow or shrink it; new streams take the request's shape."""
        call = self._calls.get(request.name)
        if call is None:
            if len(self._calls) >= MAX_CALLS:
                raise CrowdError(f"name: there are {MAX_CALLS} calls already")
            call = _Call()
        present = len(call.people)
        total = sum(len(other.people) for other in self._calls.values())
        if total - present + request.participants > self._limit:
            raise CrowdError(f"participants: more than {self._limit} in all calls together")
        self._calls[request.name] = call
        if request.participants > present:
            self._grow(call, request, request.participants - present)
        else:
            self._shrink(call, present - request.participants)
        return self.status(request.name)

    def remove(self, name: str) -> int:
        """End a call; return how many participants left."""
        call = self._calls.pop(name, None)
        if call is None:
            raise CrowdError(f"name: no call {name!r}")
        present = len(call.people)
        self._shrink(call, present)
        return present

    def status(self, name: str) -> CallStatus:
        """Return how a call stands."""
        call = self._calls.get(name)
        if call is None:
            raise CrowdError(f"name: no call {name!r}")
        people = tuple(_status(person) for person in call.people)
        connected = sum(person.connected for person in people)
        arriving = self.ledger.arriving(name, self._clock())
        return CallStatus(name, len(people), connected, arriving, people)

    def statuses(self) -> list[CallStatus]:
        """Return how every call stands."""
        return [self.status(name) for name in sorted(self._calls)]

    def report(self) -> Report:
        """Return the accounts of this window, counters read just now."""
        self._poll()
        p99 = percentile(self._delays_before, octoengine.sink_delays(), 0.99)
        return replace(self.ledger.report(self._clock()), delay_ms_p99=p99)

    def write(self, name: str) -> str:
        """Have everyone of a call send a message to all others; return the round's token."""
        channels = self.reachable(name)
        token = secrets.token_hex(8)
        self.post.begin(token, channels)
        for key, channel in channels.items():
            channel.say(letter(token, key))
        return token

    def reachable(self, name: str) -> dict[str, Watching]:
        """Whose message channel of a call is open."""
        call = self._calls.get(name)
        if call is None:
            raise CrowdError(f"name: no call {name!r}")
        return {one.key: one.watching for one in call.people if one.watching is not None}

    def reset(self) -> None:
        """Begin a new accounting window."""
        self._poll()
        self._delays_before = octoengine.sink_delays()
        self.ledger.reset(self._clock())

    def killed(self, bridge: str) -> int:
        """Take note that a bridge is killed; return how many of ours are on it."""
        return self.ledger.killed(bridge, self._clock())

    async def close(self) -> None:
        """Have everyone leave, then stop the engines."""
        for name in list(self._calls):
            self.remove(name)
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=5)
        self._poller.cancel()
        await asyncio.gather(self._poller, return_exceptions=True)
        await self._http.close()
        for engine in self.engines:
            engine.close()

    # ---- people ---------------------------------------------------------------------------

    def _grow(self, call: _Call, request: CallRequest, number: int) -> None:
        loop = asyncio.get_running_loop()
        for position in range(number):
            person = self._participant(call, request)
            call.people.append(person)
            delay = request.ramp * position / number
            if delay == 0:
                person.start()
            else:
                loop.call_later(delay, self._start_later, person)

    def _start_later(self, person: Participant) -> None:
        if not person.is_over:
            person.start()

    def _participant(self, call: _Call, request: CallRequest) -> Participant:
        streams = Streams(
            audio_ssrc=_new_ssrc() if request.audio else None,
            video=camera(request.bitrate, request.encodings if request.video else 0, _new_ssrc),
            frames_per_second=request.frames_per_second,
            watch=request.watch,
            wish=Wish(request.last_n, request.height, request.stage),
            feedback=request.feedback,
        )
        settings = ParticipantSettings(
            key=f"{request.name}/{next(call.numbers)}",
            conference=request.name,
            focus_url=self._focus_url,
            streams=streams,
            region=request.region,
        )
        engine = min(self.engines, key=len)
        return Participant(settings, engine, self.ledger, self._http, post=self.post)

    def _shrink(self, call: _Call, number: int) -> None:
        for _ in range(number):
            task = asyncio.create_task(call.people.pop().stop())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    # ---- counters -------------------------------------------------------------------------

    async def _poll_forever(self) -> None:
        pause = POLL_SECONDS
        while True:
            await asyncio.sleep(pause)
            began = self._clock()
            self._poll()
            pause = max(POLL_SECONDS, (self._clock() - began) / POLL_SHARE)

    def _poll(self) -> None:
        readings = [(engine, engine.readings()) for engine in self.engines]
        now = self._clock()
        by_line = {
            (engine, transport): found
            for engine, of_engine in readings
            for transport, found in of_engine.items()
        }
        for call in self._calls.values():
            for person in call.people:
                found = {
                    session.id: by_line.get((person.media, session.line.transport), [])
                    for session in person.sessions
                }
                for session, counted in found.items():
                    self.ledger.observe(person.key, session, counted, now)
                person.counted(found)
        self.ledger.check(now)


def _status(person: Participant) -> ParticipantStatus:
    connected = any(session.state is SessionState.CONNECTED for session in person.sessions)
    return ParticipantStatus(
        person.key, person.endpoint_id, connected, person.is_over, person.last_error
    )


def _new_ssrc() -> int:
    return 1 + secrets.randbelow(0xFFFFFFFE)
