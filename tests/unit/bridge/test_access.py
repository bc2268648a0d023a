"""Who may use the private routes."""

import pytest

from octobridge.shell.access import may_use


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "::1%lo"])
def test_without_a_token_this_machine_may(peer: str) -> None:
    assert may_use(None, None, peer)


@pytest.mark.parametrize("peer", ["10.0.0.1", "fd00::1", "::ffff:10.0.0.1", "", None, "nonsense"])
def test_without_a_token_nobody_else_may(peer: str | None) -> None:
    assert not may_use(None, "Bearer anything", peer)


@pytest.mark.parametrize("header", ["Bearer t0ken", "bearer t0ken", "Bearer  t0ken "])
def test_with_a_token_whoever_has_it_may(header: str) -> None:
    assert may_use("t0ken", header, "10.0.0.1")


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "t0ken", "Basic t0ken", "Bearer", "Bearer t0keN", "Bearer tökèn"),
        # Bytes that aren't UTF-8, as an HTTP server gives them.
        "Bearer t\udcff0ken",
    ],
)
def test_with_a_token_nobody_else_may_not_even_here(header: str | None) -> None:
    assert not may_use("t0ken", header, "127.0.0.1")
