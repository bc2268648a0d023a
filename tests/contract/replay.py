"""Replays the recorded Colibri2 requests of a real Jicofo and compares our bridges' replies.

    python tests/contract/replay.py        # ends in: replay: requests=N equal=N artefacts=N

Every request of the RECORDINGS goes to a handler at the time it was recorded; where two bridges
were linked by relays, each has a handler of its own. A reply is equal when its XML is, after what
can't be equal is normalised: ICE credentials, fingerprints, candidates' ids, addresses, ports,
foundations and priorities, an error's text for people, and SSRCs (renamed in order of appearance
within a conference, so that they must stay what they were).
Left aside are WebSockets for messages, which the recorded bridges of s2 and s3 still offered and
Jitsi has dropped since, and two habits of the recorded bridge's library in every error: it writes
the text without its namespace, where RFC 6120 §8.3.2 asks for one and we have it, and it repeats
the refused request's attributes beside the error, which §8.3.1 allows but doesn't ask for.

What a recording can't tell is in its artefacts, line by line, with the reason. Those requests are
sent all the same: they must be answered with an error, and every later reply still has to fit.
What was asked of a bridge that had been killed is listed, too, and goes to nobody.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a script, Python only knows this folder

from tests.contract.recordings import TRANSCRIPTS, exchanges  # noqa: E402

RECORDING = TRANSCRIPTS / "s1-single-jicofo-jvb.xml"

Handler = Callable[[Element, float, str], Awaitable[Element]]
"""Takes a request, its time in seconds and the bridge's nickname; returns `conference-modified` or
`error`."""

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
KILLED = "this bridge had been killed: nobody was there to answer"


@dataclass(frozen=True)
class Recording:
    """One file, and what of it can't be compared, by line."""

    path: Path
    artefacts: Mapping[int, str] = field(default_factory=dict[int, str])
    """Sent, and to be refused."""
    unheard: Mapping[int, str] = field(default_factory=dict[int, str])
    """Sent to nobody."""


RECORDINGS = (
    Recording(RECORDING, ARTEFACTS),
    Recording(TRANSCRIPTS / "s2-octo-jicofo-jvb.xml"),
    Recording(TRANSCRIPTS / "s3-region-jicofo-jvb.xml", unheard={68: KILLED}),
)


@dataclass
class Result:
    """What a replay found."""

    requests: int = 0
    equal: int = 0
    artefacts: list[str] = field(default_factory=list[str])
    differences: list[str] = field(default_factory=list[str])

    def __add__(self, other: "Result") -> "Result":
        return Result(
            self.requests + other.requests,
            self.equal + other.equal,
            self.artefacts + other.artefacts,
            self.differences + other.differences,
        )

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


async def replay(handle: Handler, recording: Recording = RECORDINGS[0]) -> Result:
    """Send every recorded request to `handle` and compare."""
    result = Result()
    recorded_names, our_names = Names(), Names()
    for exchange in exchanges(recording.path):
        result.requests += 1
        where = f"{recording.path.name} line {exchange.line} ({exchange.label})"
        if exchange.line in recording.unheard and exchange.reply is None:
            result.artefacts.append(f"{where}: {recording.unheard[exchange.line]}")
            continue
        reply = await handle(exchange.request, exchange.at, exchange.bridge)
        reason = recording.artefacts.get(exchange.line)
        if reason is not None:
            result.artefacts.append(f"{where}: {reason}")
            if exchange.reply is not None or not _is_error(reply):
                result.differences.append(f"{where}: artefact answered: {canonical(reply)}")
            continue
        if exchange.reply is None:
            result.differences.append(f"{where}: no recorded reply and not a known artefact")
            continue
        whose = (exchange.bridge, exchange.request.get("meeting-id", ""))
        wanted = canonical(exchange.reply, recorded_names.of(whose))
        given = canonical(reply, our_names.of(whose))
        if wanted == given:
            result.equal += 1
        else:
            result.differences.append(f"{where}:{describe(wanted, given)}")
    return result


def _is_error(reply: Element) -> bool:
    return reply.tag.rpartition("}")[2] == "error"


@dataclass
class Names:
    """Names for SSRCs, by bridge, conference and order of appearance."""

    _known: dict[tuple[str, str], dict[str, str]] = field(
        default_factory=dict[tuple[str, str], dict[str, str]]
    )

    def of(self, conference: tuple[str, str]) -> dict[str, str]:
        """The names of one conference on one bridge."""
        return self._known.setdefault(conference, {})


Canonical = tuple[str, tuple[tuple[str, str], ...], str, tuple["Canonical", ...]]

# Element (without namespace) -> attributes whose value is the bridge's own choice.
OWN_CHOICE = {
    "transport": {"ufrag", "pwd"},
    "candidate": {"id", "ip", "port", "foundation", "priority", "network", "rel-addr", "rel-port"},
}
LEFT_ASIDE = {"web-socket"}
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
    compared = [c for c in element if c.tag.rpartition("}")[2] not in LEFT_ASIDE]
    children = tuple(sorted(canonical(child, names) for child in compared))
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
    # Requests may come at the very same time.
    recorded = {(e.at, e.bridge, tostring(e.request)): e.reply for e in exchanges(path)}

    async def handle(request: Element, at: float, bridge: str) -> Element:
        reply = recorded[at, bridge, tostring(request)]
        return Element("error") if reply is None else reply

    return handle


async def replay_all() -> Result:
    """Replay every recording against our bridges' own handlers."""
    from tests.contract.replay_bridge import RecordedBridges

    result = Result()
    for recording in RECORDINGS:
        result += await replay(RecordedBridges(recording.path), recording)
    return result


def main() -> int:
    """Replay and tell what was found."""
    result = asyncio.run(replay_all())
    for line in result.artefacts:
        print(f"artefact: {line}")
    for line in result.differences:
        print(f"DIFFERENT: {line}")
    print(result.line)
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
