"""The stock variables: defaults, what is refused, and that no secret shows."""

import pytest

from jitsiwire.selection import Strategy
from octoload.focus.settings import FocusSettings, SettingsError

NEEDED = {"JICOFO_AUTH_PASSWORD": "s3cret"}


def test_defaults_are_the_stock_images() -> None:
    settings = FocusSettings.from_env(NEEDED)
    assert settings.jid == "focus@auth.meet.jitsi/focus"
    assert settings.room == "jvbbrewery@internal-muc.meet.jitsi"
    assert (settings.server, settings.port) == ("xmpp.meet.jitsi", 5222)
    assert settings.strategy is Strategy.SINGLE
    assert not settings.selection.multi_bridge
    assert settings.bridge.stress_threshold == 0.8
    assert settings.selection.max_bridge_participants == 80
    assert settings.health_checks
    assert settings.rest_host == "127.0.0.1"


def test_every_variable_is_obeyed() -> None:
    settings = FocusSettings.from_env(
        {
            **NEEDED,
            "XMPP_SERVER": "prosody",
            "XMPP_PORT": "6222",
            "XMPP_AUTH_DOMAIN": "auth.x",
            "XMPP_INTERNAL_MUC_DOMAIN": "internal.x",
            "XMPP_MUC_DOMAIN": "muc.x",
            "JVB_BREWERY_MUC": "brew",
            "OCTO_BRIDGE_SELECTION_STRATEGY": "RegionBasedBridgeSelectionStrategy",
            "ENABLE_OCTO": "1",
            "JICOFO_BRIDGE_REGION_GROUPS": '["eu","uk"],["us"]',
            "JICOFO_OCTO_REGION": "eu",
            "BRIDGE_STRESS_THRESHOLD": "0.6",
            "BRIDGE_AVG_PARTICIPANT_STRESS": "0.02",
            "MAX_BRIDGE_PARTICIPANTS": "40",
            "JICOFO_ENABLE_BRIDGE_HEALTH_CHECKS": "0",
            "JICOFO_HEALTH_CHECKS_USE_PRESENCE": "true",
            "JICOFO_ENABLE_ICE_FAILURE_DETECTION": "1",
            "JICOFO_ENABLE_REST": "1",
            "JICOFO_ENABLE_LOAD_REDISTRIBUTION": "1",
        }
    )
    assert (settings.server, settings.port, settings.jid) == ("prosody", 6222, "focus@auth.x/focus")
    assert (settings.room, settings.muc_domain) == ("brew@internal.x", "muc.x")
    assert settings.strategy is Strategy.REGION_BASED
    assert settings.selection.multi_bridge
    assert settings.selection.group("uk") == {"eu", "uk"}
    assert settings.selection.local_region == "eu"
    assert settings.selection.max_bridge_participants == 40
    assert settings.bridge.stress_threshold == 0.6
    assert settings.bridge.average_participant_stress == 0.02
    assert settings.bridge.ice_failure_detection
    assert not settings.health_checks
    assert settings.health_by_presence
    assert settings.rest_host == "0.0.0.0"
    assert settings.load_redistribution


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JICOFO_AUTH_PASSWORD", ""),
        ("XMPP_PORT", "xmpp"),
        ("XMPP_PORT", "70000"),
        ("XMPP_PORT", "5222.5"),
        ("BRIDGE_STRESS_THRESHOLD", "nan"),
        ("MAX_BRIDGE_PARTICIPANTS", "-2"),
        ("JICOFO_ENABLE_REST", "perhaps"),
        ("OCTO_BRIDGE_SELECTION_STRATEGY", "VisitorSelectionStrategy"),
        ("OCTO_BRIDGE_SELECTION_STRATEGY", "Best"),
        ("JICOFO_BRIDGE_REGION_GROUPS", '["eu"'),
        ("JICOFO_BRIDGE_REGION_GROUPS", '"eu"'),
        ("JICOFO_BRIDGE_REGION_GROUPS", "[1]"),
        ("ENABLE_OCTO", "perhaps"),
        ("ENABLE_VISITORS", "true"),
    ],
)
def test_what_is_wrong_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        FocusSettings.from_env({**NEEDED, name: value})


def test_the_password_shows_nowhere() -> None:
    assert "s3cret" not in repr(FocusSettings.from_env(NEEDED))
