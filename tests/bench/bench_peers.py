"""CPU per forwarded packet: this bridge, Janus, LiveKit, a pion SFU and the bare loop on one work.

    .venv/bin/python tests/bench/bench_peers.py

Gets what it needs (Debian's Janus, Go programs built once and cached, the bare loop) and starts
the rounds in namespaces of their own, which go with the last process in them. PEERS_ROUNDS and
PEERS_SECONDS (a window) make it longer or shorter. docs/explanation/performance.md explains it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).resolve().parent / "peers"
LIVEKIT = "github.com/livekit/livekit-server/cmd/server"
BARE = ["cargo", "build", "--quiet", "--release", "--example", "bench_bare"]


def main() -> None:
    if os.geteuid() != 0:
        raise SystemExit("peers: must be root, to make a network namespace")
    need_janus()
    programs = built()
    engine = ROOT / "bridge" / "engine"
    subprocess.run([*BARE, "--no-default-features"], cwd=engine, check=True)
    os.chdir(ROOT)
    os.environ["PEERS_PROGRAMS"] = str(programs)
    inside = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    command = [*inside, sys.executable, "-m", "tests.bench.peer_rounds"]
    os.execvp(command[0], command)


def need_janus() -> None:
    if shutil.which("janus") is None:
        print("peers: installing Debian's Janus", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "janus"]
        for command in (["apt-get", "update", "-qq"], install):
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def built() -> Path:
    """Build the Go programs unless they are already those of these sources."""
    cache = Path(os.environ.get("OCTOFLEET_CACHE", Path.home() / ".cache" / "octofleet")) / "peers"
    sources = sorted([*SOURCES.glob("go.*"), *SOURCES.glob("*/*.go")])
    key = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    stamp = cache / "built"
    if not stamp.exists() or stamp.read_text() != key:
        print("peers: building LiveKit, the pion SFU and the load (minutes at first)", flush=True)
        cache.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
        build = ["nice", "-n", "10", "go", "build", "-trimpath", "-ldflags=-s -w", "-o"]
        for target, what in (("livekit-server", LIVEKIT), ("load", "./load"), ("sfu", "./sfu")):
            command = [*build, str(cache / target), what]
            subprocess.run(command, cwd=SOURCES, env=environment, check=True)
        stamp.write_text(key)
    return cache


main()
