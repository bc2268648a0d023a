"""What the sidecar is told by its environment."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from octobridge.shell.environment import Environment, SettingsError, host_and_port, ip

__all__ = ["Settings", "read"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything, checked."""

    address: str
    port: int
    token: str = field(repr=False)
    behind: str
    """Whose REST it is: `bridge` or `jicofo`."""
    upstream: tuple[str, int]
    """Where that is; a bridge's is on loopback."""
    certificate: Path | None
    """Folder with `tls.crt` and `tls.key`; None: no TLS."""
    log_level: str


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings in the environment.

    Raises:
        SettingsError: A value is missing or can't be used.
    """
    env = Environment(environ)
    token = env.text("OCTOBRIDGE_REST_TOKEN", None)
    if token is None:
        raise SettingsError(
            "OCTOBRIDGE_REST_TOKEN is not set: without it nobody could be let through"
        )
    behind = env.one_of("OCTOBRIDGE_SIDECAR_FOR", "bridge", ("bridge", "jicofo"))
    folder = env.text("OCTOBRIDGE_SIDECAR_TLS", None)
    return Settings(
        address=env.value("OCTOBRIDGE_REST_ADDRESS", "0.0.0.0", ip, "an IP address"),  # noqa: S104
        port=env.port("OCTOBRIDGE_REST_PORT", 8080),
        token=token,
        behind=behind,
        upstream=_upstream(env, behind),
        certificate=Path(folder) if folder else None,
        log_level=env.one_of("OCTOBRIDGE_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
    )


def _upstream(env: Environment, behind: str) -> tuple[str, int]:
    name = "OCTOBRIDGE_SIDECAR_UPSTREAM"
    if behind == "jicofo":
        return env.value(name, "127.0.0.1:8888", host_and_port, "`host:port` of Jicofo's REST")
    return env.value(
        name,
        "127.0.0.1:8080",
        _on_loopback,
        "`address:port` on loopback: anywhere else the bridge's REST would be open to all",
    )


def _on_loopback(text: str) -> tuple[str, int]:
    host, port = host_and_port(text)
    if not ipaddress.ip_address(host.strip("[]")).is_loopback:
        raise ValueError(text)
    return host, port
