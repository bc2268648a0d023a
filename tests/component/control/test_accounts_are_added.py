"""Accounts are added to and taken from a real Prosody that runs, by Jicofo's account."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.prosody import AUTH_DOMAIN, PASSWORDS, Prosody, free_port

from octofleet.shell import accounts, xmpp
from octofleet.shell.accounts import AccountsError
from octofleet.shell.errors import Unreachable
from octofleet.shell.xmpp import Account

FOCUS = Account(f"focus@{AUTH_DOMAIN}", PASSWORDS["focus"])
OLD = Account(f"jvb@{AUTH_DOMAIN}", PASSWORDS["jvb"])
NEW = Account(f"jvb-2@{AUTH_DOMAIN}", "another-password")


@pytest.fixture
def prosody(tmp_path: Path) -> Iterator[Prosody]:
    found = Prosody(tmp_path)
    found.start()
    yield found
    found.stop()


async def takes(server: Prosody, account: Account) -> bool | None:
    return await xmpp.accepted(server.host, server.port, account)


async def test_an_account_is_good_beside_the_old_one_until_it_is_taken_away(
    prosody: Prosody,
) -> None:
    assert await takes(prosody, NEW) is False
    await accounts.add(prosody.host, prosody.port, FOCUS, NEW)
    assert [await takes(prosody, each) for each in (OLD, NEW)] == [True, True]
    await accounts.remove(prosody.host, prosody.port, FOCUS, OLD.jid)
    assert [await takes(prosody, each) for each in (OLD, NEW)] == [False, True]
    await accounts.remove(prosody.host, prosody.port, FOCUS, OLD.jid)
    assert "another-password" not in prosody.log()


async def test_one_that_is_there_keeps_its_password(prosody: Prosody) -> None:
    other = dataclasses.replace(OLD, password="not-the-one")
    await accounts.add(prosody.host, prosody.port, FOCUS, other)
    assert [await takes(prosody, each) for each in (OLD, other)] == [True, False]


async def test_a_prosody_that_refuses_says_what_it_needs(prosody: Prosody) -> None:
    await accounts.add(prosody.host, prosody.port, FOCUS, NEW)
    with pytest.raises(AccountsError, match="admin_adhoc"):
        await accounts.remove(prosody.host, prosody.port, NEW, OLD.jid)
    wrong = dataclasses.replace(FOCUS, password="wrong")
    with pytest.raises(AccountsError, match="JICOFO_AUTH_PASSWORD"):
        await accounts.add(prosody.host, prosody.port, wrong, NEW)
    assert await takes(prosody, OLD) is True


async def test_nothing_that_listens_is_no_verdict() -> None:
    with pytest.raises(Unreachable):
        await accounts.add("127.0.0.1", free_port(), FOCUS, NEW)
