"""What a process no longer uses goes back to the system, though its heap's end is in use."""

import ctypes
import resource
import subprocess
import sys
from pathlib import Path

from octobridge.shell.memory import give_back

PIECE = 1000
PIECES = 50_000


def main() -> None:
    """Fill a heap, empty all of it but its end, and tell how much of that comes back."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    pieces = [libc.malloc(PIECE) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, PIECE)
    for piece in pieces[:-1]:
        libc.free(piece)
    full = resident()
    assert give_back()
    print(full - resident())
    libc.free(pieces[-1])


def resident() -> int:
    """Return the pages of this process that are in memory, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_pages_in_the_middle_of_the_heap_are_given_back() -> None:
    made = subprocess.run(
        [sys.executable, __file__], check=True, capture_output=True, text=True, timeout=120
    )
    assert int(made.stdout) > PIECE * PIECES / 2


if __name__ == "__main__":
    main()
