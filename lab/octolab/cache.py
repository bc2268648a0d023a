"""Where built things are kept between runs, and how it is known that they are up to date.

A product is up to date when its stamp, a hash of all its inputs, is the wanted one and the
product itself exists. The stamp is written last, so a step cut short is simply due again.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from octolab.files import write_whole
from octolab.registry import OciLayout

__all__ = ["Cache", "all_exist", "fingerprint", "is_due"]

IGNORED_FOLDERS = {"__pycache__", "target", ".venv", "node_modules"}
IGNORED_SUFFIXES = {".pyc", ".so"}


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder of built things."""

    root: Path

    @classmethod
    def of_user(cls) -> "Cache":
        """Return the cache that the environment names, else the user's own."""
        named = os.environ.get("OCTOFLEET_CACHE")
        return cls(Path(named) if named else Path.home() / ".cache" / "octofleet")

    @property
    def programs(self) -> Path:
        """Return the folder of programs."""
        return self.root / "bin"

    @property
    def layout(self) -> OciLayout:
        """Return the built images."""
        return OciLayout(self.root / "oci")

    def stamp(self, product: str) -> str:
        """Return the stamp of a product as it stands, nothing if it was never made."""
        try:
            return self.stamp_path(product).read_text()
        except FileNotFoundError:
            return ""

    def write_stamp(self, product: str, stamp: str) -> None:
        """Note that a product now stands for a stamp."""
        write_whole(self.stamp_path(product), stamp)

    def forget(self, product: str) -> None:
        """Drop a product's stamp before it is made anew."""
        self.stamp_path(product).unlink(missing_ok=True)

    def stamp_path(self, product: str) -> Path:
        """Return the file that holds a product's stamp."""
        return self.root / "stamps" / product


def is_due(wanted: str, found: str, *, stands: bool) -> bool:
    """Tell whether a step must run.

    Args:
        wanted: The hash of its inputs now.
        found: The hash its product was made from, empty if none was finished.
        stands: Whether what it makes is there.
    """
    return wanted != found or not stands


def all_exist(*paths: Path) -> bool:
    """Tell whether every path exists."""
    return all(path.exists() for path in paths)


def fingerprint(paths: Iterable[Path], *words: str) -> str:
    """Return a hash of files, of folders with all below them, and of words.

    Built things and caches inside the folders don't count; names and executable bits do.
    """
    digest = hashlib.sha256()
    for word in words:
        digest.update(f"word {len(word)} {word}\n".encode())
    for path in paths:
        for file in files_in(path):
            name = file.relative_to(path) if path.is_dir() else file.name
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            mode = "x" if os.access(file, os.X_OK) else "-"
            digest.update(f"file {name} {mode} {content}\n".encode())
    return digest.hexdigest()[:32]


def files_in(path: Path) -> list[Path]:
    """Return the files that count at a path, sorted; none if nothing is there."""
    if path.is_file():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.suffix not in IGNORED_SUFFIXES
        and not IGNORED_FOLDERS.intersection(file.relative_to(path).parts)
    )
