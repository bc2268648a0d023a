"""What the bridge answers to an IQ: from the request's payload to the reply's.

Works on plain XML elements, so that it can be tried without a server. Whoever sends to it must
be in the brewery; everyone else is forbidden.
"""

import platform
from dataclasses import dataclass
from typing import Protocol
from xml.etree.ElementTree import Element

from jitsiwire import colibri2_xml
from jitsiwire.brewery import HEALTH_CHECK, VERSION_QUERY, Software, build_version
from jitsiwire.colibri2 import (
    Colibri2Error,
    Condition,
    ConferenceModified,
    ConferenceModify,
)
from jitsiwire.errors import LocalProtocolError, RemoteProtocolError
from octobridge.core.health import Health

__all__ = ["Answer", "Subject", "answer", "software"]


class Subject(Protocol):
    """What is asked: the bridge."""

    def handle(self, request: ConferenceModify) -> ConferenceModified | Colibri2Error:
        """Handle a Colibri2 request."""
        ...

    def health(self) -> Health:
        """Return the verdict of now."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A result with at most one payload, or an error."""

    result: Element | None = None
    error: Element | None = None


def answer(
    bridge: Subject, payload: Element | None, origin: str, rooms: frozenset[str], version: str
) -> Answer:
    """Return the answer to one IQ of type get or set.

    Args:
        bridge: The bridge.
        payload: The IQ's child; None when it has none.
        origin: Bare JID of the sender.
        rooms: Bare JIDs of the breweries, lower case.
        version: The bridge's version.
    """
    if origin.lower() not in rooms:
        return _refuse(Condition.FORBIDDEN, "Only occupants of the brewery may ask.")
    match payload.tag if payload is not None else None:
        case colibri2_xml.MODIFY if payload is not None:
            return _colibri(bridge, payload)
        case tag if tag == HEALTH_CHECK:
            return _health(bridge)
        case tag if tag == VERSION_QUERY:
            return Answer(build_version(software(version)))
        case _:
            name = "" if payload is None else str(payload.tag).rpartition("}")[2][:64]
            return _refuse(Condition.SERVICE_UNAVAILABLE, f"Unsupported IQ request {name}".strip())


def software(version: str) -> Software:
    """Return what this bridge says it is: the stock name, by which tools know a bridge."""
    return Software("JVB", version, platform.system())


def _colibri(bridge: Subject, payload: Element) -> Answer:
    try:
        request = colibri2_xml.parse_request(payload)
    except RemoteProtocolError as error:
        return _refuse(Condition.BAD_REQUEST, str(error))
    reply = bridge.handle(request)
    try:
        if isinstance(reply, Colibri2Error):
            return Answer(error=colibri2_xml.build_error(reply))
        return Answer(colibri2_xml.build_reply(reply))
    except LocalProtocolError as error:
        return _refuse(Condition.INTERNAL_SERVER_ERROR, f"The reply can't be written: {error}")


def _health(bridge: Subject) -> Answer:
    health = bridge.health()
    if health.success:
        return Answer()
    return _refuse(Condition.INTERNAL_SERVER_ERROR, health.message)


def _refuse(condition: Condition, text: str) -> Answer:
    return Answer(error=colibri2_xml.build_error(Colibri2Error(condition, text)))
