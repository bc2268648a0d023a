"""The recordings are evidence: every file of them is byte for byte what was recorded."""

from hashlib import sha256
from pathlib import Path

from tests.contract.recordings import TRANSCRIPTS

SUMS = Path(__file__).parent / "transcripts.sha256"


def test_the_recordings_are_untouched() -> None:
    wanted = dict(line.split()[::-1] for line in SUMS.read_text().splitlines())
    found = {
        f"transcripts/{path.relative_to(TRANSCRIPTS)}": sha256(path.read_bytes()).hexdigest()
        for path in TRANSCRIPTS.rglob("*")
        if path.is_file()
    }
    assert found == wanted
