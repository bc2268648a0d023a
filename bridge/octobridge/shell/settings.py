"""What the bridge is told by its environment: the stock image's variables and a few of our own.

Every bad value is one line that names the variable, the value and the fix. An empty variable
counts as not set, because compose files pass empty ones along.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from octobridge.core.candidates import Mapping as AddressMapping
from octobridge.core.candidates import PortRange, parse_mapping, parse_port_range
from octobridge.core.limits import parse_size_limits
from octobridge.shell.environment import Environment, SettingsError, host_and_port, ip, server

__all__ = ["RestSettings", "Settings", "SettingsError", "XmppSettings", "read"]


@dataclass(frozen=True, slots=True)
class XmppSettings:
    """Where the brewery is, and who we are there."""

    servers: tuple[tuple[str, int], ...]
    """Host and port; one client for each. Empty means no XMPP at all."""
    user: str
    password: str = field(repr=False)
    domain: str
    room: str
    """Bare JID of the brewery."""
    nickname: str


@dataclass(frozen=True, slots=True)
class RestSettings:
    """The private HTTP server."""

    address: str
    port: int
    token: str | None = field(repr=False)
    colibri_enabled: bool
    shutdown_enabled: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything, checked."""

    xmpp: XmppSettings
    rest: RestSettings
    udp_port: int
    unique_ports: PortRange
    """For transports that ask for a port of their own."""
    bind_addresses: tuple[str, ...]
    """Empty: every usable local address; so does an unspecified one of its family."""
    advertised: tuple[AddressMapping, ...]
    advertise_private: bool
    require_valid_address: bool
    stun_servers: tuple[tuple[str, int], ...]
    region: str | None
    relay_id: str | None
    """What other bridges call this one; None = no relays."""
    version: str | None
    announce_version: bool
    """Whether clients are told the version."""
    reduce_load: bool
    last_n_limits: tuple[tuple[int, int], ...]
    """From which size of a conference on which last-n."""
    trust_bandwidth: bool
    """Whether receivers get no more than their network is estimated to carry."""
    participant_stress: float
    """What one more participant adds to the stress, as told to Jicofo."""
    shutdown_delay: float
    drain_deadline: float
    initial_drain: bool
    """Whether it starts draining, so that nobody comes before somebody takes that back."""
    log_level: str


def read(environ: Mapping[str, str], hostname: str) -> Settings:
    """Return the settings of an environment.

    Args:
        environ: As `os.environ`.
        hostname: Used as the brewery nickname when neither variable for it is set.

    Raises:
        SettingsError: A value can't be used.
    """
    env = Environment(environ)
    return Settings(
        xmpp=_xmpp(env, hostname),
        rest=_rest(env),
        udp_port=env.port("JVB_PORT", 10000),
        unique_ports=env.value(
            "OCTOBRIDGE_UNIQUE_PORTS", "any", _port_range, "`first-last`, ports between 1 and 65535"
        ),
        bind_addresses=env.many("OCTOBRIDGE_BIND_ADDRESSES", ip, "a comma list of IP addresses"),
        advertised=_advertised(env),
        advertise_private=env.flag("JVB_ADVERTISE_PRIVATE_CANDIDATES", default=True),
        require_valid_address=env.flag("JVB_REQUIRE_VALID_ADDRESS", default=False),
        stun_servers=_stun_servers(env),
        region=env.text("JVB_OCTO_REGION", None),
        relay_id=_relay_id(env),
        version=env.text("OCTOBRIDGE_VERSION", None),
        announce_version=env.flag("OCTOBRIDGE_ANNOUNCE_VERSION", default=False),
        reduce_load=env.flag("OCTOBRIDGE_REDUCE_LOAD", default=False),
        last_n_limits=env.many(
            "OCTOBRIDGE_LAST_N_LIMITS", parse_size_limits, "a comma list of `size:last-n`"
        ),
        trust_bandwidth=env.flag("JVB_CC_TRUST_BWE", default=True),
        participant_stress=env.value(
            "OCTOBRIDGE_AVERAGE_PARTICIPANT_STRESS", "0.01", _stress, "a number above 0, at most 1"
        ),
        shutdown_delay=env.seconds("OCTOBRIDGE_SHUTDOWN_DELAY", 60.0),
        drain_deadline=env.seconds("OCTOBRIDGE_DRAIN_DEADLINE", 24 * 3600.0),
        initial_drain=env.flag("OCTOBRIDGE_INITIAL_DRAIN", default=False),
        log_level=env.one_of("OCTOBRIDGE_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
    )


def _xmpp(env: Environment, hostname: str) -> XmppSettings:
    # The stock image can use a second Prosody for bridges only; its variables have a prefix.
    prefix = "JVB_" if env.flag("ENABLE_JVB_XMPP_SERVER", default=False) else ""
    kind = "jvb.meet.jitsi" if prefix else "meet.jitsi"
    muc = f"muc.{kind}" if prefix else f"internal-muc.{kind}"
    disabled = env.flag("JVB_DISABLE_XMPP", default=False)
    port = env.port(f"{prefix}XMPP_PORT", 6222 if prefix else 5222)
    servers = env.many(
        f"{prefix}XMPP_SERVER", lambda text: server(text, port), "a comma list of host[:port]"
    )
    password = env.text("JVB_AUTH_PASSWORD", None)
    if password is None and not disabled:
        raise SettingsError(
            "JVB_AUTH_PASSWORD is not set: give the brewery account's password"
            " (or JVB_DISABLE_XMPP=1 to run without XMPP)"
        )
    room = env.words("JVB_BREWERY_MUC", "jvbbrewery")
    service = env.words(f"{prefix}XMPP_INTERNAL_MUC_DOMAIN", muc)
    return XmppSettings(
        servers=() if disabled else (servers or ((f"xmpp.{kind}", port),)),
        user=env.words("JVB_AUTH_USER", "jvb"),
        password=password or "",
        domain=env.words(f"{prefix}XMPP_AUTH_DOMAIN", f"auth.{kind}"),
        room=f"{room}@{service}".lower(),
        nickname=env.words("JVB_MUC_NICKNAME", env.words("HOSTNAME", hostname)),
    )


def _relay_id(env: Environment) -> str | None:
    """Return the relay id where relays are on, which needs a region, too."""
    if not env.flag("ENABLE_OCTO", default=False):
        return None
    # The stock image falls back to the address that the first Octo was bound to.
    relay_id = env.words("JVB_OCTO_RELAY_ID", env.text("JVB_OCTO_BIND_ADDRESS", None) or "-")
    if relay_id == "-":
        raise SettingsError(
            "JVB_OCTO_RELAY_ID is not set: with ENABLE_OCTO=1 give each bridge an id of its own"
            " (or set ENABLE_OCTO=0 to run without relays)"
        )
    if env.text("JVB_OCTO_REGION", None) is None:
        raise SettingsError(
            "JVB_OCTO_REGION is not set: with ENABLE_OCTO=1 say which region the bridge is in"
            " (or set ENABLE_OCTO=0 to run without relays)"
        )
    return relay_id


def _rest(env: Environment) -> RestSettings:
    colibri = env.flag("COLIBRI_REST_ENABLED", default=False)
    return RestSettings(
        address=env.value("OCTOBRIDGE_REST_ADDRESS", "0.0.0.0", ip, "an IP address"),  # noqa: S104
        port=env.port("OCTOBRIDGE_REST_PORT", 8080),
        token=env.text("OCTOBRIDGE_REST_TOKEN", None),
        colibri_enabled=colibri,
        shutdown_enabled=colibri and env.flag("SHUTDOWN_REST_ENABLED", default=False),
    )


def _advertised(env: Environment) -> tuple[AddressMapping, ...]:
    what = "a comma list of `ip` or `ip#port`"
    named = env.many("JVB_ADVERTISE_IPS", parse_mapping, what)
    return named or env.many("DOCKER_HOST_ADDRESS", parse_mapping, what)


def _stun_servers(env: Environment) -> tuple[tuple[str, int], ...]:
    # The stock image asks a public server by default; asking strangers is for the user to want.
    if env.flag("JVB_DISABLE_STUN", default=False):
        return ()
    return env.many("JVB_STUN_SERVERS", host_and_port, "a comma list of `host:port`")


def _port_range(text: str) -> PortRange:
    return PortRange() if text == "any" else parse_port_range(text)


def _stress(text: str) -> float:
    found = float(text)
    if not 0 < found <= 1:
        raise ValueError(text)
    return found
