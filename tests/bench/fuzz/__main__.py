"""Fuzz one Python target: python -m tests.bench.fuzz NAME SECONDS SEED; prints what came of it."""

import json
import sys
import time

from tests.bench.fuzz import fuzzer
from tests.bench.fuzz.listing import TARGETS


def main() -> None:
    name, seconds, seed = sys.argv[1:]
    deadline = time.monotonic() + float(seconds)
    result = fuzzer.fuzz(TARGETS[name](), int(seed), fuzzer.until(deadline))
    files = [str(path) for path in result.files]
    shown = {"inputs": result.inputs, "behaviours": len(result.behaviours), "files": files}
    print(json.dumps(shown | {"crashes": result.crashes, "hangs": result.hangs}))


main()
