"""Octofleet's media engine: the native part and, beside it, what speaks ICE and DTLS.

`Engine` owns a native thread and its UDP sockets; `Command`s go in, `Event`s come out. The
modules `octoengine.ice` and `octoengine.dtls` are imported by those who need them.
"""

from octoengine._native import (
    Command,
    DowntrackStats,
    Engine,
    EngineStats,
    Event,
    SourceStats,
    TransportStats,
    sink_delays,
)

__all__ = [
    "Command",
    "DowntrackStats",
    "Engine",
    "EngineStats",
    "Event",
    "SourceStats",
    "TransportStats",
    "sink_delays",
]
