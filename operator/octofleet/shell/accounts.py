"""Accounts on a Prosody that runs: added and taken away by its ad-hoc commands for administrators.

The administrator is Jicofo's account, an admin wherever Jitsi runs. The operator comes as another
resource of it and without presence, so nothing that is meant for Jicofo ever reaches it.

Source: XEP-0050, XEP-0133 §4.1, §4.2; Prosody's mod_admin_adhoc.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, cast

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream import ET, StanzaBase

from octofleet.shell import xmpp
from octofleet.shell.errors import FleetError, Unreachable
from octofleet.shell.xmpp import Account

__all__ = ["AccountsError", "add", "remove"]

COMMANDS: Final = "{http://jabber.org/protocol/commands}"
FORM: Final = "{jabber:x:data}"
ADMIN: Final = "http://jabber.org/protocol/admin"
ANSWER_SECONDS: Final = 10.0
WORDS: Final = 200


class AccountsError(FleetError):
    """Prosody doesn't do it; the text says why."""


async def add(host: str, port: int, admin: Account, account: Account) -> None:
    """Add an account; one that is there already stays as it is.

    Raises:
        Unreachable: Prosody can't be spoken with.
        AccountsError: It adds no accounts, or refuses the administrator.
    """
    fields = {
        "accountjid": account.jid,
        "password": account.password,
        "password-verify": account.password,
    }
    await _command(host, port, admin, "add-user", fields)


async def remove(host: str, port: int, admin: Account, jid: str) -> None:
    """Take an account away, which ends whoever is logged in as it; one that isn't there is fine.

    Raises:
        Unreachable: Prosody can't be spoken with.
        AccountsError: It removes no accounts, or refuses the administrator.
    """
    await _command(host, port, admin, "delete-user", {"accountjids": jid})


async def _command(
    host: str, port: int, admin: Account, name: str, fields: Mapping[str, str]
) -> None:
    client = xmpp.make_client(admin)
    try:
        await _log_in(client, host, port)
        domain = client.boundjid.host
        node = f"{ADMIN}#{name}"
        asked = await _send(client, domain, ET.Element(f"{COMMANDS}command", {"node": node}))
        session = asked.get("sessionid", "")
        answer = ET.Element(
            f"{COMMANDS}command", {"node": node, "sessionid": session, "action": "complete"}
        )
        form = ET.SubElement(answer, f"{FORM}x", {"type": "submit"})
        for key, value in {"FORM_TYPE": ADMIN, **fields}.items():
            field = ET.SubElement(form, f"{FORM}field", {"var": key})
            ET.SubElement(field, f"{FORM}value").text = value
        await _send(client, domain, answer)
    finally:
        await xmpp.close(client)


async def _log_in(client: ClientXMPP, host: str, port: int) -> None:
    found = await xmpp.log_in(client, host, port)
    if found is None:
        raise Unreachable("Prosody can't be reached")
    if not found:
        raise AccountsError(
            "Prosody refuses the password of Jicofo's account, which adds others"
            " (JICOFO_AUTH_PASSWORD)"
        )


async def _send(client: ClientXMPP, domain: str, command: ET.Element) -> ET.Element:
    """Send a command's step; return what comes back of it."""
    iq = client.make_iq_set(ito=domain)
    iq.xml.append(command)
    # Typed as a bare Future.
    sent = cast("asyncio.Future[StanzaBase]", iq.send(timeout=ANSWER_SECONDS))  # pyright: ignore[reportUnknownMemberType]
    try:
        answer = await sent
    except IqTimeout as error:
        raise Unreachable("Prosody doesn't answer in time") from error
    except IqError as error:
        raise AccountsError(
            f"Prosody adds and removes no accounts while it runs ({error.condition}): it needs"
            " mod_admin_adhoc, and Jicofo's account as an admin (GLOBAL_MODULES=admin_adhoc and"
            f" PROSODY_ADMINS={client.boundjid.bare} for the stock image)"
        ) from error
    found = answer.xml.find(f"{COMMANDS}command")
    if found is None:
        raise AccountsError("Prosody answers nonsense")
    note = found.find(f"{COMMANDS}note")
    if note is not None and note.get("type") == "error" and not _is_there(note.text):
        raise AccountsError(f"Prosody says: {(note.text or 'no')[:WORDS]}")
    return found


def _is_there(text: str | None) -> bool:
    return "already exists" in (text or "")
