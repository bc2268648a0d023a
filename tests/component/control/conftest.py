"""Fixtures of the operator's component tests: a real API server, with our CRDs in it."""

from collections.abc import Iterator

import pytest
from tests.component.control.apiserver import ApiServer


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server for the whole session; use a namespace of your own."""
    server = ApiServer(tmp_path_factory.mktemp("apiserver"))
    server.start()
    try:
        server.install_crds()
        yield server
    finally:
        server.stop()
