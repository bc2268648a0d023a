"""The environment: the stock variables' meaning, and one clear line for each bad value."""

import pytest

from octobridge.core.candidates import Mapping, PortRange
from octobridge.shell.settings import SettingsError, read

LEAST = {"JVB_AUTH_PASSWORD": "hush-hush"}


def test_stock_defaults() -> None:
    settings = read(LEAST, "node-1")
    assert settings.xmpp.servers == (("xmpp.meet.jitsi", 5222),)
    assert settings.xmpp.user == "jvb"
    assert settings.xmpp.domain == "auth.meet.jitsi"
    assert settings.xmpp.room == "jvbbrewery@internal-muc.meet.jitsi"
    assert settings.xmpp.nickname == "node-1"
    assert settings.udp_port == 10000
    assert settings.advertise_private
    assert not settings.require_valid_address
    assert (settings.rest.address, settings.rest.port) == ("0.0.0.0", 8080)
    assert not settings.rest.colibri_enabled
    assert not settings.rest.shutdown_enabled
    assert (settings.shutdown_delay, settings.drain_deadline) == (60.0, 86400.0)
    assert settings.region is None
    assert (settings.announce_version, settings.reduce_load) == (False, False)
    assert settings.last_n_limits == ()
    assert settings.trust_bandwidth


def test_ports_for_single_transports_are_a_range() -> None:
    assert read(LEAST, "node-1").unique_ports == PortRange()
    named = LEAST | {"OCTOBRIDGE_UNIQUE_PORTS": "20000-20009"}
    assert read(named, "node-1").unique_ports == PortRange(20000, 20009)
    with pytest.raises(SettingsError, match=r"OCTOBRIDGE_UNIQUE_PORTS='20000' can't be used"):
        read(LEAST | {"OCTOBRIDGE_UNIQUE_PORTS": "20000"}, "node-1")


def test_the_stress_of_one_more_person_is_a_fraction() -> None:
    assert read(LEAST, "node-1").participant_stress == 0.01
    name = "OCTOBRIDGE_AVERAGE_PARTICIPANT_STRESS"
    assert read(LEAST | {name: "0.0135"}, "node-1").participant_stress == 0.0135
    for bad in ("0", "1.1", "-1", "nan", "inf", "much"):
        with pytest.raises(SettingsError, match=rf"{name}='{bad}' can't be used"):
            read(LEAST | {name: bad}, "node-1")


def test_empty_variables_count_as_not_set() -> None:
    empty = dict.fromkeys(["XMPP_SERVER", "JVB_PORT", "ENABLE_OCTO", "JVB_ADVERTISE_IPS"], " ")
    assert read(LEAST | empty, "n") == read(LEAST, "n")


def test_everything_can_be_said() -> None:
    settings = read(
        LEAST
        | {
            "XMPP_SERVER": "a.example, 10.0.0.9:7000, [fd00::1]:7001, [fd00::2], fd00::3",
            "XMPP_PORT": "6222",
            "JVB_MUC_NICKNAME": "eu-0-abc",
            "HOSTNAME": "node",
            "JVB_PORT": "20000",
            "JVB_ADVERTISE_IPS": "203.0.113.9,203.0.113.9#443",
            "OCTOBRIDGE_BIND_ADDRESSES": "10.0.0.7, ::1",
            "COLIBRI_REST_ENABLED": "true",
            "SHUTDOWN_REST_ENABLED": "1",
            "OCTOBRIDGE_REST_TOKEN": "t0ken",
            "OCTOBRIDGE_DRAIN_DEADLINE": "90m",
            "OCTOBRIDGE_ANNOUNCE_VERSION": "1",
            "OCTOBRIDGE_REDUCE_LOAD": "yes",
            "OCTOBRIDGE_LAST_N_LIMITS": "20:10, 50:5",
            "JVB_CC_TRUST_BWE": "false",
            "OCTOBRIDGE_SHUTDOWN_DELAY": "5",
            "JVB_OCTO_REGION": "eu-west",
            "JVB_STUN_SERVERS": "stun.example:3478",
        },
        "n",
    )
    assert settings.xmpp.servers == (
        ("a.example", 6222),
        ("10.0.0.9", 7000),
        ("fd00::1", 7001),
        ("fd00::2", 6222),
        ("fd00::3", 6222),
    )
    assert settings.xmpp.nickname == "eu-0-abc"
    assert settings.advertised == (Mapping("203.0.113.9"), Mapping("203.0.113.9", 443))
    assert settings.bind_addresses == ("10.0.0.7", "::1")
    assert settings.rest.shutdown_enabled
    assert settings.drain_deadline == 5400.0
    assert (settings.announce_version, settings.reduce_load) == (True, True)
    assert settings.last_n_limits == ((20, 10), (50, 5))
    assert not settings.trust_bandwidth
    assert settings.shutdown_delay == 5.0
    assert settings.stun_servers == (("stun.example", 3478),)


def test_shutdown_route_needs_the_colibri_flag_too() -> None:
    assert not read(LEAST | {"SHUTDOWN_REST_ENABLED": "1"}, "n").rest.shutdown_enabled


def test_deprecated_host_address_is_an_alias() -> None:
    settings = read(LEAST | {"DOCKER_HOST_ADDRESS": "203.0.113.9"}, "n")
    assert settings.advertised == (Mapping("203.0.113.9"),)


def test_separate_brewery_server_has_its_own_variables() -> None:
    settings = read(LEAST | {"ENABLE_JVB_XMPP_SERVER": "1", "XMPP_SERVER": "not-this"}, "n")
    assert settings.xmpp.servers == (("xmpp.jvb.meet.jitsi", 6222),)
    assert settings.xmpp.domain == "auth.jvb.meet.jitsi"
    assert settings.xmpp.room == "jvbbrewery@muc.jvb.meet.jitsi"


def test_bridge_without_xmpp_needs_no_password() -> None:
    assert read({"JVB_DISABLE_XMPP": "1"}, "n").xmpp.servers == ()


def test_stun_can_be_disabled() -> None:
    asked = {"JVB_DISABLE_STUN": "1", "JVB_STUN_SERVERS": "stun.example:3478"}
    assert read(LEAST | asked, "n").stun_servers == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JVB_PORT", "0"),
        ("JVB_PORT", "ten"),
        ("JVB_PORT", "\u0661\u0660"),
        ("XMPP_PORT", "65536"),
        ("XMPP_SERVER", "a b"),
        ("XMPP_SERVER", "[fd00::1"),
        ("XMPP_SERVER", "a.example:0"),
        ("JVB_AUTH_USER", "jvb@meet"),
        ("JVB_BREWERY_MUC", "a/b"),
        ("JVB_ADVERTISE_IPS", "203.0.113.9,host"),
        ("JVB_ADVERTISE_IPS", "203.0.113.9#0"),
        ("JVB_REQUIRE_VALID_ADDRESS", "maybe"),
        ("COLIBRI_REST_ENABLED", "2"),
        ("OCTOBRIDGE_REST_ADDRESS", "localhost"),
        ("OCTOBRIDGE_BIND_ADDRESSES", "eth0"),
        ("OCTOBRIDGE_DRAIN_DEADLINE", "-5"),
        ("OCTOBRIDGE_LAST_N_LIMITS", "20"),
        ("OCTOBRIDGE_SHUTDOWN_DELAY", "soon"),
        ("OCTOBRIDGE_LOG_LEVEL", "loud"),
        ("JVB_STUN_SERVERS", "stun.example"),
        ("ENABLE_OCTO", "maybe"),
    ],
)
def test_bad_value_is_one_line_that_names_variable_value_and_fix(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(LEAST | {name: value}, "n")
    text = str(caught.value)
    assert name in text
    assert value in text
    assert "set " in text
    assert "\n" not in text


def test_missing_password_is_named() -> None:
    with pytest.raises(SettingsError, match="JVB_AUTH_PASSWORD is not set"):
        read({}, "n")


def test_secrets_are_not_shown() -> None:
    shown = repr(read(LEAST | {"OCTOBRIDGE_REST_TOKEN": "t0ken"}, "n"))
    assert "hush-hush" not in shown
    assert "t0ken" not in shown


def test_relays_need_an_id_and_a_region() -> None:
    octo = LEAST | {"ENABLE_OCTO": "1", "JVB_OCTO_REGION": "eu", "JVB_OCTO_RELAY_ID": "jvb-1"}
    assert read(octo, "n").relay_id == "jvb-1"
    assert read(octo | {"ENABLE_OCTO": "0"}, "n").relay_id is None
    with pytest.raises(SettingsError, match="JVB_OCTO_REGION is not set"):
        read(octo | {"JVB_OCTO_REGION": ""}, "n")
    with pytest.raises(SettingsError, match="JVB_OCTO_RELAY_ID is not set"):
        read(octo | {"JVB_OCTO_RELAY_ID": ""}, "n")
    by_address = octo | {"JVB_OCTO_RELAY_ID": "", "JVB_OCTO_BIND_ADDRESS": "10.0.0.7"}
    assert read(by_address, "n").relay_id == "10.0.0.7"
    with pytest.raises(SettingsError, match="JVB_OCTO_RELAY_ID='a b' can't be used"):
        read(octo | {"JVB_OCTO_RELAY_ID": "a b"}, "n")
