"""What libFuzzer begins with: real packets of each kind, as bytes."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.bench.fuzz.targets import Stun

RTP: Final = struct.pack("!BBHII", 0x80, 100, 7, 3000, 10)
EXTENDED: Final = struct.pack("!BBHII", 0x90, 0xE4, 7, 3000, 10) + bytes.fromhex(
    "bede0002105531000722010203"
).ljust(12, b"\0")
VP8_KEYFRAME: Final = bytes.fromhex("90e08001010010021c9d012a0005d002")
VP8_DELTA: Final = bytes.fromhex("80e080020200") + bytes(20)
H264_PARAMETERS: Final = bytes.fromhex("67 42e01f da014016ec05a8303032") + bytes(4)
H264_STAP: Final = bytes.fromhex("78 0008 67 42e01fda0140 0004 68ce3c80")


def _rtcp(kind: int, count: int, *words: int, tail: bytes = b"") -> bytes:
    body = struct.pack(f"!{len(words)}I", *words) + tail
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


SENDER_REPORT: Final = _rtcp(200, 1, 10, 1, 2, 3, 4, 5, 11, 0x01000002, 7, 8, 9, 10)
RECEIVER_REPORT: Final = _rtcp(201, 1, 10, 11, 0x01000002, 7, 8, 9, 10)
DESCRIPTION: Final = _rtcp(202, 1, 10, tail=b"\x01\x05cname\0\0\0\0\0")
NACK: Final = _rtcp(205, 1, 10, 11, 0x00070003)
TRANSPORT_CC: Final = _rtcp(205, 15, 10, 11, 0x00070003, 0x00000101, 0x20030401, 0x05000000)
PLI: Final = _rtcp(206, 1, 10, 11)
FIR: Final = _rtcp(206, 4, 10, 0, 11, 0x05000000)
REMB: Final = _rtcp(206, 15, 10, 0, tail=b"REMB\x01\x06\x12\x34\0\0\0\x0b")
BYE: Final = _rtcp(203, 1, 10)
COMPOUND: Final = RECEIVER_REPORT + DESCRIPTION + REMB


def _acts(*acts: tuple[int, int, bytes]) -> bytes:
    """Write an input of the worker's target: what, by which peer, with which bytes."""
    return b"".join(bytes([what << 2 | peer, len(data)]) + data for what, peer, data in acts)


PICTURE: Final = (1, 5, 5, 3)
SEEDS: Final[Mapping[str, Sequence[bytes]]] = {
    "stun": Stun().seeds(),
    "rtp": [
        RTP + VP8_KEYFRAME,
        EXTENDED + VP8_DELTA,
        RTP + H264_PARAMETERS,
        RTP + H264_STAP,
        RTP + b"\0\7" + VP8_DELTA,
    ],
    "rtcp": [SENDER_REPORT, COMPOUND, NACK, TRANSPORT_CC, PLI, FIR, REMB, BYE],
    "srtp": [b"\x80\0" + RTP + VP8_DELTA, b"\x81\x05" + RTP, b"\xc2\0" + COMPOUND],
    "worker": [
        _acts((0, 0, Stun().seeds()[0]), (2, 0, bytes(PICTURE) + VP8_KEYFRAME)),
        _acts(*((2, 0, bytes([1, n, n, 1]) + VP8_KEYFRAME) for n in range(9)), (7, 0, b"\x09")),
        _acts((2, 0, bytes([2, 1, 1, 3]) + VP8_KEYFRAME), (6, 1, bytes([0, 1, 0]))),
        _acts((2, 0, bytes([0x20, 1, 1, 3]) + bytes(40)), (4, 1, COMPOUND), (4, 1, NACK)),
        _acts((2, 0, bytes(PICTURE) + VP8_KEYFRAME), (4, 1, PLI), (7, 0, b"\x50"), (4, 2, FIR)),
        _acts((5, 1, bytes([5, 15, 0]) + TRANSPORT_CC[12:]), (4, 0, SENDER_REPORT), (4, 0, BYE)),
        _acts((6, 1, bytes([6, 200, 0])), (7, 0, b"\x10"), (6, 0, bytes([7, 1, 9]))),
    ],
}


def write(name: str, folder: Path) -> None:
    """Put a target's seeds into a folder, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (folder / f"seed-{number}").write_bytes(seed)
