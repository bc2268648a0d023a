"""A join Secret, read: whatever is missing or wrong in it is named, and nothing of it is shown."""

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octofleet.core.manifests import accounts, naming
from octofleet.shell.gateways import new_certificate
from octofleet.shell.remote import PLAIN_KEYS, SECRET_KEYS, UnusableError, home_of

CERTIFICATE, _ = new_certificate(datetime.now(UTC))
SAID = {
    "cluster": "meet",
    "domain": "meet.example.org",
    "version": "stable-9",
    "relays": "Enabled",
    "xmppHost": "198.51.100.7",
    "xmppPort": "30522",
    "gatewayURL": "https://198.51.100.7:30443",
    "gatewayToken": "secret-of-the-gateway",
    "gatewayCertificate": CERTIFICATE,
    "JVB_AUTH_PASSWORD": "secret-of-bridges",
    "OCTOFLEET_AUTH_PASSWORD": "secret-of-the-operator",
    "OCTOBRIDGE_REST_TOKEN": "secret-of-the-rest",
}


def encoded(**changes: str) -> dict[str, str]:
    return {key: b64encode(value.encode()).decode() for key, value in (SAID | changes).items()}


def test_a_whole_secret_says_where_home_is_and_shows_no_secret() -> None:
    home = home_of(encoded(), "home", "far")
    assert home.cluster.spec.domain == "meet.example.org"
    assert home.cluster.spec.version == "stable-9"
    assert home.prosody == ("198.51.100.7", 30522)
    assert home.gateway.url == "https://198.51.100.7:30443"
    assert home.gateway.certificate == CERTIFICATE
    assert home.credentials.tokens.current == "secret-of-the-rest"
    assert "secret-of" not in repr(home)


def test_a_secret_of_a_later_generation_holds_that_ones_passwords() -> None:
    later = encoded(
        generation="3",
        **{f"{key}.3": f"third-{key}" for key in accounts.keys(accounts.FIRST)},
    )
    home = home_of(later, "home", "far")
    assert home.credentials.generation == 3
    assert home.credentials.bridge == f"third-{naming.KEY_JVB_PASSWORD}"
    # Bridges that came before keep the token they began with, and the operator must reach them.
    tokens, key = home.credentials.tokens, naming.KEY_REST_TOKEN
    assert tokens.current == tokens.of(f"{key}.3") == tokens.of(None) == f"third-{key}"
    assert tokens.of(key) == "secret-of-the-rest"
    del later["JVB_AUTH_PASSWORD.3"]
    with pytest.raises(UnusableError, match=r"JVB_AUTH_PASSWORD\.3: it is missing"):
        home_of(later, "home", "far")


@pytest.mark.parametrize("key", [*PLAIN_KEYS, *SECRET_KEYS, *accounts.keys(accounts.FIRST)])
def test_whatever_is_missing_is_named(key: str) -> None:
    whole = encoded()
    del whole[key]
    with pytest.raises(UnusableError, match=f"home, {key}: it is missing; .*join-token"):
        home_of(whole, "home", "far")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("xmppPort", "0"),
        ("xmppPort", "70000"),
        ("xmppPort", "\uff15"),
        ("gatewayURL", "http://198.51.100.7:30443"),
        ("gatewayURL", "https://198.51.100.7/elsewhere"),
        ("gatewayURL", "https://user@198.51.100.7"),
        ("gatewayURL", "https://[::1"),
        ("domain", "not a domain"),
        ("generation", "second"),
        ("generation", "0"),
    ],
)
def test_whatever_is_wrong_is_named(key: str, value: str) -> None:
    with pytest.raises(UnusableError, match=key):
        home_of(encoded(**{key: value}), "home", "far")


# Marked, since hypothesis also tries texts from our sources, such as a whole message of ours.
GARBAGE = st.text(max_size=12) | st.text(max_size=80).map("\N{SNOWMAN}".__add__)


@given(st.dictionaries(st.sampled_from([*PLAIN_KEYS, *SECRET_KEYS]), GARBAGE))
def test_garbage_is_refused_and_not_repeated(changes: dict[str, str]) -> None:
    told = ""
    try:
        home_of(encoded() | changes, "home", "far")
    except UnusableError as error:
        told = str(error)
    assert not [value for value in changes.values() if len(value) > 12 and value in told]
