"""People in a browser: tabs with the test page in a call, and what they send and see."""

from dataclasses import dataclass, fields
from typing import Any, Final
from urllib.parse import urlencode

from octodemo.chromium import Browser, Page

__all__ = ["Caller", "Received", "Sent", "enter"]

JOIN_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class Sent:
    """Counts of one encoding that is sent."""

    mid: str
    ssrc: int
    frameHeight: int  # noqa: N815 - named as getStats names them
    framesSent: int  # noqa: N815
    packetsSent: int  # noqa: N815
    retransmittedPacketsSent: int  # noqa: N815
    active: bool


@dataclass(frozen=True, slots=True)
class Received:
    """Counts of one stream that is received."""

    source: str | None
    ssrc: int
    frameHeight: int  # noqa: N815
    framesDecoded: int  # noqa: N815
    freezeCount: int  # noqa: N815
    packetsReceived: int  # noqa: N815
    packetsLost: int  # noqa: N815
    retransmittedPacketsReceived: int  # noqa: N815
    nackCount: int  # noqa: N815
    pliCount: int  # noqa: N815


@dataclass(frozen=True, slots=True)
class Caller:
    """One person's tab."""

    page: Page
    id: str
    """Its endpoint."""

    async def sent(self, mid: str = "1") -> list[Sent]:
        """What it sends of its camera ("1") or screen ("s"), smallest picture first."""
        found = [Sent(**_of(Sent, one)) for one in await self._video("sent")]
        return sorted((o for o in found if o.mid == mid), key=lambda one: one.frameHeight)

    async def received(self, source: str) -> Received | None:
        """What it has of a source."""
        found = [Received(**_of(Received, one)) for one in await self._video("received")]
        return next((one for one in found if one.source == source), None)

    async def _video(self, what: str) -> list[dict[str, Any]]:
        figures = await self.page.evaluate("octo.stats()")
        return [one for one in figures[what] if one["kind"] == "video"]

    async def until_height(self, source: str, height: int, *, seconds: float = 60.0) -> None:
        """Wait until a source's picture has this height and moves."""
        await self.page.until(
            f"""octo.stats().then(({{received}}) => received.some((one) =>
              one.source === {source!r} && one.frameHeight === {height} &&
              one.framesPerSecond > 0))""",
            seconds=seconds,
        )

    async def ask(self, height: int) -> None:
        """Ask for everybody's picture at a height."""
        await self.page.evaluate(
            f"octo.receive({{defaultConstraints: {{maxHeight: {height}}}, constraints: {{}}}})"
        )


def _of(kind: type[Sent] | type[Received], one: dict[str, Any]) -> dict[str, Any]:
    return {field.name: one[field.name] for field in fields(kind)}


async def enter(browser: Browser, url: str, room: str, **options: object) -> Caller:
    """Open a tab, join a call and wait for the connection and its message channel."""
    query = urlencode({"room": room, "join": 1, **options})
    page = await browser.open(f"{url}/call?{query}")
    await page.until(
        "octo.state() === 'connected' && octo.channel() === 'open'", seconds=JOIN_SECONDS
    )
    return Caller(page, await page.evaluate("octo.me()"))
