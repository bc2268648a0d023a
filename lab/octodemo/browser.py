"""What a bridge does for real browsers, step by step: layers, a thin line, messages, screen, ICE.

One sender with three simulcast layers and two receivers: one that asks for heights in turn, and
one behind a line whose rate is cut. Where the bridge is doesn't matter here; `browser_lab` puts
it in a pod. Ends in `browser: layers=180,360,720 decoded=0.NN freezes=N datachannel=ok
restart=ok`: the heights seen as they were asked for, frames decoded for each sent on the layer
asked for, and freezes of both receivers.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console

from octodemo.callers import Caller, enter
from octodemo.chromium import chromium
from octodemo.wires import Wires

__all__ = ["BrowserFailedError", "Outcome", "Scene", "entering", "play"]

HEIGHTS: Final = (180, 360, 720)
COUNT_SECONDS: Final = 8
SETTLE_SECONDS: Final = 2
ATTEMPTS: Final = 3
ENOUGH: Final = 0.95
CUT_BPS: Final = 450_000
ROOM: Final = "proof"


class BrowserFailedError(AssertionError):
    """The proof's bounds don't hold."""


@dataclass
class Outcome:
    """The figures of the last line, as they come."""

    layers: list[int] = field(default_factory=list[int])
    sent: int = 0
    decoded: int = 0
    freezes: int = 0
    messages: bool = False
    restarted: bool = False
    problems: list[str] = field(default_factory=list[str])

    @property
    def share(self) -> float:
        """Frames decoded for each that was sent."""
        return self.decoded / max(1, self.sent)

    def line(self) -> str:
        """Return the line."""
        layers = ",".join(str(height) for height in self.layers)
        words = {True: "ok", False: "failed"}
        return (
            f"browser: layers={layers} decoded={self.share:.2f} freezes={self.freezes} "
            f"datachannel={words[self.messages]} restart={words[self.restarted]}"
        )

    def check(self) -> None:
        """Raise `BrowserFailedError` if a bound doesn't hold."""
        problems = [*self.problems]
        if tuple(self.layers) != HEIGHTS:
            problems.append(f"layers weren't as asked: {self.layers}")
        if self.share < ENOUGH:
            problems.append(f"decoded {self.decoded} of {self.sent} frames")
        if not (self.messages and self.restarted):
            problems.append("messages or the restart failed")
        if problems:
            raise BrowserFailedError(f"{self.line()}: {'; '.join(problems)}")


@dataclass(frozen=True, slots=True)
class Scene:
    """Everybody in the call."""

    wires: Wires
    sender: Caller
    chooser: Caller
    """Asks for heights; as Jitsi's clients, it lets the bridge rewrite SSRCs."""
    squeezed: Caller
    """Its line is cut; it sees the senders' own SSRCs."""
    outcome: Outcome
    console: Console

    @property
    def source(self) -> str:
        """The sender's camera."""
        return f"{self.sender.id}-v0"


@asynccontextmanager
async def entering(
    wires: Wires, url: str, names: tuple[str, str], console: Console
) -> AsyncGenerator[Scene]:
    """Let everybody in: two browsers, each in a namespace of the router (the second is cut)."""
    wide, thin = names
    async with (
        chromium(prefix=wires.inside(wide), secure=url) as first,
        chromium(prefix=wires.inside(thin), secure=url) as second,
    ):
        sender = await enter(first, url, ROOM, display="sender", height=0)
        chooser = await enter(first, url, ROOM, media="none", rewriting=1, height=180)
        squeezed = await enter(second, url, ROOM, media="none", rewriting=0, height=720)
        yield Scene(wires, sender, chooser, squeezed, Outcome(), console)


async def play(scene: Scene, thin: str) -> Outcome:
    """Go through all of it; return the figures."""
    await _layers(scene)
    await _squeeze(scene, thin)
    await _messages(scene)
    await _screen(scene)
    await _restart(scene)
    for caller in (scene.chooser, scene.squeezed):
        got = await caller.received(scene.source)
        scene.outcome.freezes += got.freezeCount if got else 0
    return scene.outcome


async def _layers(scene: Scene) -> None:
    """Ask for each height; the picture has it, and nearly every frame sent arrives."""
    for height in HEIGHTS:
        await scene.chooser.ask(height)
        sent, decoded, last = await _held(scene, height)
        scene.outcome.layers.append(last)
        scene.outcome.sent += sent
        scene.outcome.decoded += decoded
        scene.console.print(f"asked for {height}p: {last}p, {decoded} of {sent} frames decoded")


async def _held(scene: Scene, height: int) -> tuple[int, int, int]:
    """Count once the picture keeps its height: on a busy machine a line seems thin for a while."""
    counted = (0, 0, 0)
    for _ in range(ATTEMPTS):
        await scene.chooser.until_height(scene.source, height, seconds=40)
        await asyncio.sleep(SETTLE_SECONDS)
        counted = await _count(scene, height, COUNT_SECONDS)
        if counted[2] == height:
            return counted
        scene.console.print(f"{height}p fell to {counted[2]}p: once more")
    return counted


async def _count(scene: Scene, height: int, seconds: float) -> tuple[int, int, int]:
    """Frames sent on the layer of this height, frames decoded, and the last height seen."""

    async def now() -> tuple[int, int, int]:
        layers, got = await asyncio.gather(
            scene.sender.sent(), scene.chooser.received(scene.source)
        )
        layer = next((one for one in layers if one.frameHeight == height), None)
        if layer is None or got is None:
            raise BrowserFailedError(f"nothing of {height}p is sent or received: {layers} {got}")
        return layer.framesSent, got.framesDecoded, got.frameHeight

    before = await now()
    await asyncio.sleep(seconds)
    after = await now()
    return after[0] - before[0], after[1] - before[1], after[2]


async def _squeeze(scene: Scene, thin: str) -> None:
    """Cut a line: its picture gets smaller and goes on; then it comes back."""
    caller, source, page = scene.squeezed, scene.source, scene.squeezed.page
    await caller.until_height(source, 720, seconds=30)
    await scene.wires.shape(thin, "down", rate_bps=CUT_BPS, queue_bytes=30_000)
    smaller = f"""octo.stats().then(({{received}}) => {{
      const one = received.find((one) => one.source === {source!r});
      return one && one.frameHeight < 720 && one.framesPerSecond > 5 && one.frameHeight; }})"""
    height = await page.until(smaller, seconds=30)
    before = await caller.received(source)
    await asyncio.sleep(COUNT_SECONDS)
    after = await caller.received(source)
    frames = (after.framesDecoded if after else 0) - (before.framesDecoded if before else 0)
    scene.console.print(f"cut to {CUT_BPS} bit/s: {height}p, {frames} frames in {COUNT_SECONDS} s")
    if frames < COUNT_SECONDS * 5:
        scene.outcome.problems.append(f"the cut line got only {frames} frames")
    await scene.wires.shape(thin, "down")
    await caller.until_height(source, 720, seconds=60)
    scene.console.print("the line is whole again: 720p")


async def _messages(scene: Scene) -> None:
    """Messages to all and to one, and those the bridge sends of itself."""
    everyone = (scene.sender, scene.chooser, scene.squeezed)
    sender, chooser, squeezed = (caller.page for caller in everyone)
    text = "octo.send('EndpointMessage', {to: %r, msgPayload: {text: 'hello'}})"
    heard = (
        f"octo.messages('EndpointMessage').filter((m) => m.from === {scene.chooser.id!r}).length"
    )
    await chooser.evaluate(text % "")
    for page in (sender, squeezed):
        await page.until(f"{heard} === 1")
    await chooser.evaluate(text % scene.sender.id)
    await sender.until(f"{heard} === 2")
    await chooser.evaluate("octo.send('ClientHello')")
    await chooser.until("octo.messages('ServerHello').length > 0")
    listed = f"m.forwardedSources.includes({scene.source!r})"
    said = {
        "only to whom it was for": await squeezed.evaluate(f"{heard} === 1"),
        "SSRC maps": await chooser.evaluate("octo.messages('VideoSourcesMap').length > 0"),
        "forwarded sources": await squeezed.evaluate(
            f"octo.messages('ForwardedSources').some((m) => {listed})"
        ),
        "limits to the sender": await sender.evaluate(
            "octo.messages('SenderSourceConstraints').length > 0"
        ),
    }
    scene.outcome.messages = all(said.values())
    scene.outcome.problems += [f"messages: not {what}" for what, held in said.items() if not held]
    scene.console.print(f"messages: {said}")


async def _screen(scene: Scene) -> None:
    """Share a screen: both see it beside the camera."""
    await scene.sender.page.evaluate("octo.share(true)")
    screen = f"{scene.sender.id}-v1"
    for caller in (scene.chooser, scene.squeezed):
        await caller.page.until(
            f"""octo.stats().then(({{received}}) => received.some((one) =>
              one.source === {screen!r} && one.framesDecoded > 10))""",
            seconds=30,
        )
    await scene.sender.page.evaluate("octo.share(false)")
    await scene.chooser.page.until(f"!octo.sources().some((one) => one.name === {screen!r})")
    scene.console.print("screen share: seen by both")


async def _restart(scene: Scene) -> None:
    """New ICE for a receiver: another candidate pair, the same session, frames go on."""
    page = scene.chooser.page
    session = await page.evaluate("octo.call.peer.sessionId")
    old = (await page.evaluate("octo.stats()"))["transport"]["remote"]
    before = await scene.chooser.received(scene.source)
    generation = await page.evaluate("octo.restartIce()")
    await page.until(
        f"octo.stats().then(({{transport: {{remote}}}}) => remote && remote !== {old!r})"
    )
    await asyncio.sleep(COUNT_SECONDS)
    after = await scene.chooser.received(scene.source)
    frames = (after.framesDecoded if after else 0) - (before.framesDecoded if before else 0)
    same = await page.evaluate("octo.call.peer.sessionId") == session
    scene.outcome.restarted = same and generation is not None and frames > 5 * COUNT_SECONDS
    scene.console.print(f"ICE restart: generation {generation}, {frames} frames after it")
