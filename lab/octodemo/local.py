"""A whole platform without a cluster: Prosody, bridges and the focus as processes.

For proofs about the network around bridges, where a cluster would only add noise.
Prosody runs the configuration of the lab's image. Everything lives in one network namespace and
ends with this process, whatever becomes of it; its files are in a temporary folder.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from octodemo.scratch import scratch

__all__ = [
    "SIGNAL_PORT",
    "LocalBridge",
    "LocalPlatform",
    "local_platform",
    "own_address",
    "try_a_call",
]

IMAGE: Final = Path(__file__).resolve().parents[1] / "images" / "prosody"
SIGNAL_PORT: Final = 8889
BRIDGE_REST_PORT: Final = 8080
"""Of the first bridge; the others' follow."""
DOMAINS: Final = {
    "XMPP_DOMAIN": "meet.jitsi",
    "XMPP_AUTH_DOMAIN": "auth.meet.jitsi",
    "XMPP_MUC_DOMAIN": "muc.meet.jitsi",
    "XMPP_INTERNAL_MUC_DOMAIN": "internal-muc.meet.jitsi",
    "XMPP_SERVER": "127.0.0.1",
    "XMPP_PORT": "5222",
    "JVB_AUTH_USER": "jvb",
    "OCTOFLEET_AUTH_USER": "octofleet",
    "LOG_LEVEL": "warn",
}


@dataclass(frozen=True, slots=True)
class LocalBridge:
    """A bridge to run; with a region it is one that others can be linked with."""

    address: str
    """What it binds its media to, and tells."""
    name: str = "bridge"
    region: str = ""

    def environ(self, number: int) -> dict[str, str]:
        """Its own variables."""
        octo = {
            "ENABLE_OCTO": "1",
            "JVB_OCTO_REGION": self.region,
            "JVB_OCTO_RELAY_ID": self.name,
        }
        return {
            "JVB_MUC_NICKNAME": self.name,
            "OCTOBRIDGE_BIND_ADDRESSES": self.address,
            "OCTOBRIDGE_REST_ADDRESS": "127.0.0.1",
            "OCTOBRIDGE_REST_PORT": str(BRIDGE_REST_PORT + number),
            **(octo if self.region else {}),
        }


@dataclass
class LocalPlatform:
    """Where to call."""

    address: str
    folder: Path
    inside: Sequence[str]
    bridges: Sequence[LocalBridge]
    focus: Mapping[str, str]
    """More variables of the focus."""
    processes: dict[str, asyncio.subprocess.Process] = field(
        default_factory=dict[str, asyncio.subprocess.Process]
    )
    """By name: prosody, focus, and each bridge's."""

    @property
    def url(self) -> str:
        """The test page's address, without a path."""
        return f"http://{self.address}:{SIGNAL_PORT}"

    async def launch(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Run a program inside, until the platform ends."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *self.inside, *command, env=environ, stdin=asyncio.subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        self.processes[name] = process

    def logs(self) -> str:
        """The last lines of every process, for error messages."""
        tails = (f"{log.name}: {log.read_text()[-1500:]}" for log in self.folder.glob("*.log"))
        return "\n".join(tails)


@contextlib.asynccontextmanager
async def local_platform(
    inside: Sequence[str],
    address: str,
    bridges: Sequence[LocalBridge] = (),
    focus: Mapping[str, str] | None = None,
) -> AsyncGenerator[LocalPlatform]:
    """Run a platform for as long as the context is open.

    Args:
        inside: What to run a program by so that it lives in the namespace and ends with us.
        address: The namespace's address, where the focus is reached.
        bridges: Which bridges to run; one at that address unless told otherwise.
        focus: More variables of the focus.
    """
    with scratch("local") as folder:
        several = bridges or (LocalBridge(address),)
        platform = LocalPlatform(address, folder, inside, several, focus or {})
        try:
            await _start(platform)
            await _answering(platform)
            yield platform
        finally:
            await asyncio.gather(*(_end(process) for process in platform.processes.values()))


async def try_a_call(console: Console) -> str:
    """Run a platform on this machine until somebody ends it."""
    inside = ("setpriv", "--pdeathsig", "KILL", "--")
    async with local_platform(inside, own_address()):
        console.print(f"Open http://localhost:{SIGNAL_PORT} in several tabs. Ctrl-C ends it.")
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    return "ended"


def own_address() -> str:
    """This machine's address towards others; browsers reach no bridge on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


async def _start(platform: LocalPlatform) -> None:
    folder, passwords = platform.folder, {n: secrets.token_hex(16) for n in ("focus", "jvb")}
    environ = {
        **DOMAINS,
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PROSODY_DATA": str(folder / "prosody"),
        "JICOFO_AUTH_PASSWORD": passwords["focus"],
        "JVB_AUTH_PASSWORD": passwords["jvb"],
    }
    config = await asyncio.to_thread(_prosody_files, folder)
    await _run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=meet.jitsi",
               "-keyout", str(config.parent / "server.key"),
               "-out", str(config.parent / "server.crt"))  # fmt: skip
    focus = {**environ, "OCTOFOCUS_SIGNAL_PORT": str(SIGNAL_PORT), **platform.focus}
    for what, command, variables in (
        ("prosody", ["prosody", "--config", str(config), "-F"], environ),
        *(
            (one.name, [sys.executable, "-m", "octobridge"], {**environ, **one.environ(number)})
            for number, one in enumerate(platform.bridges)
        ),
        ("focus", [sys.executable, "-m", "octoload.focus"], focus),
    ):
        await platform.launch(what, command, variables)


def _prosody_files(folder: Path) -> Path:
    """Write Prosody's configuration; return its path."""
    certificates = folder / "prosody" / "certificates"
    certificates.mkdir(parents=True)
    text = (IMAGE / "prosody.cfg.lua").read_text()
    text = text.replace("/usr/local/lib/octofleet/prosody", str(IMAGE / "modules"))
    config = certificates / "prosody.cfg.lua"
    config.write_text(f"run_as_root = true\npidfile = '{folder}/prosody.pid'\n{text}")
    return config


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, error = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]}: {error.decode(errors='replace')[-500:]}")


async def _answering(platform: LocalPlatform) -> None:
    """Wait until the focus knows every bridge."""
    known = f'"operational_bridge_count": {len(platform.bridges)}'.encode()
    code = (
        "import sys, urllib.request as u; "
        "sys.stdout.write(u.urlopen(sys.argv[1], timeout=2).read().decode())"
    )
    stats = "http://127.0.0.1:8888/stats"
    deadline = time.monotonic() + 30 + 20 * len(platform.bridges)
    while True:
        process = await asyncio.create_subprocess_exec(
            *platform.inside, sys.executable, "-c", code, stats,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        out, _ = await process.communicate()
        if process.returncode == 0 and known in out:
            return
        ended = [p for p in platform.processes.values() if p.returncode is not None]
        if ended or time.monotonic() > deadline:
            raise TimeoutError(f"the platform doesn't come up: {platform.logs()}")
        await asyncio.sleep(0.3)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(8):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
