"""The stanzas of a brewery client: which incoming ones are ours, and those that join and open.

Kept apart from `brewery` because it is all matching and building, without state.
"""

from typing import Final, cast
from xml.etree.ElementTree import Element, SubElement

from slixmpp.stanza import Iq, Presence
from slixmpp.xmlstream import StanzaBase
from slixmpp.xmlstream.matcher.base import MatcherBase

from jitsiwire import namespaces
from jitsiwire.brewery import ROOM_CONFIG

__all__ = [
    "CREATED",
    "SELF",
    "Requests",
    "RoomPresence",
    "join",
    "payload",
    "room_form",
    "statuses",
]

SELF: Final = "110"
"""Status of one's own presence in a room."""
CREATED: Final = "201"
"""Status of the presence that created it."""

_OWNER: Final = "http://jabber.org/protocol/muc#owner"
_ROOM_CONFIG: Final = "http://jabber.org/protocol/muc#roomconfig"
_DATA: Final = "jabber:x:data"
_LIBRARY: Final = (
    "{http://jabber.org/protocol/disco#info}query",
    "{http://jabber.org/protocol/disco#items}query",
    "{urn:xmpp:ping}ping",
    "{jabber:iq:roster}query",
)
"""Requests that slixmpp answers by itself."""


class Requests(MatcherBase):
    """Matches every IQ of type get or set that is for us to answer."""

    def match(self, xml: StanzaBase) -> bool:
        """Whether this stanza is one."""
        if not isinstance(xml, Iq) or xml["type"] not in ("get", "set"):
            return False
        child = payload(xml)
        return child is None or child.tag not in _LIBRARY


class RoomPresence(MatcherBase):
    """Matches presence that says something of us in the room; criteria: (room, nickname)."""

    def match(self, xml: StanzaBase) -> bool:
        """Whether this stanza is one."""
        room, nickname = cast(tuple[str, str], self._criteria)
        if not isinstance(xml, Presence) or str(xml["from"].bare).lower() != room:
            return False
        return xml["type"] == "error" or xml["from"].resource == nickname


def payload(iq: Iq) -> Element | None:
    """Return an IQ's child, None without one."""
    return next(iter(iq.xml), None)


def statuses(presence: Element) -> set[str]:
    """Return the room's status codes in a presence."""
    path = f"{{{namespaces.MUC_USER}}}x/{{{namespaces.MUC_USER}}}status"
    return {status.get("code", "") for status in presence.findall(path)}


def join() -> Element:
    """Return what makes a presence enter the room, without its history."""
    element = Element(f"{{{namespaces.MUC}}}x")
    SubElement(element, f"{{{namespaces.MUC}}}history", {"maxstanzas": "0"})
    return element


def room_form() -> Element:
    """Return the owner's form of a new room: without it, a locked room stays shut to others."""
    query = Element(f"{{{_OWNER}}}query")
    form = SubElement(query, f"{{{_DATA}}}x", {"type": "submit"})
    for name, text in {"FORM_TYPE": _ROOM_CONFIG, **ROOM_CONFIG}.items():
        entry = SubElement(form, f"{{{_DATA}}}field", {"var": name})
        SubElement(entry, f"{{{_DATA}}}value").text = text
    return query
