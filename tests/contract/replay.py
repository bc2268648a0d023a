"""Replays the recorded Colibri2 requests of a real Jicofo and compares our bridge's replies.

    python tests/contract/replay.py        # ends in: replay: requests=N equal=N artefacts=N

Every request of s1-single-jicofo-jvb.xml goes to a handler at the time it was recorded. A reply is
equal when its XML is, after what can't be equal is normalised: ICE credentials, fingerprints,
candidates' ids, addresses, ports, foundations and priorities, an error's text for people, and SSRCs
(renamed in order of appearance within a conference, so that they must stay what they were).
Two habits of the recorded bridge's library are left aside in every error: it writes the text
without its namespace, where RFC 6120 §8.3.2 asks for one and we have it, and it repeats the
refused request's attributes beside the error, which §8.3.1 allows but doesn't ask for.

What the recording can't tell is in ARTEFACTS, line by line, with the reason. Those requests are
sent all the same: they must be answered with an error, and every later reply still has to fit.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a script, Python only knows this folder

from tests.contract.recordings import TRANSCRIPTS, Exchange, exchanges  # noqa: E402

RECORDING = TRANSCRIPTS / "s1-single-jicofo-jvb.xml"

Handler = Callable[[Element, float], Awaitable[Element]]
"""Takes a request and its time in seconds; returns `conference-modified` or `error`."""

WRONG_NAMESPACE = (
    "the probe used http://jitsi.org/protocol/colibri2; this bridge's library answered an IQ "
    "without a known payload with broken XML and lost its connection"
)
NO_MEETING_ID = (
    "no meeting-id: this bridge's library couldn't parse the request and never answered it"
)
ARTEFACTS = {
    **dict.fromkeys((*range(73, 93), *range(116, 132), *range(133, 137)), WRONG_NAMESPACE),
    270: NO_MEETING_ID,
    328: NO_MEETING_ID,
}
"""Line of the recording -> why its reply can't be compared."""


@dataclass
class Result:
    """What a replay found."""

    requests: int = 0
    equal: int = 0
    artefacts: list[str] = field(default_factory=list[str])
    differences: list[str] = field(default_factory=list[str])

    @property
    def line(self) -> str:
        """The last line of the output."""
        return (
            f"replay: requests={self.requests} equal={self.equal} artefacts={len(self.artefacts)}"
        )

    @property
    def passed(self) -> bool:
        """Whether every request is accounted for."""
        accounted = self.equal + len(self.artefacts) == self.requests
        return accounted and not self.differences and self.requests > 0


async def replay(handle: Handler, path: Path = RECORDING) -> Result:
    """Send every recorded request to `handle` and compare."""
    result = Result()
    recorded_names, our_names = Names(), Names()
    for exchange in exchanges(path):
        result.requests += 1
        reply = await handle(exchange.request, exchange.at)
        where = f"line {exchange.line} ({exchange.label})"
        reason = ARTEFACTS.get(exchange.line)
        if reason is not None:
            result.artefacts.append(f"{where}: {reason}")
            if exchange.reply is not None or not _is_error(reply):
                result.differences.append(f"{where}: artefact answered: {canonical(reply)}")
            continue
        if exchange.reply is None:
            result.differences.append(f"{where}: no recorded reply and not a known artefact")
            continue
        meeting = exchange.request.get("meeting-id", "")
        wanted = canonical(exchange.reply, recorded_names.of(meeting))
        given = canonical(reply, our_names.of(meeting))
        if wanted == given:
            result.equal += 1
        else:
            result.differences.append(f"{where}:{describe(wanted, given)}")
    return result


def _is_error(reply: Element) -> bool:
    return reply.tag.rpartition("}")[2] == "error"


@dataclass
class Names:
    """Names for SSRCs, by conference and order of appearance."""

    _known: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def of(self, meeting: str) -> dict[str, str]:
        """The names of one conference."""
        return self._known.setdefault(meeting, {})


Canonical = tuple[str, tuple[tuple[str, str], ...], str, tuple["Canonical", ...]]

# Element (without namespace) -> attributes whose value is the bridge's own choice.
OWN_CHOICE = {
    "transport": {"ufrag", "pwd"},
    "candidate": {"id", "ip", "port", "foundation", "priority", "network", "rel-addr", "rel-port"},
    "web-socket": {"url"},
}
OWN_TEXT = {"fingerprint", "text"}
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def canonical(element: Element, ssrcs: dict[str, str] | None = None) -> Canonical:
    """An element with its own choices hidden and its children in a fixed order."""
    names = {} if ssrcs is None else ssrcs
    local = element.tag.rpartition("}")[2]
    attributes = dict(element.attrib)
    attributes.pop(XML_LANG, None)
    for key in OWN_CHOICE.get(local, set()) & attributes.keys():
        attributes[key] = "*"
    if "ssrc" in attributes:
        attributes["ssrc"] = names.setdefault(attributes["ssrc"], f"ssrc-{len(names) + 1}")
    text = (element.text or "").strip()
    text = "*" if local in OWN_TEXT and text else text
    children = tuple(sorted(canonical(child, names) for child in element))
    tag = local if local == "text" else element.tag
    return tag, tuple(sorted(attributes.items())), text, children


def describe(wanted: Canonical, given: Canonical, path: str = "") -> str:
    """The differences between two canonical elements, a line each."""
    here = f"{path}/{wanted[0].rpartition('}')[2]}"
    if wanted[0] != given[0]:
        return f"\n    {here}: recorded {wanted[0]}, ours {given[0]}"
    found = [
        f"\n    {here}: {what} recorded {one!r}, ours {other!r}"
        for what, one, other in (
            ("attributes", dict(wanted[1]), dict(given[1])),
            ("text", wanted[2], given[2]),
        )
        if one != other
    ]
    if len(wanted[3]) == len(given[3]):
        found += [
            describe(one, other, here) for one, other in zip(wanted[3], given[3], strict=True)
        ]
    elif wanted[3] != given[3]:
        recorded, ours = (
            [child[0].rpartition("}")[2] for child in c] for c in (wanted[3], given[3])
        )
        found.append(f"\n    {here}: children recorded {recorded}, ours {ours}")
    return "".join(found)


def echo(path: Path = RECORDING) -> Handler:
    """A handler that answers as recorded: with it every comparison must come out equal."""
    recorded: dict[float, Exchange] = {exchange.at: exchange for exchange in exchanges(path)}

    async def handle(_request: Element, at: float) -> Element:
        reply = recorded[at].reply
        return Element("error") if reply is None else reply

    return handle


def main() -> int:
    """Replay against our bridge's own handler."""
    from tests.contract.replay_bridge import RecordedClockBridge

    result = asyncio.run(replay(RecordedClockBridge()))
    for line in result.artefacts:
        print(f"artefact: {line}")
    for line in result.differences:
        print(f"DIFFERENT: {line}")
    print(result.line)
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
