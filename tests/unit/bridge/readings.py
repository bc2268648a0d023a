"""What the engine reads, as far as the core looks at it."""

from dataclasses import dataclass

__all__ = ["Reading", "SourceReading"]


@dataclass(frozen=True)
class Reading:
    """A transport's counters, as the engine gives them."""

    transport: int
    packets_received: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    packets_lost: int = 0
    remote_packets_lost: int = 0
    rtt_ms: float = -1.0
    received_age_ms: int = -1
    consent_age_ms: int = -1


@dataclass(frozen=True)
class SourceReading:
    """A source's counters."""

    transport: int
    ssrc: int
    kind: str = "audio"
    age_ms: int = 0
    keyframes: int = 0
    layer_bps: tuple[tuple[int, int, int], ...] = ((0, 0, 0),)
    width: int = 0
    height: int = 0
