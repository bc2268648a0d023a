"""The probe's checks are answered by a bridge's agent, and by nobody else."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from tests.component.bridge.test_rest_routes import served

from jitsiwire.colibri2 import ConferenceModified
from octobridge.shell import probing
from octobridge.shell.probing import Question
from octoengine import stun
from octofleet.core import probing as operators
from octofleet.core.observation import Timestamp

UFRAG, PWD = "bridge00", "a-password-of-some-length"


class Answering(asyncio.DatagramProtocol):
    """Answers checks as an ICE agent does, with a password that may be another."""

    def __init__(self, pwd: str) -> None:
        self.pwd = pwd
        self.usernames: list[str] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        message = stun.parse(data)
        assert message is not None
        assert message.is_signed_by(PWD)
        self.usernames.append(message.username)
        answer = stun.binding_response(message.transaction_id, (addr[0], addr[1]), self.pwd)
        self.transport.sendto(answer, addr)


@pytest.fixture
async def agents() -> AsyncGenerator[dict[str, tuple[Answering, int]]]:
    loop = asyncio.get_running_loop()
    made: dict[str, tuple[Answering, int]] = {}
    opened: list[asyncio.DatagramTransport] = []
    for name, host, pwd in (
        ("right", "127.0.0.1", PWD),
        ("stranger", "127.0.0.1", "another-password-of-some-length"),
        ("six", "::1", PWD),
    ):
        transport, protocol = await loop.create_datagram_endpoint(
            lambda pwd=pwd: Answering(pwd), (host, 0)
        )
        opened.append(transport)
        made[name] = (protocol, transport.get_extra_info("sockname")[1])
    yield made
    for each in opened:
        each.close()


async def test_whoever_answers_with_the_right_password_is_told_from_the_others(
    agents: dict[str, tuple[Answering, int]],
) -> None:
    right, stranger, six = (agents[name][1] for name in ("right", "stranger", "six"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        closed = deaf.getsockname()[1]
        targets = (("127.0.0.1", right), ("127.0.0.1", stranger), ("127.0.0.1", closed))
        found = await probing.probe(Question(UFRAG, PWD, (*targets, ("::1", six))))
    assert found == {
        "answered": [f"127.0.0.1#{right}", f"::1#{six}"],
        "silent": [f"127.0.0.1#{stranger}", f"127.0.0.1#{closed}"],
    }
    assert agents["right"][0].usernames[0].startswith(f"{UFRAG}:")


def test_a_question_is_read_from_json() -> None:
    text = '{"ufrag": "u", "pwd": "p", "targets": ["192.0.2.1#4", "2001:db8::1"]}'
    assert probing.read(text) == Question("u", "p", (("192.0.2.1", 4), ("2001:db8::1", 10000)))
    assert "p'" not in repr(probing.read(text))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"ufrag": "u", "pwd": "p", "targets": ["example.org"]}']
)
def test_nonsense_is_no_question(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        probing.read(text)


async def test_a_bridge_answers_whoever_was_allocated_a_place_as_a_client_is() -> None:
    async with served() as (bridge, _):
        reply = bridge.handle(operators.allocation("octofleet-probe"))
        assert isinstance(reply, ConferenceModified)
        ice = operators.offered(reply)
        assert ice is not None
        asked = probing.read(operators.question(ice))
        found = await probing.probe(asked)
        assert found["silent"] == []
        assert operators.result(json.dumps(found), Timestamp(1.0)).answered
        bridge.handle(operators.expiry("octofleet-probe"))
        assert bridge.stats().local_endpoints == 0
