"""JSON of the bridge channel, read as if every byte were meant to hurt.

The standard library's parser does the reading. Around it: a bound on size and on nesting, no
key twice in one object, no number that JSON doesn't know or a float can't hold, and one type of
error for everything.

Source: JVB BridgeChannelMessage.kt (Jackson with strict duplicate detection).
"""

import json
import math
from typing import Any, Final, cast

from jitsiwire.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["MAX_DEPTH", "MAX_SHOWN", "decode", "encode", "shown"]

MAX_DEPTH: Final = 64
"""Objects and lists within one another."""
MAX_SHOWN: Final = 60
"""Characters of a value that an error repeats."""


def decode(text: str, max_bytes: int) -> dict[str, object]:
    """Return the object that a message is.

    Raises:
        RemoteProtocolError: it isn't one, or breaks a bound.
    """
    if _too_long(text, max_bytes):
        raise RemoteProtocolError(f"the message has more than {max_bytes} bytes")
    try:
        parsed: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_float,
            parse_constant=_constant,
        )
    except RecursionError:
        raise RemoteProtocolError("the message is nested too deeply") from None
    except ValueError as error:
        raise RemoteProtocolError(f"the message isn't JSON: {shown(str(error))}") from None
    if not isinstance(parsed, dict):
        raise RemoteProtocolError(f"the message is {shown(parsed)}, not an object")
    data = cast(dict[str, object], parsed)
    _check_depth(data)
    return data


def encode(data: dict[str, Any]) -> str:
    """Return the object as text without needless space.

    Raises:
        LocalProtocolError: it holds what JSON can't say.
    """
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if text.isascii() or _is_utf8(text):
            return text
        # Half a surrogate pair, relayed from a client: only escaped can it travel.
        return json.dumps(data, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise LocalProtocolError(f"a message can't be written: {error}") from error


def shown(value: object) -> str:
    """Return a value as an error may repeat it: short, on one line."""
    if isinstance(value, dict | list):
        # Its text could be as large as the message.
        return f"a {'list' if isinstance(value, list) else 'object'}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**MAX_SHOWN:
        return "a number beyond all bounds"
    text = value if isinstance(value, str) else repr(value)
    text = text[: MAX_SHOWN + 1].encode("unicode_escape").decode("ascii")
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."


def _too_long(text: str, max_bytes: int) -> bool:
    if len(text) > max_bytes:
        return True
    return len(text) * 4 > max_bytes and len(text.encode("utf-8", "surrogatepass")) > max_bytes


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"key {shown(key)} is there twice")
            seen.add(key)
    return found


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"number {shown(text)} is beyond all bounds")
    return number


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _check_depth(data: dict[str, object]) -> None:
    level: list[object] = [data]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise RemoteProtocolError(f"the message is nested deeper than {MAX_DEPTH}")


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        inner = list(cast(dict[str, object], value).values())
    else:
        inner = cast(list[object], value)
    return [child for child in inner if isinstance(child, dict | list)]
