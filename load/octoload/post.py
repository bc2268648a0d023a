"""Messages between a call's people, through their bridges: who should get them, and who did.

A round is one message of everyone to everyone. Each carries the round's token, so that what
comes late, twice or from elsewhere isn't counted for another.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from jitsiwire.bridge_channel import EndpointMessage, parse
from jitsiwire.errors import RemoteProtocolError

__all__ = ["Post", "Round", "letter"]

ROUNDS_LIMIT: Final = 100
ROUND: Final = "octoloadRound"
SENDER: Final = "octoloadSender"


@dataclass(slots=True)
class Round:
    """One message of everyone to everyone."""

    people: frozenset[str]
    """Whose channel was open: they sent, and they should hear of all others."""
    heard: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """How often, by hearer and sender."""

    @property
    def expected(self) -> int:
        """How many messages should come."""
        return len(self.people) * (len(self.people) - 1)

    @property
    def received(self) -> int:
        """How many of them came."""
        return len(self.heard)

    @property
    def repeated(self) -> int:
        """How many came again."""
        return self.heard.total() - len(self.heard)


class Post:
    """The rounds of a crowd; old ones are forgotten."""

    def __init__(self) -> None:
        self._rounds: dict[str, Round] = {}

    def begin(self, token: str, people: Iterable[str]) -> Round:
        """Take note of who is about to send."""
        while len(self._rounds) >= ROUNDS_LIMIT:
            del self._rounds[next(iter(self._rounds))]
        made = self._rounds[token] = Round(frozenset(people))
        return made

    def round(self, token: str) -> Round | None:
        """Find a round."""
        return self._rounds.get(token)

    def heard(self, key: str, text: str) -> None:
        """Take what somebody's bridge said; what isn't ours is left at that."""
        if ROUND not in text:
            return
        try:
            message = parse(text)
        except RemoteProtocolError:
            return
        if isinstance(message, EndpointMessage):
            self._count(key, message.fields.get(ROUND), message.fields.get(SENDER))

    def _count(self, key: str, token: object, sender: object) -> None:
        found = self._rounds.get(str(token))
        if found is not None and {key, sender} <= found.people and key != sender:
            found.heard[key, str(sender)] += 1


def letter(token: str, sender: str) -> EndpointMessage:
    """What somebody sends to everyone in a round."""
    return EndpointMessage(to="", fields={ROUND: token, SENDER: sender})
