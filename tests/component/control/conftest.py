"""Fixtures of the operator's component tests: a real API server, with our CRDs in it."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
from tests.component.control.apiserver import ApiServer
from tests.integration.prosody import Prosody

from octofleet.shell.kube import KubernetesCluster


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


@pytest.fixture
async def api(
    apiserver: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[KubernetesCluster]:
    """A connection as the operator makes it; kopf finds the same server by its environment."""
    monkeypatch.setenv("KUBECONFIG", str(apiserver.kubeconfig))
    found = await KubernetesCluster.connect(str(apiserver.kubeconfig))
    yield found
    await found.close()


@pytest.fixture
def prosody(tmp_path: Path) -> Iterator[Prosody]:
    """A real Prosody on loopback."""
    home = tmp_path / "prosody"
    home.mkdir()
    server = Prosody(home)
    server.start()
    yield server
    server.stop()
