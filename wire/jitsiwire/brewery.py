"""The brewery: the room where bridges publish their load and a focus finds them.

Names, times and elements that bridge, focus and operator must spell alike. What a bridge puts
into its presence is in `jitsiwire.stats`; what Jicofo makes of it in `jitsiwire.jicofo`.

Source: jicofo 7ebb13dc (BaseBrewery.java, JvbDoctor.java), jicoco e8384e28 (MucClient.java).
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from jitsiwire.elements import Reader, Writer, qualified
from jitsiwire.namespaces import DTLS, HEALTHCHECK, ICE, JABBER_VERSION
from jitsiwire.stats import STATS, BridgeStats, parse_presence

__all__ = [
    "DISCO_FEATURES",
    "HEALTH_CHECK",
    "PRESENCE_INTERVAL",
    "ROOM_CONFIG",
    "VERSION_QUERY",
    "Software",
    "build_health_check",
    "build_version",
    "find_stats",
    "nickname",
    "occupant",
    "parse_version",
    "room",
]

PRESENCE_INTERVAL = 5.0
"""Seconds between two publications of a bridge's statistics."""

ROOM_CONFIG = {"muc#roomconfig_whois": "anyone"}
"""What whoever creates the room sets, so that bridges' real addresses can be seen."""

DISCO_FEATURES = (HEALTHCHECK, DTLS, ICE, JABBER_VERSION)
"""What a bridge advertises by service discovery."""

HEALTH_CHECK = qualified(HEALTHCHECK, "healthcheck")
"""Child of the IQ that asks a bridge whether it is well; an empty result says it is."""

VERSION_QUERY = qualified(JABBER_VERSION, "query")
"""Child of the IQ that asks for name, version and system (XEP-0092)."""


@dataclass(frozen=True, slots=True)
class Software:
    """What a bridge or focus says it is: at `/about/version` and to a version query."""

    name: str
    version: str
    os: str


def room(name: str, service: str) -> str:
    """The room's bare JID, e.g. of "jvbbrewery" and "internal-muc.meet.jitsi"."""
    return f"{name}@{service}".lower()


def occupant(room_jid: str, nick: str) -> str:
    """The full JID a member has in the room: how Jicofo identifies a bridge."""
    return f"{room_jid}/{nick}"


def nickname(occupant_jid: str) -> str:
    """The nickname in an occupant's JID; "" for a bare one."""
    return occupant_jid.partition("/")[2]


def find_stats(presence: Element) -> BridgeStats | None:
    """The statistics in a member's presence, or None: then it isn't a bridge.

    Raises:
        RemoteProtocolError: there are two sets of them, or an absurdly large one.
    """
    found = [child for child in presence if child.tag == STATS]
    if len(found) > 1:
        raise Reader(presence).error("more than one <stats>")
    return parse_presence(found[0]) if found else None


def build_health_check() -> Element:
    """Write the child of a health check's IQ."""
    return Writer(HEALTH_CHECK).element


def build_version(software: Software) -> Element:
    """Write the answer to a version query."""
    writer = Writer(VERSION_QUERY)
    for name, text in (
        ("name", software.name),
        ("version", software.version),
        ("os", software.os),
    ):
        writer.child(qualified(JABBER_VERSION, name)).content(text)
    return writer.element


def parse_version(element: Element) -> Software:
    """Read the answer to a version query; what is missing is "".

    Raises:
        RemoteProtocolError: it isn't one, or says something twice.
    """
    reader = Reader(element)
    reader.expect(VERSION_QUERY)
    texts: dict[str, str] = {}
    for name in ("name", "version", "os"):
        child = reader.child(qualified(JABBER_VERSION, name))
        texts[name] = "" if child is None else child.content()
    return Software(**texts)
