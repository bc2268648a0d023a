"""Ways to spoil an input: bytes, JSON values, XML trees. Everything is drawn from one `Random`."""

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any, cast
from xml.etree.ElementTree import Element

MOST_BYTES = 100_000
BYTES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0", b"\xff\xff", b"\0" * 64, b"\xff" * 64)
TEXTS = (
    "",
    "\0",
    "\ud800",
    "\N{RIGHT-TO-LEFT OVERRIDE}",
    "a" * 5000,
    "-1",
    "1e999",
    "4294967296",
    "9" * 40,
    "true",
    "null",
    "../../etc",
    "' or 1",
    "%s%n",
    "*",
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**32, 2**53, 2**64, -(2**63), 10**30),
    *(0.5, -0.0, 1e308, 5e-324, float("inf"), float("nan")),
    *TEXTS,
    *([], {}, [[]], [[[[[[]]]]]], [0] * 300, {"": {}}, {"a": [{"b": None}]}),
)
ATTRIBUTES = ("id", "create", "expire", "ssrc", "type", "name", "port", "priority", "ufrag")


def spoil_bytes(data: bytes, other: bytes, random: Random) -> bytes:
    """Change, cut, grow or splice a few places."""
    found = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 8))):
        at = random.randrange(len(found) + 1)
        match random.randrange(7):
            case 0 if found:
                found[at % len(found)] ^= 1 << random.randrange(8)
            case 1 if found:
                found[at % len(found)] = random.randrange(256)
            case 2:
                del found[at : at + random.choice((1, 2, 4, 16, 1000))]
            case 3:
                found[at:at] = random.choice(BYTES)
            case 4:
                found[at:at] = found[at : at + random.choice((1, 4, 16, 64))]
            case 5:
                found[at:] = other[random.randrange(len(other) + 1) :]
            case _:
                found[at : at + 2] = random.randrange(65_536).to_bytes(2, "big")
    return bytes(found[:MOST_BYTES])


def spoil_json(text: bytes, other: bytes, random: Random) -> bytes:
    """Change the value's structure, or, now and then and where it isn't JSON, its text."""
    if random.random() < 0.2:
        return spoil_bytes(text, other, random)
    try:
        value, donor = json.loads(text), json.loads(other)
    except (ValueError, RecursionError):
        return spoil_bytes(text, other, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        value = _spoil_value(value, donor, random)
    return json.dumps(value).encode()[:MOST_BYTES]


def _spoil_value(value: Any, donor: Any, random: Random) -> Any:
    places = list(_places(value))
    if not places:
        return copy.deepcopy(random.choice((random.choice(VALUES), donor)))
    holder, key = random.choice(places)
    inner: Any = holder
    match random.randrange(5):
        case 0:
            del holder[key]
        case 1:
            given = random.choice([holder[key] for holder, key in _places(donor)] or [donor])
            holder[key] = copy.deepcopy(given)
        case 2 if isinstance(holder, dict):
            name = random.choice((random.choice(TEXTS), f"{key}x"))
            inner[name] = copy.deepcopy(inner[key])
        case 3 if isinstance(holder, list):
            inner.extend([copy.deepcopy(inner[key])] * random.choice((1, 2, 50)))
        case _:
            holder[key] = copy.deepcopy(random.choice(VALUES))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container within a value with each of its keys."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(cast(dict[str, Any], value))
    elif isinstance(value, list):
        keys = list(range(len(cast(list[Any], value))))
    for key in keys:
        yield value, key
        yield from _places(value[key])


def spoil_xml(element: Element, other: Element, random: Random) -> Element:
    """Change attributes and children of a copy."""
    found = copy.deepcopy(element)
    for _ in range(random.choice((1, 1, 2, 4))):
        nodes, donors = list(found.iter()), list(other.iter())
        node, donor = random.choice(nodes), copy.deepcopy(random.choice(donors))
        match random.randrange(6):
            case 0 if node.attrib:
                node.set(random.choice(list(node.attrib)), random.choice(TEXTS))
            case 1 if node.attrib:
                del node.attrib[random.choice(list(node.attrib))]
            case 2 if len(node):
                del node[random.randrange(len(node))]
            case 3:
                node.append(donor)
            case 4:
                for _ in range(random.choice((1, 2, 30))):
                    node.append(copy.deepcopy(random.choice(list(node) or [donor])))
            case _:
                node.set(random.choice(ATTRIBUTES), random.choice((*TEXTS, *donor.attrib.values())))
    return found
