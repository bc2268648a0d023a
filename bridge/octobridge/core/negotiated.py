"""What was negotiated with a client or another bridge about RTP, as the engine is told it.

Payload types and header extensions are numbered per bundle, so a number that a client uses twice
keeps its first meaning.

Source: for relays, JVB relay/Relay.kt (addRtpExtension).
"""

from collections.abc import Iterable
from typing import Final

from jitsiwire.colibri2 import HeaderExtension, PayloadType
from octobridge.core.effects import MediaEffect, SetExtensions, SetFeedback, SetPayloadTypes

__all__ = ["ABS_SEND_TIME", "TRANSPORT_CC", "negotiated"]

TRANSPORT_CC: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
_NUMBERS: Final = range(128)
_IDS: Final = range(1, 256)


def negotiated(
    transport: int,
    payload_types: Iterable[PayloadType],
    extensions: Iterable[HeaderExtension],
    *,
    estimated: bool,
) -> tuple[MediaEffect, ...]:
    """Return what tells the engine how this transport numbers things and which feedback it has.

    Args:
        transport: Whose it is.
        payload_types: As signalled.
        extensions: As signalled.
        estimated: Whether what its line carries is to be found out; between bridges it isn't, and
            what serves nothing else is left out.
    """
    types = {p.id: p for p in reversed([*payload_types]) if p.id in _NUMBERS and p.name}
    unused = () if estimated else (TRANSPORT_CC, ABS_SEND_TIME)
    uris = {e.id: e.uri for e in reversed([*extensions]) if e.id in _IDS and e.uri not in unused}
    feedback = {(f.type.lower(), f.subtype) for p in types.values() for f in p.feedback}
    return (
        SetPayloadTypes(transport, tuple(_described(types[n]) for n in sorted(types))),
        SetExtensions(transport, tuple(sorted(uris.items()))),
        SetFeedback(
            transport,
            transport_cc=("transport-cc", None) in feedback and TRANSPORT_CC in uris.values(),
            remb=estimated and ("goog-remb", None) in feedback,
            nack=("nack", None) in feedback,
        ),
    )


def _described(payload_type: PayloadType) -> tuple[int, str, int]:
    repaired = dict(payload_type.parameters).get("apt", "")
    known = repaired.isascii() and repaired.isdigit() and len(repaired) <= 3
    number = int(repaired) if known else -1
    name = (payload_type.name or "").upper()
    return payload_type.id, name, number if number in _NUMBERS else -1
