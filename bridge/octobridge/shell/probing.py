"""Does UDP reach a bridge? Asks as a client would, with credentials allocated for the asking.

`python -m octobridge.shell.probing` runs in a small pod on another node. OCTOBRIDGE_PROBE holds
what to ask as JSON: {"ufrag", "pwd", "targets": ["ip#port", …]}. It sends an ICE connectivity
check to every target, again and again for a few seconds, and writes {"answered": […],
"silent": […]} to standard output and to the pod's termination message. Only an answer signed with
the bridge's own password counts.

Source: RFC 8445 §7.2; RFC 8489 §14.5.
"""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from octobridge.core.candidates import parse_mapping
from octoengine import stun

__all__ = ["Question", "main", "probe", "read"]

TERMINATION_LOG: Final = Path("/dev/termination-log")
SEND_AT: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0)
"""Seconds after which whoever is silent is asked (again)."""
GIVE_UP_AFTER: Final = 5.0
TARGETS: Final = 32
PRIORITY: Final = 0x6E0000FF
"""Of a peer-reflexive candidate, which every check must carry."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whom to ask, and the bridge's credentials."""

    ufrag: str
    pwd: str = field(repr=False)
    targets: tuple[tuple[str, int], ...]


def read(text: str) -> Question:
    """Return the question in the environment's JSON.

    Raises:
        ValueError: It isn't one.
    """
    raw: object = json.loads(text)
    if not isinstance(raw, dict):
        raise ValueError("not an object")
    said = cast("Mapping[str, object]", raw)  # JSON: keys are text
    ufrag, pwd, targets = said.get("ufrag"), said.get("pwd"), said.get("targets")
    if not isinstance(ufrag, str) or not isinstance(pwd, str) or not isinstance(targets, list):
        raise ValueError("ufrag, pwd and targets are needed")
    listed = cast("Sequence[object]", targets)[:TARGETS]
    mappings = [parse_mapping(str(each)) for each in listed]
    return Question(ufrag, pwd, tuple((each.ip, each.port or 10000) for each in mappings))


class _Asker(asyncio.DatagramProtocol):
    """Knows whom it asked, and who has answered."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._own_ufrag = secrets.token_hex(4)
        self._asked = {secrets.token_bytes(12): target for target in question.targets}
        self._transports: dict[int, asyncio.DatagramTransport] = {}
        self.answered: set[tuple[str, int]] = set()
        self.done = asyncio.Event()

    async def open(self) -> None:
        """Open a socket for each IP version there is."""
        loop = asyncio.get_running_loop()
        for version, any_address in ((4, "0.0.0.0"), (6, "::")):  # noqa: S104 - a client's socket
            try:
                made = await loop.create_datagram_endpoint(lambda: self, (any_address, 0))
            except OSError:
                continue
            self._transports[version] = made[0]

    def close(self) -> None:
        """Close them."""
        for each in self._transports.values():
            each.close()

    def ask(self) -> None:
        """Ask everyone who hasn't answered."""
        for transaction, target in self._asked.items():
            transport = self._transports.get(6 if ":" in target[0] else 4)
            if target not in self.answered and transport is not None:
                transport.sendto(self._check(transaction), target)

    def _check(self, transaction: bytes) -> bytes:
        # Bridges control, as Jicofo asks of them; so clients are controlled.
        attributes: dict[str, Any] = {"PRIORITY": PRIORITY, "ICE-CONTROLLED": 1}
        username = f"{self._question.ufrag}:{self._own_ufrag}"
        return stun.binding_request(transaction, username, self._question.pwd, attributes)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Take an answer; it may come from another address, as it does behind NAT."""
        message = stun.parse(data)
        # A refusal (of our role, say) has come from there as well.
        if message is None or message.kind not in (stun.Class.RESPONSE, stun.Class.ERROR):
            return
        target = self._asked.get(message.transaction_id)
        if target is None or not message.is_signed_by(self._question.pwd):
            return
        self.answered.add(target)
        if len(self.answered) == len(self._asked):
            self.done.set()

    def error_received(self, exc: Exception) -> None:
        """A port that is closed says so; the others go on."""


async def probe(question: Question) -> dict[str, list[str]]:
    """Return who answered and who didn't, each as `ip#port`."""
    asker = _Asker(question)
    await asker.open()
    waited = 0.0
    try:
        for at in (*SEND_AT, GIVE_UP_AFTER):
            try:
                async with asyncio.timeout(at - waited):
                    await asker.done.wait()
                break
            except TimeoutError:
                waited = at
                asker.ask()
    finally:
        asker.close()
    found: dict[str, list[str]] = {"answered": [], "silent": []}
    for target in question.targets:
        kind = "answered" if target in asker.answered else "silent"
        found[kind].append(f"{target[0]}#{target[1]}")
    return found


def main() -> int:
    """Ask, and write down who answered; return the exit status."""
    try:
        question = read(os.environ.get("OCTOBRIDGE_PROBE", ""))
    except ValueError as error:
        sys.stderr.write(f"OCTOBRIDGE_PROBE can't be used: {error}\n")
        return 2
    text = json.dumps(asyncio.run(probe(question)))
    sys.stdout.write(text + "\n")
    if TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
