"""One request to a REST server of ours, bounded in size and in time."""

import asyncio
import ssl
from dataclasses import dataclass

import httpx

from octofleet.shell.errors import TurnedAway, Unreachable

UNAUTHORIZED = (401, 403)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may cost at most."""

    size: int
    """Bytes."""
    whole: float
    """Seconds from the request to the last byte: each piece may come in time, and no end."""
    timeout: httpx.Timeout
    """Of each step."""


async def answer(
    http: httpx.AsyncClient, request: httpx.Request, limits: Limits, who: str
) -> bytes:
    """Return the body of a good answer; `who` names the server in errors.

    Raises:
        Unreachable: There is none, or it is bad, too large or too slow.
        TurnedAway: The server doesn't know our token, or shows another certificate than it should.
    """
    request.extensions["timeout"] = limits.timeout.as_dict()
    try:
        async with asyncio.timeout(limits.whole):
            response = await http.send(request, stream=True)
            try:
                response.raise_for_status()
                return await _body(response, limits.size, who)
            finally:
                await response.aclose()
    except TimeoutError as error:
        raise Unreachable(f"{who} hasn't answered {request.url} in {limits.whole} s") from error
    except httpx.HTTPError as error:
        # The error's text names method and URL; a token is in neither.
        kind = TurnedAway if _turns_away(error) else Unreachable
        raise kind(f"{who} can't be asked ({request.url}): {error!r}") from error


def _turns_away(error: httpx.HTTPError) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in UNAUTHORIZED
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


async def _body(response: httpx.Response, size: int, who: str) -> bytes:
    found = bytearray()
    async for piece in response.aiter_bytes():
        found += piece
        if len(found) > size:
            raise Unreachable(f"{who}'s answer is too large")
    return bytes(found)
