"""Fuzz everything that strangers reach: Rust parsers with libFuzzer, Python's with a mutator.

    .venv/bin/python tests/bench/bench_fuzz.py [--quick]

libFuzzer is guided by coverage that rustc's own sanitizer pass counts, on stable Rust: no nightly,
no cargo-fuzz, no address sanitizer (the parsers are safe Rust; overflows and broken assertions
panic). Two targets run at a time. FUZZ_SECONDS is what each target gets, FUZZ_SEED repeats a run;
an input that breaks a target is kept and named.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a script, Python only knows this folder

from tests.bench.fuzz import rust_seeds  # noqa: E402
from tests.bench.fuzz.listing import TARGETS  # noqa: E402

QUICK = "--quick" in sys.argv[1:]
SECONDS = float(os.environ.get("FUZZ_SECONDS", "2" if QUICK else "60"))
LEAST_RUST_INPUTS = 0 if QUICK else 10_000_000
SEED = int(os.environ.get("FUZZ_SEED", "1" if QUICK else random.SystemRandom().randrange(1 << 30)))
LANES = 2
HANG_SECONDS = 5
"""Of one input in a Rust target, on the clock: thousands of times what the slowest takes."""
LONGEST_INPUT = 3_000
SHARES = {"worker": 3.0, "dtls-records": 0.3, "signalling": 0.5}
"""Of the time each target gets, where it isn't 1."""
CRATE = ROOT / "bridge" / "engine" / "fuzz"
MACHINE = (
    "x86_64-unknown-linux-gnu" if os.uname().machine == "x86_64" else "aarch64-unknown-linux-gnu"
)
COVERAGE = (
    "-Cpasses=sancov-module",
    "-Ccodegen-units=1",
    *(
        f"-Cllvm-args=-sanitizer-coverage-{what}"
        for what in ("level=4", "inline-8bit-counters", "pc-table", "trace-compares")
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What one target went through."""

    name: str
    inputs: int
    crashes: int = 0
    hangs: int = 0
    notes: str = ""


def main() -> None:
    programs = built()
    print(f"fuzz: seed {SEED}, {SECONDS:g} s a target, {LANES} at a time", flush=True)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(LANES) as lanes:
        in_rust = partial(rust, programs, Path(folder))
        jobs: list[tuple[Callable[[str], Outcome], str]] = [
            *((in_rust, name) for name in rust_seeds.SEEDS),
            *((python, name) for name in TARGETS),
        ]
        # The longest first, so that the lanes end together.
        jobs.sort(key=lambda job: -SHARES.get(job[1], 1.0))
        running = [lanes.submit(run, name) for run, name in jobs]
        outcomes = [each.result() for each in running]
    report(outcomes)


def report(outcomes: list[Outcome]) -> None:
    total = sum(each.inputs for each in outcomes)
    crashes = sum(each.crashes for each in outcomes)
    hangs = sum(each.hangs for each in outcomes)
    in_rust = sum(each.inputs for each in outcomes if each.name in rust_seeds.SEEDS)
    print(f"of them {in_rust} in the Rust targets")
    print(f"fuzz: inputs={total} crashes={crashes} hangs={hangs}", flush=True)
    if crashes or hangs or in_rust < LEAST_RUST_INPUTS:
        raise SystemExit(1)


def built() -> Path:
    """Build the Rust targets with coverage; cargo knows what is due."""
    if shutil.which("g++") is None:
        # libFuzzer itself is C++.
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "g++"]
        for command in (["apt-get", "update", "-qq"], install):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    cache = Path(os.environ.get("OCTOFLEET_CACHE", Path.home() / ".cache" / "octofleet"))
    target = cache / "fuzz-target"
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(target),
        "CARGO_TERM_COLOR": "never",
        "RUSTFLAGS": " ".join(COVERAGE),
    }
    # With a machine named, the flags aren't those of build scripts.
    command = ["nice", "-n", "10", "cargo", "build", "--quiet", "--release", "--locked"]
    subprocess.run([*command, "--target", MACHINE], cwd=CRATE, env=environment, check=True)
    return target / MACHINE / "release"


def rust(programs: Path, folder: Path, name: str) -> Outcome:
    """Run a libFuzzer target for its time; it ends at the first input that breaks it."""
    corpus = folder / name
    rust_seeds.write(name, corpus)
    kept = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    seconds = max(1, round(SECONDS * SHARES.get(name, 1.0)))
    options = {
        "max_total_time": seconds,
        "timeout": HANG_SECONDS,
        "max_len": LONGEST_INPUT,
        "seed": SEED,
        "print_final_stats": 1,
        "artifact_prefix": f"{kept}/",
    }
    command = [str(programs / name), *(f"-{key}={value}" for key, value in options.items())]
    done = subprocess.run([*command, str(corpus)], capture_output=True, text=True, check=False)
    counted = re.findall(r"number_of_executed_units:\s*(\d+)", done.stderr)
    inputs = int(counted[-1]) if counted else 0
    covered = re.findall(r"cov: (\d+)", done.stderr)
    broken = sorted(kept.iterdir())
    if done.returncode == 0 and not broken:
        kept.rmdir()
        return told(Outcome(name, inputs, notes=f"{covered[-1]} places of the code reached"))
    hung = any(path.name.startswith("timeout") for path in broken)
    notes = "\n".join([*done.stderr.splitlines()[-40:], *(f"kept in {path}" for path in broken)])
    return told(Outcome(name, inputs, int(not hung), int(hung), notes))


def python(name: str) -> Outcome:
    """Run a Python target for its time, in a process of its own."""
    seconds = max(1.0, SECONDS * SHARES.get(name, 1.0))
    command = [sys.executable, "-m", "tests.bench.fuzz", name, str(seconds), str(SEED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        notes = "\n".join(done.stderr.splitlines()[-40:])
        return told(Outcome(name, 0, crashes=1, notes=notes))
    seen = json.loads(done.stdout.splitlines()[-1])
    notes = f"{seen['behaviours']} behaviours"
    notes += "".join(f"\nkept in {path}" for path in seen["files"])
    return told(Outcome(name, seen["inputs"], seen["crashes"], seen["hangs"], notes))


def told(outcome: Outcome) -> Outcome:
    print(
        f"  {outcome.name}: {outcome.inputs} inputs, {outcome.crashes} crashes, "
        f"{outcome.hangs} hangs; {outcome.notes}",
        flush=True,
    )
    return outcome


if __name__ == "__main__":
    main()
