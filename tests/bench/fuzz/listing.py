"""Every Python target by its name."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.bench.fuzz import live_targets, targets
from tests.bench.fuzz.fuzzer import Target

TARGETS: Final[Mapping[str, Callable[[], Target]]] = {
    "channel": targets.Channel,
    "colibri2-xml": targets.ColibriXml,
    "colibri2-json": targets.ColibriJson,
    "stun-python": targets.Stun,
    "dtls-records": targets.DtlsRecords,
    "signalling": targets.Signalling,
    "dtls-handshake": live_targets.Handshake,
    "rest": live_targets.Rest,
}
