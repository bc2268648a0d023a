"""XMPP as the operator speaks it with a cluster's Prosody: one way to log in, one to let go."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

from slixmpp import ClientXMPP

__all__ = ["Account", "accepted", "close", "log_in", "make_client"]

LOGIN_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Account:
    """Who to log in as."""

    jid: str
    password: str = field(repr=False)


def make_client(account: Account) -> ClientXMPP:
    """Return a client that isn't connected yet."""
    client = ClientXMPP(account.jid, account.password)
    # Prosody's client port speaks STARTTLS; nothing is ever sent in the clear.
    client.enable_direct_tls = False
    client.enable_plaintext = False
    # Prosody signs for itself, and its certificate lives no longer than its pod: as the
    # stock images do, nobody verifies it.
    client.ssl_context.check_hostname = False
    client.ssl_context.verify_mode = ssl.CERT_NONE
    return client


async def accepted(host: str, port: int, account: Account) -> bool | None:
    """Return whether a server takes an account's password, None when that can't be told."""
    client = make_client(account)
    try:
        return await log_in(client, host, port)
    finally:
        await close(client)


async def log_in(client: ClientXMPP, host: str, port: int) -> bool | None:
    """Connect a client; return whether it's in, None when the server can't be spoken with."""
    verdict: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()

    def saying(answer: bool | None) -> Callable[[object], None]:
        def say(_: object) -> None:
            if not verdict.done():
                verdict.set_result(answer)

        return say

    client.add_event_handler("session_start", saying(True))
    client.add_event_handler("failed_all_auth", saying(False))
    client.add_event_handler("connection_failed", saying(None))
    client.add_event_handler("disconnected", saying(None))
    try:
        client.connect(host, port)  # pyright: ignore[reportUnknownMemberType] - bare Future
        async with asyncio.timeout(LOGIN_SECONDS):
            return await verdict
    except TimeoutError:
        return None


async def close(client: ClientXMPP) -> None:
    """End a stream and what the library would leave behind of it."""
    client.cancel_connection_attempt()
    client.abort()
    # Its sender is only cancelled when the client is collected, too late to end in peace.
    sender = cast("asyncio.Future[None] | None", vars(client).get("_run_out_filters"))
    if sender is not None:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
