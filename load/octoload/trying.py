"""A short call on one bridge: does it carry media both ways?

Two participants of our own, and a focus of their own that knows of no other bridge: the bridge is
asked as Jicofo would ask it, by Colibri2 through the brewery, and ICE, DTLS, SRTP and forwarding
are the real thing. It needs no place in anybody's meeting, and works on a bridge that drains.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from octoload import routes
from octoload.crowd import CallRequest, Crowd
from octoload.focus.app import Running, running
from octoload.focus.settings import FocusSettings, SettingsError

__all__ = ["Trial", "accounts", "try_bridge"]

PEOPLE: Final = 2
STREAMS: Final = 4
"""A voice and a picture from each to the other."""
HOLD_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 0.2
BITRATE: Final = 200_000


@dataclass(frozen=True, slots=True)
class Trial:
    """How it went."""

    passed: bool | None
    """None: it couldn't be tried, which says nothing of the bridge."""
    message: str


def accounts(environ: Mapping[str, str], bridge: str) -> tuple[FocusSettings, ...]:
    """Return whom to log in as, the best first, to try a bridge.

    Raises:
        SettingsError: A variable is missing or wrong.
    """
    found: list[FocusSettings] = []
    jvb = environ.get("JVB_AUTH_USER", "").strip() or "jvb"
    own = environ.get("OCTOFLEET_AUTH_USER", "").strip() or "octofleet"
    for user, key in ((own, "OCTOFLEET_AUTH_PASSWORD"), (jvb, "JVB_AUTH_PASSWORD")):
        if password := environ.get(key, ""):
            settings = FocusSettings.from_env({**environ, "JICOFO_AUTH_PASSWORD": password})
            found.append(replace(settings, user=user, only=bridge))
    if not found:
        raise SettingsError("set OCTOFLEET_AUTH_PASSWORD or JVB_AUTH_PASSWORD")
    return tuple(found)


async def try_bridge(whom: Sequence[FocusSettings], seconds: float) -> Trial:
    """Hold a call on the bridge that `only` names.

    Args:
        whom: Whom to log in as, and where: the first that the server takes.
        seconds: How long it may take until media flows both ways.
    """
    trial = Trial(passed=None, message="no account")
    for settings in whom:
        trial = await _try(settings, seconds)
        if trial.passed is not None:
            break
    return trial


async def _try(settings: FocusSettings, seconds: float) -> Trial:
    name = f"octofleet-trial-{secrets.token_hex(4)}"
    own = replace(
        settings,
        nickname=name,
        health_checks=False,
        rest_host="127.0.0.1",
        rest_port=0,
        signal_host="127.0.0.1",
        signal_port=0,
    )
    now = asyncio.get_running_loop().time()
    deadline = now + seconds
    async with running(own) as focus:
        if not await _until(lambda: bool(focus.shell.focus.bridges), now + seconds / 2):
            return Trial(passed=None, message=_unseen(focus, own))
        return await _call(focus, own, name, deadline)


async def _call(focus: Running, settings: FocusSettings, name: str, deadline: float) -> Trial:
    address = routes.local_address_towards(f"ws://{settings.server}:{settings.port}/")
    async with Crowd(f"ws://127.0.0.1:{focus.signal_port}/signal", address) as crowd:
        crowd.apply(CallRequest(name=name, participants=PEOPLE, bitrate=BITRATE))
        if not await _until(lambda: _flows(crowd), deadline):
            return Trial(passed=False, message=_stuck(crowd))
        await asyncio.sleep(HOLD_SECONDS)
        flowed, total = _flows(crowd), crowd.report().total
        if not flowed or total.dropped:
            return Trial(passed=False, message=f"media stopped again: {crowd.report().line()}")
    packets, join = total.packets_received, total.join_ms_max
    return Trial(passed=True, message=f"media both ways: {packets} packets, joined in {join} ms")


def _flows(crowd: Crowd) -> bool:
    calls = crowd.statuses()
    return sum(call.connected for call in calls) == PEOPLE and (
        sum(call.arriving for call in calls) >= STREAMS
    )


def _unseen(focus: Running, settings: FocusSettings) -> str:
    if not focus.shell.xmpp.joined:
        return f"the brewery {settings.room} can't be entered as {settings.user}"
    return f"the bridge {settings.only} isn't in the brewery"


def _stuck(crowd: Crowd) -> str:
    people = [person for call in crowd.statuses() for person in call.people]
    why = next((each.last_error for each in people if each.last_error), None)
    connected = sum(each.connected for each in people)
    if connected == PEOPLE:
        arriving = sum(call.arriving for call in crowd.statuses())
        return f"connected, but {arriving} of {STREAMS} streams arrive"
    return f"{connected} of {PEOPLE} could connect: {why or 'no answer from the bridge'}"


async def _until(holds: Callable[[], bool], deadline: float) -> bool:
    loop = asyncio.get_running_loop()
    while not holds():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True
