"""Colibri2 as JSON, for the bridge's REST: the same requests and replies in another dress.

JSON and XML differ in form only: attributes are members, repeated children are lists under a
plural name. So a table of shapes says how each element is dressed, and whatever comes as JSON
becomes an element first, for `jitsiwire.colibri2_xml` to judge: one parser, one set of rules.

Source: jitsi-xmpp-extensions, Colibri2JSONSerializer.kt, JSONSerializer.java; JVB
doc/rest-colibri2.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from xml.etree.ElementTree import Element, SubElement

from jitsiwire import colibri2_xml
from jitsiwire.colibri2 import ConferenceModified, ConferenceModify
from jitsiwire.elements import qualified
from jitsiwire.errors import RemoteProtocolError
from jitsiwire.namespaces import (
    COLIBRI,
    COLIBRI2,
    DTLS,
    ICE,
    RTCP_FEEDBACK,
    RTP,
    RTP_EXTENSIONS,
    SSMA,
)

__all__ = ["build_reply", "build_request", "parse_request"]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one element is dressed; every key is JSON's."""

    tag: str
    lists: Mapping[str, "_Shape"] = field(default_factory=dict[str, "_Shape"])
    """Lists of children."""
    wrapped: Mapping[str, tuple[str, "_Shape"]] = field(
        default_factory=dict[str, tuple[str, "_Shape"]]
    )
    """Lists whose children are in an element of their own; empty is not absent."""
    objects: Mapping[str, "_Shape"] = field(default_factory=dict[str, "_Shape"])
    """Single children."""
    flags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Empty children that say yes by being there."""
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Lists of words: the child's tag and the attribute that holds the word."""
    pairs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Objects of names and values: the tag of a child with both."""
    text: str | None = None
    """Where the element's own text goes."""
    bare: str | None = None
    """An item that is no object is this attribute."""
    numbers: frozenset[str] = frozenset()
    """Attributes written as numbers; all others are words, also those that are digits."""
    truths: frozenset[str] = frozenset()
    namespaced: bool = False
    """Whether its namespace is told."""


def _colibri(name: str) -> str:
    return qualified(COLIBRI2, name)


_PAYLOAD_TYPE = _Shape(
    qualified(RTP, "payload-type"),
    lists={"rtcp-fbs": _Shape(qualified(RTCP_FEEDBACK, "rtcp-fb"))},
    pairs={"parameters": qualified(RTP, "parameter")},
)
_MEDIA = _Shape(
    _colibri("media"),
    lists={
        "payload-types": _PAYLOAD_TYPE,
        "rtp-hdrexts": _Shape(qualified(RTP_EXTENSIONS, "rtp-hdrext"), numbers=frozenset({"id"})),
    },
    flags={"extmap-allow-mixed": qualified(RTP_EXTENSIONS, "extmap-allow-mixed")},
)
_ICE = _Shape(
    qualified(ICE, "transport"),
    lists={
        "candidates": _Shape(qualified(ICE, "candidate")),
        "fingerprints": _Shape(
            qualified(DTLS, "fingerprint"),
            text="fingerprint",
            truths=frozenset({"required", "cryptex"}),
        ),
    },
    flags={"rtcp-mux": qualified(ICE, "rtcp-mux")},
    words={"web-sockets": (qualified(COLIBRI, "web-socket"), "url")},
    namespaced=True,
)
_TRANSPORT = _Shape(
    _colibri("transport"),
    objects={
        "transport": _ICE,
        "sctp": _Shape(_colibri("sctp"), numbers=frozenset({"port"})),
    },
    truths=frozenset({"ice-controlling", "use-unique-port", "ice-restart"}),
)
_SOURCE = _Shape(qualified(SSMA, "source"), bare="ssrc", numbers=frozenset({"ssrc"}))
_MEDIA_SOURCE = _Shape(
    _colibri("media-source"),
    lists={
        "sources": _SOURCE,
        "ssrc-groups": _Shape(qualified(SSMA, "ssrc-group"), lists={"sources": _SOURCE}),
    },
    truths=frozenset({"synthetic"}),
)
_COMMON_LISTS = {"medias": _MEDIA}
_COMMON_WRAPPED = {"sources": (_colibri("sources"), _MEDIA_SOURCE)}
_ENDPOINT = _Shape(
    _colibri("endpoint"),
    lists=_COMMON_LISTS,
    wrapped=_COMMON_WRAPPED,
    objects={
        "transport": _TRANSPORT,
        "force-mute": _Shape(_colibri("force-mute"), truths=frozenset({"audio", "video"})),
        "initial-last-n": _Shape(_colibri("initial-last-n"), numbers=frozenset({"value"})),
    },
    words={"capabilities": (_colibri("capability"), "name")},
    truths=frozenset({"create", "expire", "diarize"}),
)
_RELAY = _Shape(
    _colibri("relay"),
    lists=_COMMON_LISTS,
    wrapped=_COMMON_WRAPPED | {"endpoints": (_colibri("endpoints"), _ENDPOINT)},
    objects={"transport": _TRANSPORT},
    truths=frozenset({"create", "expire"}),
)
_CONNECT = _Shape(_colibri("connect"), truths=frozenset({"audio", "video", "create", "expire"}))
_MODIFY = _Shape(
    colibri2_xml.MODIFY,
    lists={"endpoints": _ENDPOINT, "relays": _RELAY},
    wrapped={"connects": (_colibri("connects"), _CONNECT)},
    truths=frozenset({"create", "expire", "rtcstats-enabled"}),
)
_MODIFIED = _Shape(
    colibri2_xml.MODIFIED,
    lists={"endpoints": _ENDPOINT, "relays": _RELAY},
    wrapped=_COMMON_WRAPPED,
)


def parse_request(data: Mapping[str, object]) -> ConferenceModify:
    """Read a request.

    Args:
        data: As decoded, of bounded size and depth.

    Raises:
        RemoteProtocolError: it isn't one.
    """
    return colibri2_xml.parse_request(_element(data, _MODIFY))


def build_request(request: ConferenceModify) -> dict[str, Any]:
    """Write a request.

    Raises:
        LocalProtocolError: it holds what the wire can't say.
    """
    return _data(colibri2_xml.build_request(request), _MODIFY)


def build_reply(reply: ConferenceModified) -> dict[str, Any]:
    """Write a reply.

    Raises:
        LocalProtocolError: it holds what the wire can't say.
    """
    return _data(colibri2_xml.build_reply(reply), _MODIFIED)


# -- from JSON ------------------------------------------------------------------------------------


def _element(data: Mapping[str, object], shape: _Shape, parent: Element | None = None) -> Element:
    element = Element(shape.tag) if parent is None else SubElement(parent, shape.tag)
    for key, value in data.items():
        if value is None or key == "xmlns":
            continue
        if key == shape.text:
            element.text = _text(key, value)
        elif key in shape.lists:
            _items(element, key, value, shape.lists[key])
        elif key in shape.wrapped:
            wrapper, inner = shape.wrapped[key]
            _items(SubElement(element, wrapper), key, value, inner)
        elif key in shape.objects:
            _element(_object(key, value), shape.objects[key], element)
        elif not _small(element, key, value, shape) and not isinstance(value, dict | list):
            # What is nested and unknown is a newer peer's affair, as in XML.
            element.set(key, _text(key, value))
    return element


def _small(element: Element, key: str, value: object, shape: _Shape) -> bool:
    """Add flags, words and pairs; return whether it was one of them."""
    if key in shape.flags:
        if value is True:
            SubElement(element, shape.flags[key])
    elif key in shape.words:
        tag, attribute = shape.words[key]
        for word in _list(key, value):
            SubElement(element, tag).set(attribute, _text(key, word))
    elif key in shape.pairs:
        for name, said in _object(key, value).items():
            child = SubElement(element, shape.pairs[key], value=_text(name, said))
            # A parameter without a name (RED's) is called "null" by the stock serializer.
            if name != "null":
                child.set("name", name)
    else:
        return False
    return True


def _items(parent: Element, key: str, value: object, shape: _Shape) -> None:
    for item in _list(key, value):
        if shape.bare is not None and isinstance(item, str | int):
            SubElement(parent, shape.tag).set(shape.bare, _text(key, item))
        else:
            _element(_object(key, item), shape, parent)


def _list(key: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise RemoteProtocolError(f"{key[:64]} isn't a list")
    return cast(list[object], value)


def _object(key: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise RemoteProtocolError(f"{key[:64]} isn't an object")
    return cast(dict[str, object], value)


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise RemoteProtocolError(f"{key[:64]} isn't a word or a number")


# -- to JSON --------------------------------------------------------------------------------------


def _data(element: Element, shape: _Shape) -> dict[str, Any]:
    data: dict[str, Any] = {
        name: _value(name, text, shape) for name, text in element.attrib.items()
    }
    if shape.namespaced:
        data["xmlns"] = shape.tag[1:].partition("}")[0]
    if shape.text is not None:
        data[shape.text] = element.text or ""
    for key, inner in shape.lists.items():
        if found := element.findall(inner.tag):
            data[key] = [_data(child, inner) for child in found]
    for key, (wrapper, inner) in shape.wrapped.items():
        if (holder := element.find(wrapper)) is not None:
            data[key] = [_data(child, inner) for child in holder]
    for key, inner in shape.objects.items():
        if (child := element.find(inner.tag)) is not None:
            data[key] = _data(child, inner)
    return data | _small_data(element, shape)


def _small_data(element: Element, shape: _Shape) -> dict[str, Any]:
    data: dict[str, Any] = {
        key: True for key, tag in shape.flags.items() if element.find(tag) is not None
    }
    for key, (tag, attribute) in shape.words.items():
        if found := element.findall(tag):
            data[key] = [child.get(attribute, "") for child in found]
    for key, tag in shape.pairs.items():
        if found := element.findall(tag):
            data[key] = {c.get("name", "null"): c.get("value", "") for c in found}
    return data


def _value(name: str, text: str, shape: _Shape) -> str | int | bool:
    if name in shape.numbers:
        return int(text)
    return text == "true" if name in shape.truths else text
