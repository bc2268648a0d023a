"""Reading and writing XML elements, totally: what the schemas of Jitsi's extensions share.

A `Reader` looks at one element and answers with typed values, or raises RemoteProtocolError that
names the element, the attribute and the value. It never guesses: a boolean is one of four words,
a number is digits within a range, text is bounded and printable. Children that a caller doesn't
ask for are ignored, so that newer peers are understood.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar
from xml.etree.ElementTree import Element, SubElement

from jitsiwire.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["INT32", "UINT32", "Reader", "Writer", "check_size", "qualified"]

INT32 = (0, 2**31 - 1)
"""Range of counts and generations: Java's non-negative int."""

UINT32 = (0, 2**32 - 1)
"""Range of SSRCs and candidate priorities."""

MAX_TEXT = 1024
"""Characters of one attribute."""

MAX_CONTENT = 4 * MAX_TEXT
"""Characters between tags: an error's text may quote attributes."""

MAX_CHILDREN = 1024
"""Children of one element, known or not."""

MAX_ELEMENTS = 20_000
"""Elements of one whole stanza: twice what the largest relay update of 500 people needs."""

_Read = TypeVar("_Read")

_SECRET = frozenset({"pwd", "url"})
"""Attributes whose value no error message shows: a WebSocket's address holds its password."""

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
# What XML 1.0 can't carry at all, and in attributes also what a parser turns into spaces.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_ATTRIBUTE = re.compile("[\x00-\x1f\ud800-\udfff\ufffe\uffff]")


def qualified(namespace: str, name: str) -> str:
    """ElementTree's spelling of a name in a namespace."""
    return f"{{{namespace}}}{name}"


def check_size(element: Element) -> None:
    """Refuse a tree of more than MAX_ELEMENTS elements before anybody walks it."""
    if sum(1 for _ in islice(element.iter(), MAX_ELEMENTS + 1)) > MAX_ELEMENTS:
        raise RemoteProtocolError(f"<{_local(element)}>: more than {MAX_ELEMENTS} elements")


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2][:64]


class Reader:
    """One element, read by its schema."""

    __slots__ = ("_element", "name")

    def __init__(self, element: Element) -> None:
        self._element = element
        self.name = _local(element)
        if len(element) > MAX_CHILDREN:
            raise self.error(f"more than {MAX_CHILDREN} children")

    def error(self, problem: str) -> RemoteProtocolError:
        """The error to raise about this element."""
        return RemoteProtocolError(f"<{self.name}>: {problem}")

    def invalid(self, attribute: str, value: str, rule: str) -> RemoteProtocolError:
        """The error to raise about one attribute's value."""
        shown = "…" if attribute in _SECRET else repr(value[:64])
        return self.error(f"{attribute}={shown} {rule}")

    def expect(self, tag: str) -> None:
        """Refuse an element of another name or namespace."""
        if self._element.tag != tag:
            found = str(self._element.tag)[:128]
            raise RemoteProtocolError(f"<{self.name}>: expected {tag}, got {found}")

    def text(self, attribute: str) -> str:
        """An attribute that must be there and not be blank."""
        value = self.optional_text(attribute)
        if value is None or not value.strip():
            raise self.error(f"attribute {attribute} is missing or blank")
        return value

    def optional_text(self, attribute: str) -> str | None:
        """An attribute, or None."""
        value = self._element.get(attribute)
        if value is None:
            return None
        if len(value) > MAX_TEXT:
            raise self.invalid(attribute, value, f"is longer than {MAX_TEXT} characters")
        if _NOT_ATTRIBUTE.search(value):
            raise self.invalid(attribute, value, "has characters that an attribute can't carry")
        return value

    def boolean(self, attribute: str, *, default: bool = False) -> bool:
        """A boolean attribute with its schema's default."""
        value = self.optional_boolean(attribute)
        return default if value is None else value

    def optional_boolean(self, attribute: str) -> bool | None:
        """A boolean attribute, or None."""
        value = self.optional_text(attribute)
        if value is None:
            return None
        if value not in _BOOLEANS:
            raise self.invalid(attribute, value, "is not true or false")
        return _BOOLEANS[value]

    def integer(self, attribute: str, low: int, high: int, default: int | None = None) -> int:
        """A number that must be there, unless there is a default."""
        value = self.optional_integer(attribute, low, high)
        if value is not None:
            return value
        if default is None:
            raise self.error(f"attribute {attribute} is missing")
        return default

    def optional_integer(self, attribute: str, low: int, high: int) -> int | None:
        """A number within a range, or None."""
        value = self.optional_text(attribute)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value) or not low <= int(value) <= high:
            raise self.invalid(attribute, value, f"is not a number from {low} to {high}")
        return int(value)

    def one_of(self, attribute: str, words: frozenset[str]) -> str | None:
        """A word of a closed set, or None."""
        value = self.optional_text(attribute)
        if value is not None and value not in words:
            raise self.invalid(attribute, value, f"is not one of {', '.join(sorted(words))}")
        return value

    def content(self) -> str:
        """The element's own text, without surrounding space."""
        value = (self._element.text or "").strip()
        if len(value) > MAX_CONTENT:
            raise self.error(f"text is longer than {MAX_CONTENT} characters")
        if _NOT_TEXT.search(value):
            raise self.error("text has characters that XML can't carry")
        return value

    def children(self, tag: str) -> Iterator["Reader"]:
        """Every child of that name, in order."""
        return (Reader(child) for child in self._element if child.tag == tag)

    def readable(
        self, tag: str, read: Callable[["Reader"], _Read]
    ) -> tuple[tuple[_Read, ...], int]:
        """What can be read of the children of that name, and how many of them can't be."""
        found: list[_Read] = []
        lost = 0
        for child in self._element:
            if child.tag == tag:
                try:
                    found.append(read(Reader(child)))
                except RemoteProtocolError:
                    lost += 1
        return tuple(found), lost

    def tags(self) -> Iterator[str]:
        """The qualified names of all children, in order."""
        return (str(child.tag) for child in self._element)

    def child(self, tag: str) -> "Reader | None":
        """The only child of that name, or None; two of them are ambiguous and refused."""
        found = [child for child in self._element if child.tag == tag]
        if len(found) > 1:
            raise self.error(f"more than one <{_local(found[0])}>")
        return Reader(found[0]) if found else None


class Writer:
    """One element being built; None and False attributes are left out."""

    __slots__ = ("element",)

    def __init__(self, tag: str, parent: "Writer | None" = None, **attributes: object) -> None:
        self.element = Element(tag) if parent is None else SubElement(parent.element, tag)
        self.set(attributes)

    def set(self, attributes: dict[str, object]) -> "Writer":
        """Write attributes: `rel_addr` becomes `rel-addr`; True becomes "true"."""
        for key, value in attributes.items():
            if value is not None and value is not False:
                self.element.set(key.rstrip("_").replace("_", "-"), _attribute(value))
        return self

    def exact(self, name: str, value: object) -> "Writer":
        """Write one attribute under exactly this name, even when it is False."""
        if value is not None:
            self.element.set(name, _attribute(value))
        return self

    def child(self, tag: str, **attributes: object) -> "Writer":
        """Append a child."""
        return Writer(tag, self, **attributes)

    def content(self, text: str) -> "Writer":
        """Set the element's own text."""
        self.element.text = text
        return self


def _attribute(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise LocalProtocolError(f"an attribute can't be a {type(value).__name__}")
