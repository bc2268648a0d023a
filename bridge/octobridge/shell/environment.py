"""Variables as they are given: typed access, and one clear line for each that can't be used.

An empty variable counts as not set, because compose files pass empty ones along.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

__all__ = ["Environment", "SettingsError", "host_and_port", "ip", "server"]

_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")
_DURATION: Final = re.compile(r"(\d{1,9})(ms|s|m|h|d)?", re.ASCII)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
_HOST: Final = re.compile(r"[A-Za-z0-9_.:\-]{1,253}", re.ASCII)

T = TypeVar("T")


class SettingsError(ValueError):
    """A variable can't be used; the text is the whole message for the user."""


class Environment:
    """Typed access to variables, with errors for people."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str | None) -> str | None:
        """Return a variable's text, the default when it is empty or not set."""
        return self._environ.get(name, "").strip() or default

    def value(self, name: str, default: str, parse: Callable[[str], T], what: str) -> T:
        """Return what `parse` makes of a variable; `what` says in an error what it must be."""
        text = self.text(name, default) or default
        try:
            return parse(text)
        except ValueError:
            raise _unusable(name, text, what) from None

    def many(self, name: str, parse: Callable[[str], T], what: str) -> tuple[T, ...]:
        """Return what `parse` makes of each part of a comma list."""
        text = self.text(name, None)
        if text is None:
            return ()
        try:
            return tuple(parse(part.strip()) for part in text.split(",") if part.strip())
        except ValueError:
            raise _unusable(name, text, what) from None

    def words(self, name: str, default: str) -> str:
        """Return one word, as in JIDs."""
        return self.value(name, default, _word, "one word without spaces, @ or /")

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a switch."""
        text = self.text(name, None)
        if text is None:
            return default
        if text.lower() in _TRUE:
            return True
        if text.lower() in _FALSE:
            return False
        raise _unusable(name, text, "1 or 0")

    def port(self, name: str, default: int) -> int:
        """Return a port."""
        return self.value(name, str(default), _port, "a port between 1 and 65535")

    def seconds(self, name: str, default: float) -> float:
        """Return a duration in seconds."""
        return self.value(name, f"{default:.0f}", _seconds, "a duration such as 90s, 15m or 24h")

    def one_of(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """Return one of the choices."""
        text = (self.text(name, default) or default).lower()
        if text not in choices:
            raise _unusable(name, text, "one of " + ", ".join(choices))
        return text


def _unusable(name: str, value: str, fix: str) -> SettingsError:
    return SettingsError(f"{name}={value[:80]!r} can't be used: set it to {fix}")


def ip(text: str) -> str:
    """Return an IP address as it is written best."""
    return str(ipaddress.ip_address(text))


def server(text: str, default_port: int) -> tuple[str, int]:
    """Return host and port of `host[:port]`; IPv6 addresses with a port stand in brackets."""
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(text)
        return ip(address), _port(rest[1:]) if rest else default_port
    # More than one colon without brackets is an IPv6 address.
    if text.count(":") == 1:
        return host_and_port(text)
    return _host(text), default_port


def host_and_port(text: str) -> tuple[str, int]:
    """Return host and port of `host:port`."""
    host, _, port = text.rpartition(":")
    return _host(host), _port(port)


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(text)
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise ValueError(text)
    return int(text)


def _word(text: str) -> str:
    if not text or len(text) > 512 or set(text) & set(" @/\t\r\n<>&'\""):
        raise ValueError(text)
    return text


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return int(match[1]) * _UNITS[match[2] or ""]
