"""A whole platform without a cluster: Prosody, one bridge and the focus as processes.

For proofs about the network between browsers and a bridge, where a cluster would only add noise.
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
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from octodemo.scratch import scratch

__all__ = ["LocalPlatform", "local_platform", "own_address", "try_a_call"]

IMAGE: Final = Path(__file__).resolve().parents[1] / "images" / "prosody"
SIGNAL_PORT: Final = 8889
DOMAINS: Final = {
    "XMPP_DOMAIN": "meet.jitsi",
    "XMPP_AUTH_DOMAIN": "auth.meet.jitsi",
    "XMPP_MUC_DOMAIN": "muc.meet.jitsi",
    "XMPP_INTERNAL_MUC_DOMAIN": "internal-muc.meet.jitsi",
    "XMPP_SERVER": "127.0.0.1",
    "XMPP_PORT": "5222",
    "JVB_AUTH_USER": "jvb",
    "LOG_LEVEL": "warn",
}


@dataclass
class LocalPlatform:
    """Where to call."""

    address: str
    folder: Path
    processes: list[asyncio.subprocess.Process] = field(
        default_factory=list[asyncio.subprocess.Process]
    )

    @property
    def url(self) -> str:
        """The test page's address, without a path."""
        return f"http://{self.address}:{SIGNAL_PORT}"

    def logs(self) -> str:
        """The last lines of every process, for error messages."""
        tails = (f"{log.name}: {log.read_text()[-1500:]}" for log in self.folder.glob("*.log"))
        return "\n".join(tails)


@contextlib.asynccontextmanager
async def local_platform(inside: Sequence[str], address: str) -> AsyncGenerator[LocalPlatform]:
    """Run a platform for as long as the context is open.

    Args:
        inside: What to run a program by so that it lives in the namespace and ends with us.
        address: The namespace's address, which the bridge tells browsers.
    """
    with scratch("local") as folder:
        platform = LocalPlatform(address, folder)
        try:
            await _start(platform, inside)
            await _answering(platform, inside)
            yield platform
        finally:
            await asyncio.gather(*(_end(process) for process in platform.processes))


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


async def _start(platform: LocalPlatform, inside: Sequence[str]) -> None:
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
    focus = {**environ, "OCTOFOCUS_SIGNAL_PORT": str(SIGNAL_PORT)}
    bridge = {
        **environ,
        "JVB_MUC_NICKNAME": "bridge",
        "OCTOBRIDGE_BIND_ADDRESSES": platform.address,
        "OCTOBRIDGE_REST_ADDRESS": "127.0.0.1",
    }
    for what, command, variables in (
        ("prosody", ["prosody", "--config", str(config), "-F"], environ),
        ("bridge", [sys.executable, "-m", "octobridge"], bridge),
        ("focus", [sys.executable, "-m", "octoload.focus"], focus),
    ):
        with (folder / f"{what}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *inside, *command, env=variables, stdin=asyncio.subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        platform.processes.append(process)


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


async def _answering(platform: LocalPlatform, inside: Sequence[str]) -> None:
    """Wait until the focus knows the bridge."""
    code = (
        "import sys, urllib.request as u; "
        "sys.stdout.write(u.urlopen(sys.argv[1], timeout=2).read().decode())"
    )
    stats = "http://127.0.0.1:8888/stats"
    deadline = time.monotonic() + 30
    while True:
        process = await asyncio.create_subprocess_exec(
            *inside, sys.executable, "-c", code, stats,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        out, _ = await process.communicate()
        if process.returncode == 0 and b'"operational_bridge_count": 1' in out:
            return
        ended = [p for p in platform.processes if p.returncode is not None]
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
