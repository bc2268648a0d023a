"""Kubernetes quantities, durations and moments as text, read and written.

Pure and total on what the schema lets through; anything else raises ValueError.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

__all__ = [
    "DURATION_PATTERN",
    "QUANTITY_PATTERN",
    "moment",
    "moment_text",
    "number_text",
    "quantity",
    "seconds",
]

QUANTITY_PATTERN: Final = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$"
)
DURATION_PATTERN: Final = r"^([0-9]+(h|m|s))+$"

_BINARY: Final = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
}
_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"(?P<suffix>[KMGTPE]i|[numkMGTPE]?)"
)
_DURATION_PART: Final = re.compile(r"([0-9]+)(h|m|s)")
_UNIT_SECONDS: Final = {"h": 3600, "m": 60, "s": 1}


def quantity(text: int | str) -> float:
    """Return the number a Kubernetes quantity stands for: `500m` is 0.5, `1Ki` is 1024."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        raise ValueError(f"not a quantity: {text!r}")
    suffix = match["suffix"]
    scale = _BINARY[suffix] if suffix in _BINARY else _DECIMAL[suffix]
    return float(Decimal(match["number"]) * scale)


def seconds(text: str) -> float:
    """Return a duration such as `240s`, `90m` or `1h30m` in seconds."""
    if re.fullmatch(DURATION_PATTERN, text) is None:
        raise ValueError(f"not a duration: {text!r}")
    return float(sum(int(n) * _UNIT_SECONDS[unit] for n, unit in _DURATION_PART.findall(text)))


def moment(text: str) -> float:
    """Return an RFC 3339 moment in seconds since the epoch."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"a moment without its zone: {text!r}")
    return parsed.timestamp()


def moment_text(at: float) -> str:
    """Return a moment (seconds since the epoch) as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number_text(value: float) -> str:
    """Return a number for people: at most three decimals, none that say nothing."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
