"""The focus' settings, from stock Jicofo's environment variables.

What this focus can't do is refused by name, never silently ignored: visitors.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from jitsiwire import brewery
from jitsiwire.bridge_view import BridgeConfig
from jitsiwire.selection import SelectionSettings, Strategy

__all__ = ["FocusSettings", "SettingsError"]

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})
_STRATEGIES = tuple(one for one in Strategy if one is not Strategy.VISITOR)


class SettingsError(ValueError):
    """A variable is missing or wrong; the message names it."""


@dataclass(frozen=True, slots=True)
class FocusSettings:
    """Everything the focus is told; times in seconds."""

    password: str = field(repr=False)
    server: str = "xmpp.meet.jitsi"
    port: int = 5222
    auth_domain: str = "auth.meet.jitsi"
    muc_domain: str = "muc.meet.jitsi"
    """Conferences' rooms are named in it."""
    room: str = "jvbbrewery@internal-muc.meet.jitsi"
    user: str = "focus"
    nickname: str = "focus"
    """In the brewery."""
    only: str | None = None
    """The one bridge, by its nickname, that it uses; None: all of them."""
    strategy: Strategy = Strategy.SINGLE
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    bridge: BridgeConfig = field(default_factory=BridgeConfig)
    health_checks: bool = True
    health_by_presence: bool = False
    load_redistribution: bool = False
    rest_host: str = "127.0.0.1"
    rest_port: int = 8888
    signal_host: str = "0.0.0.0"  # noqa: S104 - participants come from anywhere, as to Prosody
    signal_port: int = 8889

    @property
    def jid(self) -> str:
        """Who it logs in as; the resource is Jicofo's."""
        return f"{self.user}@{self.auth_domain}/{self.nickname}"

    @staticmethod
    def from_env(environ: Mapping[str, str]) -> "FocusSettings":
        """Read the variables.

        Raises:
            SettingsError: one is missing or wrong.
        """
        read = _Reader(environ)
        domain = read.text("XMPP_DOMAIN", "meet.jitsi")
        if read.flag("ENABLE_VISITORS", default=False):
            raise SettingsError("ENABLE_VISITORS: this focus knows no visitors; set it to 0")
        return FocusSettings(
            password=read.required("JICOFO_AUTH_PASSWORD"),
            server=read.text("XMPP_SERVER", "xmpp.meet.jitsi"),
            port=int(read.number("XMPP_PORT", 5222, 1, 65535)),
            auth_domain=read.text("XMPP_AUTH_DOMAIN", f"auth.{domain}"),
            muc_domain=read.text("XMPP_MUC_DOMAIN", f"muc.{domain}"),
            room=brewery.room(
                read.text("JVB_BREWERY_MUC", "jvbbrewery"),
                read.text("XMPP_INTERNAL_MUC_DOMAIN", f"internal-muc.{domain}"),
            ),
            strategy=read.strategy("OCTO_BRIDGE_SELECTION_STRATEGY"),
            selection=SelectionSettings(
                multi_bridge=read.flag("ENABLE_OCTO", default=False),
                max_bridge_participants=int(
                    read.number("MAX_BRIDGE_PARTICIPANTS", 80, -1, 100_000)
                ),
                region_groups=read.groups("JICOFO_BRIDGE_REGION_GROUPS"),
                local_region=read.text("JICOFO_OCTO_REGION", "") or None,
            ),
            bridge=BridgeConfig(
                average_participant_stress=read.number("BRIDGE_AVG_PARTICIPANT_STRESS", 0.01, 0, 1),
                stress_threshold=read.number("BRIDGE_STRESS_THRESHOLD", 0.8, 0, 10),
                ice_failure_detection=read.flag(
                    "JICOFO_ENABLE_ICE_FAILURE_DETECTION", default=False
                ),
            ),
            health_checks=read.flag("JICOFO_ENABLE_BRIDGE_HEALTH_CHECKS", default=True),
            health_by_presence=read.flag("JICOFO_HEALTH_CHECKS_USE_PRESENCE", default=False),
            load_redistribution=read.flag("JICOFO_ENABLE_LOAD_REDISTRIBUTION", default=False),
            rest_host=read.rest_host(),
            rest_port=int(read.number("OCTOFOCUS_REST_PORT", 8888, 0, 65535)),
            signal_host=read.text("OCTOFOCUS_SIGNAL_HOST", "0.0.0.0"),  # noqa: S104 - as above
            signal_port=int(read.number("OCTOFOCUS_SIGNAL_PORT", 8889, 0, 65535)),
        )


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str) -> str:
        return self._environ.get(name, "").strip() or default

    def required(self, name: str) -> str:
        value = self._environ.get(name, "").strip()
        if not value:
            raise SettingsError(f"{name} is not set: the password of focus@ the auth domain")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._environ.get(name, "").strip().lower()
        if not value:
            return default
        if value not in _TRUE | _FALSE:
            raise SettingsError(f"{name}={value[:32]!r}: expected 1 or 0")
        return value in _TRUE

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self._environ.get(name, "").strip()
        if not value:
            return default
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high or (isinstance(default, int) and number % 1):
            raise SettingsError(f"{name}={value[:32]!r}: expected a number from {low} to {high}")
        return number

    def strategy(self, name: str) -> Strategy:
        value = self.text(name, Strategy.SINGLE).rpartition(".")[2]
        for strategy in _STRATEGIES:
            if value == strategy:
                return strategy
        known = ", ".join(_STRATEGIES)
        raise SettingsError(f"{name}={value[:64]!r}: expected one of {known}")

    def groups(self, name: str) -> tuple[tuple[str, ...], ...]:
        text = self.text(name, "")
        try:
            # The stock variable holds the inside of a list: ["a","b"],["c"]
            value: object = json.loads(f"[{text}]")
        except ValueError:
            value = None
        if not isinstance(value, list):
            raise SettingsError(f'{name}: expected lists of regions like ["a","b"],["c"]')
        groups: list[tuple[str, ...]] = []
        for group in cast("list[object]", value):
            regions = cast("list[object]", group) if isinstance(group, list) else [None]
            if not all(isinstance(region, str) for region in regions):
                raise SettingsError(f'{name}: expected lists of regions like ["a","b"],["c"]')
            groups.append(tuple(str(region) for region in regions))
        return tuple(groups)

    def rest_host(self) -> str:
        everywhere = self.flag("JICOFO_ENABLE_REST", default=False)
        return "0.0.0.0" if everywhere else "127.0.0.1"  # noqa: S104 - as stock Jicofo
