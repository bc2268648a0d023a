"""The house's own rules, where no tool checks them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
HARD_LIMIT_LINES = 400


def tracked(*patterns: str) -> list[Path]:
    """Return the files git tracks, as paths."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, check=True
    )
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_the_operator_folder_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert not [
        path for path in tracked("tests") if "operator" in path.relative_to(ROOT).parts[:-1]
    ]


def test_no_module_is_longer_than_the_hard_limit() -> None:
    sources = [*tracked("*.py"), *tracked("*.rs")]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources
        if path.exists() and (lines := len(path.read_text().splitlines())) > HARD_LIMIT_LINES
    }
    assert long == {}


def test_no_file_names_the_host_of_a_package_registry() -> None:
    names = (
        "pypi org",
        "pythonhosted org",
        "proxy golang",
        "npmjs org",
        "deb debian org",
        "repo maven",
    )
    hosts = re.compile("|".join(name.replace(" ", r"\.") for name in names))
    guilty = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.is_file() and hosts.search(path.read_text(errors="ignore"))
    ]
    assert guilty == []


def test_every_relative_link_of_the_docs_leads_somewhere() -> None:
    broken: list[str] = []
    for page in tracked("*.md"):
        if not page.exists():
            continue
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []
