"""The servers that the benchmark compares, each pinned to the first core, ready for the load."""

import os
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import bridge_call
from tests.bench.bridge_call import module, prosody, started, until

ADDRESS = "10.99.0.1"
DEVICE = "media0"
PROGRAMS = Path(os.environ.get("PEERS_PROGRAMS", ""))
BARE = Path(__file__).resolve().parents[2] / "bridge/engine/target/release/examples/bench_bare"

LIVEKIT = f"""
port: 7880
bind_addresses: ["{ADDRESS}"]
rtc:
  udp_port: 7882
  node_ip: {ADDRESS}
  interfaces: {{includes: [{DEVICE}]}}
  congestion_control: {{enabled: false}}
keys: {{devkey: secret-of-the-benchmark-only-32-bytes}}
logging: {{level: error}}
"""
JANUS = """
general: {{
  plugins_folder = "{programs}/plugins"
  transports_folder = "{programs}/transports"
  configs_folder = "{home}"
  debug_level = 2
}}
nat: {{ ice_enforce_list = "{address}", full_trickle = false }}
media: {{ ipv6 = false }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
"""
JANUS_HTTP = 'general: { http = true, port = 8088, ip = "127.0.0.1", https = false }\n'


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    url: str
    process: "subprocess.Popen[bytes]"

    def cpu_seconds(self) -> float:
        # User and system time together, in nanoseconds; stat's ticks are too coarse.
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


Pin = Callable[[int], list[str]]


@contextmanager
def octo(pin: Pin, home: Path) -> Generator[Server]:
    """A bridge that a real focus allocates on, over a real Prosody."""
    with prosody(home) as server:
        bridge = bridge_call.bridge_environ(server) | {
            "OCTOBRIDGE_BIND_ADDRESSES": ADDRESS,
            # As LiveKit's congestion control: the work is given, not negotiated.
            "JVB_CC_TRUST_BWE": "0",
        }
        with (
            started([*pin(0), *module("octobridge")], bridge) as process,
            started([*pin(1), *module("octoload", "focus")], bridge_call.focus_environ(server)),
        ):
            until("the focus sees the bridge", focus_sees_bridge)
            yield Server("octo", bridge_call.SIGNAL, process)


def focus_sees_bridge() -> object:
    return bridge_call.fetch(f"{bridge_call.FOCUS}/debug")["bridge_selector"]["bridge"]


@contextmanager
def janus(pin: Pin, home: Path) -> Generator[Server]:
    programs = next(Path("/usr/lib").glob("*/janus"))
    others = {
        kind: ",".join(p.name for p in (programs / kind).glob("*.so") if p.name != kept)
        for kind, kept in (
            ("plugins", "libjanus_videoroom.so"),
            ("transports", "libjanus_http.so"),
        )
    }
    text = JANUS.format(programs=programs, home=home, address=ADDRESS, **others)
    (home / "janus.jcfg").write_text(text)
    (home / "janus.transport.http.jcfg").write_text(JANUS_HTTP)
    (home / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
    command = [*pin(0), "janus", "--configs-folder", str(home)]
    with started(command, os.environ.copy()) as process:
        until("Janus answers", lambda: bridge_call.fetch("http://127.0.0.1:8088/janus/info"))
        yield Server("janus", "http://127.0.0.1:8088/janus", process)


@contextmanager
def livekit(pin: Pin, home: Path) -> Generator[Server]:
    config = home / "livekit.yaml"
    config.write_text(LIVEKIT)
    command = [*pin(0), str(PROGRAMS / "livekit-server"), "--config", str(config)]
    with started(command, os.environ.copy()) as process:
        until("LiveKit answers", lambda: answers(7880))
        yield Server("livekit", f"ws://{ADDRESS}:7880", process)


@contextmanager
def pion(pin: Pin, _: Path) -> Generator[Server]:
    command = [*pin(0), str(PROGRAMS / "sfu"), "-address", ADDRESS]
    with started(command, os.environ.copy()) as process:
        until("the pion SFU answers", lambda: answers(10101))
        yield Server("pion", f"http://{ADDRESS}:10101", process)


def answers(port: int) -> bool:
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    return f":{port:04X} 0" in listening


@contextmanager
def bare(pin: Pin, calls: int, receivers: int) -> Generator[Server]:
    """The bare loop; it's for one round, since it knows its receivers from the start."""
    command = [*pin(0), str(BARE), "--join", ADDRESS, str(calls), str(receivers)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Server("bare", f"udp://{ADDRESS}:{port}", process)
    finally:
        process.kill()
        process.communicate()
        time.sleep(0.1)
