"""Reads tests/contract/transcripts: real servers' traffic, one stanza a line.

`stanzas(path)` gives every stanza; `exchanges(path)` gives every Colibri2 request with what the
bridge answered. Prosody rewrites an IQ's id on its way through the room: base64 of the recipient's
address, the sender's own id and a checksum, with zero bytes between.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

TRANSCRIPTS = Path(__file__).parent / "transcripts"
STREAMS = tuple(sorted(TRANSCRIPTS.glob("*.xml")))
CLIENT = "{jabber:client}"
LINE = re.compile(r"<!-- (\d+\.\d+) (C->S|S->C) (\S+) --> (.*)")
END_OF_STREAM = "</stream:stream>"
"""Follows a client's last stanza on its line: the end of its connection, not a stanza."""


@dataclass(frozen=True)
class Stanza:
    """One stanza; `at` counts seconds from the first of its file."""

    line: int
    at: float
    direction: str
    jid: str
    element: Element
    ends_stream: bool


def stanzas(path: Path) -> Iterator[Stanza]:
    """Every stanza of a recording, in order."""
    first: float | None = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = LINE.fullmatch(line)
        assert match is not None, f"{path.name}:{number} is no recorded stanza"
        time, direction, jid, text = match.groups()
        ends = text.endswith(END_OF_STREAM)
        wrapped = fromstring(f"<s xmlns='jabber:client'>{text.removesuffix(END_OF_STREAM)}</s>")
        assert len(wrapped) == 1, f"{path.name}:{number} holds {len(wrapped)} stanzas"
        first = float(time) if first is None else first
        yield Stanza(number, float(time) - first, direction, jid, wrapped[0], ends)


@dataclass(frozen=True)
class Exchange:
    """A Colibri2 request and its answer: `conference-modified`, `error`, or None."""

    line: int
    at: float
    label: str
    kind: str
    """The IQ's type: get or set."""
    request: Element
    reply: Element | None = None
    bridge: str = ""
    """Nickname of the bridge it was sent to."""


def exchanges(path: Path) -> tuple[Exchange, ...]:
    """Every Colibri2 request of a recording, also those in a wrong namespace, with its answer."""
    found: dict[int, Exchange] = {}
    open_requests: dict[str, int] = {}
    for stanza in stanzas(path):
        iq = stanza.element
        if stanza.direction != "C->S" or iq.tag != f"{CLIENT}iq":
            continue
        kind, label = iq.get("type", ""), iq.get("id", "")
        request = _child(iq, "conference-modify")
        if kind in ("get", "set"):
            if request is not None:
                open_requests[label] = stanza.line
                bridge = iq.get("to", "").rpartition("/")[2]
                found[stanza.line] = Exchange(
                    stanza.line, stanza.at, label, kind, request, bridge=bridge
                )
            continue
        line = open_requests.pop(_original_id(label), None)
        if line is not None:
            answer = _child(iq, "error" if kind == "error" else "conference-modified")
            found[line] = replace(found[line], reply=answer)
    return tuple(found.values())


def _child(iq: Element, name: str) -> Element | None:
    return next((child for child in iq if child.tag.rpartition("}")[2] == name), None)


def _original_id(label: str) -> str:
    try:
        parts = base64.b64decode(label, validate=True).split(b"\0")
    except (binascii.Error, ValueError):
        return label
    return parts[1].decode() if len(parts) > 1 else label
