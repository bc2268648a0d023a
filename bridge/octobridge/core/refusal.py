"""A Colibri2 request refused: the error to answer with, as an exception within the core."""

from typing import Self

from jitsiwire.colibri2 import Colibri2Error, Condition, Reason

__all__ = ["Refusal"]


class Refusal(Exception):  # noqa: N818  - it is an answer, not a fault of ours
    """Ends the handling of one request; `Colibri.handle` turns it into the reply."""

    def __init__(self, error: Colibri2Error) -> None:
        super().__init__(error.text)
        self.error = error

    @classmethod
    def of(
        cls,
        condition: Condition,
        text: str,
        reason: Reason | None = None,
        endpoints: tuple[str, ...] = (),
    ) -> Self:
        """Return a refusal with this error."""
        # Peers' ids end some texts, and space at the end doesn't survive XML.
        return cls(Colibri2Error(condition, text.strip(), reason, endpoints))
