"""An engine with one socket on loopback, closed afterwards."""

from collections.abc import Iterator

import pytest
from tests.unit.engine.peers import Server

from octoengine import Engine


@pytest.fixture
def server() -> Iterator[Server]:
    engine = Engine()
    socket, port = engine.bind("127.0.0.1")
    server = Server(engine, socket, port)
    yield server
    server.close()
