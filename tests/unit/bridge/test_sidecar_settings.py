"""What the sidecar is told, and that it offers what our own bridge offers and nothing else."""

import re

import pytest
from tests.component.bridge.test_rest_routes import served

from octobridge.shell.environment import SettingsError
from octobridge.sidecar.routes import BRIDGE
from octobridge.sidecar.settings import read

TOKEN = {"OCTOBRIDGE_REST_TOKEN": "hush"}


def test_defaults_lead_to_the_stock_bridges_own_port() -> None:
    settings = read(TOKEN)
    assert (settings.address, settings.port) == ("0.0.0.0", 8080)
    assert settings.upstream == ("127.0.0.1", 8080)
    assert "hush" not in repr(settings)


def test_without_a_token_it_doesnt_start() -> None:
    with pytest.raises(SettingsError, match="OCTOBRIDGE_REST_TOKEN"):
        read({})


@pytest.mark.parametrize("upstream", ["10.0.0.1:8080", "bridge:8080", "127.0.0.1", "[::]:8080", ""])
def test_a_bridge_elsewhere_than_on_loopback_is_refused(upstream: str) -> None:
    given = {**TOKEN, "OCTOBRIDGE_SIDECAR_UPSTREAM": upstream}
    if not upstream:
        assert read(given).upstream == ("127.0.0.1", 8080)
        return
    with pytest.raises(SettingsError, match="OCTOBRIDGE_SIDECAR_UPSTREAM"):
        read(given)


def test_jicofo_may_be_anywhere() -> None:
    given = {**TOKEN, "OCTOBRIDGE_SIDECAR_FOR": "jicofo"}
    assert read(given).upstream == ("127.0.0.1", 8888)
    elsewhere = read({**given, "OCTOBRIDGE_SIDECAR_UPSTREAM": "meet-jicofo.meet.svc:8888"})
    assert elsewhere.upstream == ("meet-jicofo.meet.svc", 8888)


async def test_it_passes_exactly_the_routes_our_own_bridge_has() -> None:
    async with served() as (_, client):
        assert client.app is not None
        own = {
            (route.method, route.resource.canonical)
            for route in client.app.router.routes()
            if route.method != "HEAD" and route.resource is not None
        }
    passed = {(each.method, re.sub(r"\{(\w+):[^/]*\}", r"{\1}", each.path)) for each in BRIDGE}
    assert passed == own
