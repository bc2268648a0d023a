"""What the docs tell people to run is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def _told(page: Path) -> set[str]:
    """Return the targets a page names: `make X`, and in lists of them `prove-X` alone."""
    text = page.read_text()
    return {*re.findall(r"`make ([a-z0-9-]+)", text), *re.findall(r"`(prove-[a-z0-9]+)`", text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_a_page_names_is_in_the_makefile(page: Path) -> None:
    assert _told(page) <= TARGETS


def test_every_proof_of_make_prove_is_in_the_makefile() -> None:
    listed = re.search(r"^PROOFS := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert listed is not None
    proofs = set(listed[1].replace("\\", " ").split())
    assert "prove-chaos" in proofs
    assert proofs <= TARGETS
    assert {each for each in TARGETS if each.startswith("prove-")} <= proofs
