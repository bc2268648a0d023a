"""A browser call across a bad network: a router in user space loses, delays and reorders.

Ends in one line: `loss: injected=0.05 decoded=0.NN rtx=N`. `injected` is the share of packets the
router lost, `decoded` the frames a receiver decoded for each that the sender sent on the layer
forwarded to it, `rtx` how many packets were sent again: by the browser to the bridge and by the
bridge to the browser.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, Literal

from rich.console import Console

from octodemo.callers import Caller, Received, Sent, enter
from octodemo.chromium import chromium
from octodemo.local import local_platform
from octodemo.wires import Wire, Wires, wired

__all__ = ["LossFailedError", "prove_loss"]

LOSS: Final = 0.05
SECONDS: Final = 30
HEIGHT: Final = 360
ENOUGH: Final = 0.95
BROWSER: Final = Wire("browser", "10.98.1.2/24")
BRIDGE: Final = Wire("bridge", "10.98.2.2/24")
WAYS: Final[tuple[Literal["up", "down"], ...]] = ("up", "down")


class LossFailedError(AssertionError):
    """The proof's bounds don't hold."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of the last line."""

    injected: float
    decoded: float
    rtx: int

    def line(self) -> str:
        """Return the line."""
        return f"loss: injected={self.injected:.2f} decoded={self.decoded:.2f} rtx={self.rtx}"


async def prove_loss(console: Console, *, seconds: float = SECONDS) -> str:
    """Hold a call over a bad network and measure it; return the line.

    Raises:
        LossFailedError: a bound doesn't hold.
    """
    async with wired(BROWSER, BRIDGE, seed=7) as wires:
        for way in WAYS:
            await wires.shape(
                "browser", way, loss=LOSS, delay_ms=20, jitter_ms=5, reorder=0.02, reorder_ms=10
            )
        address = BRIDGE.address.partition("/")[0]
        console.print("A bridge behind a router that loses 5 % both ways, delays and reorders")
        async with (
            local_platform(wires.inside("bridge"), address) as platform,
            chromium(prefix=wires.inside("browser"), secure=platform.url) as browser,
        ):
            sender = await enter(browser, platform.url, "loss", height=HEIGHT)
            receiver = await enter(browser, platform.url, "loss", media="none", height=HEIGHT)
            outcome = await _measure(sender, receiver, wires, console, seconds)
    if outcome.decoded < ENOUGH or not outcome.rtx or abs(outcome.injected - LOSS) > 0.02:
        raise LossFailedError(f"{outcome.line()}: wanted decoded >= {ENOUGH} and some rtx")
    return outcome.line()


async def _measure(
    sender: Caller, receiver: Caller, wires: Wires, console: Console, seconds: float
) -> Outcome:
    source = f"{sender.id}-v0"
    await receiver.until_height(source, HEIGHT, seconds=40)
    console.print(f"A picture of {HEIGHT}p arrives; counting frames for {seconds:.0f} s")
    before = await _both(sender, receiver, source)
    packets = await _packets(wires)
    await asyncio.sleep(seconds)
    after = await _both(sender, receiver, source)
    packets = tuple(b - a for a, b in zip(packets, await _packets(wires), strict=True))
    (layers_before, got_before), (layers, got) = before, after
    # A sender short of CPU makes its pictures smaller: the layer is known by its SSRC.
    sent = min(layers, key=lambda one: abs(one.frameHeight - got.frameHeight))
    sent_before = next(one for one in layers_before if one.ssrc == sent.ssrc)
    frames = sent.framesSent - sent_before.framesSent
    freezes = got.freezeCount - got_before.freezeCount
    console.print(f"{frames} frames of {sent.frameHeight}p sent, {freezes} freezes")
    return Outcome(
        injected=packets[1] / packets[0],
        decoded=(got.framesDecoded - got_before.framesDecoded) / max(1, frames),
        rtx=sent.retransmittedPacketsSent
        - sent_before.retransmittedPacketsSent
        + got.retransmittedPacketsReceived
        - got_before.retransmittedPacketsReceived,
    )


async def _both(sender: Caller, receiver: Caller, source: str) -> tuple[list[Sent], Received]:
    """The layers as they are sent, and the forwarded one as it is received."""
    layers, received = await asyncio.gather(sender.sent(), receiver.received(source))
    if received is None or not layers:
        raise LossFailedError(f"nothing is sent or received any more: {layers} {received}")
    return layers, received


async def _packets(wires: Wires) -> tuple[int, int]:
    """Packets offered to the router and lost in it, both ways."""
    both = [await wires.counts("browser", way) for way in WAYS]
    return sum(one["offered"] for one in both), sum(one["lost"] for one in both)
