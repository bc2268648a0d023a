"""The Python parts of the product's images: locked dependencies, the product, the media engine."""

import json
import shutil
import sys
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path

from octolab import shell
from octolab.cache import Cache, all_exist, fingerprint
from octolab.errors import LabError, UnmetError
from octolab.steps import Step

__all__ = ["engine_step", "product_steps"]

IMAGE_PYTHON = "3.11"
EXTRAS = ("operator", "bridge", "load")


def product_steps(source: Path, cache: Cache) -> Iterator[Step]:
    """Yield the dependencies that all Python images share, and the product's own wheel."""
    yield Step(
        "dependencies",
        lambda: fingerprint([source / "requirements.lock"], declared(source)),
        lambda: all_exist(cache.root / "dependencies"),
        lambda: install_dependencies(source, cache),
    )
    project = source / "pyproject.toml"
    yield Step(
        "octofleet's wheel",
        lambda: fingerprint([project, source / "README.md", *packages_in(source, project)]),
        lambda: any((cache.root / "wheels" / "octofleet").glob("*.whl")),
        lambda: build_product(source, cache),
    )


def engine_step(source: Path, cache: Cache) -> Step:
    """Return the step that builds the media engine's wheel."""
    engine = source / "bridge" / "engine"
    names = ("Cargo.toml", "Cargo.lock", "pyproject.toml", "src", "python")
    return Step(
        "media engine's wheel",
        lambda: fingerprint([engine / name for name in names]),
        lambda: any((cache.root / "wheels" / "octoengine").glob("*.whl")),
        lambda: build_engine(engine, cache),
    )


def packages_in(source: Path, project: Path) -> list[Path]:
    """Return the folders that go into the product's wheel."""
    table = tomllib.loads(project.read_text())
    listed = table["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return [source / package for package in listed]


def declared(source: Path) -> str:
    """Return what the project says it depends on, as one text that changes when that does."""
    projects = [source / "pyproject.toml", source / "bridge" / "engine" / "pyproject.toml"]
    tables = [tomllib.loads(project.read_text())["project"] for project in projects]
    return json.dumps(
        [[each["dependencies"], each.get("optional-dependencies")] for each in tables]
    )


def requirements(source: Path) -> str:
    """Return the locked dependencies of the images' extras, with hashes."""
    lock = source / "requirements.lock"
    chosen = [f"--extra={extra}" for extra in EXTRAS]
    plain = ["--quiet", "--no-header", "--no-annotate", f"--python-version={IMAGE_PYTHON}"]
    pinned = [f"--constraints={lock}", "--no-emit-package=octoengine"]
    resolved = shell.run(
        [uv(), "pip", "compile", "pyproject.toml", *plain, *pinned, *chosen], cwd=source
    )
    return only(lock.read_text(), {line.partition("==")[0] for line in resolved.splitlines()})


def only(lock: str, names: Collection[str]) -> str:
    """Return those entries of a lock file that are wanted, hashes and all.

    Args:
        lock: Entries that begin at the start of a line and go on indented.
        names: The wanted packages.

    Raises:
        LabError: the lock lacks one of them.
    """
    entries: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in lock.splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            # One package may have several entries, for different Pythons.
            lines = entries.setdefault(line.partition("==")[0], [])
        lines.append(line)
    missing = sorted(set(names) - set(entries))
    if missing:
        raise LabError(f"requirements.lock lacks {', '.join(missing)}: compile it anew")
    return "".join(f"{line}\n" for name in sorted(names) for line in entries[name])


def install_dependencies(source: Path, cache: Cache) -> None:
    """Put the dependencies into a folder as Debian's Python 3.11 wants them."""
    target = emptied(cache.root / "dependencies")
    listing = cache.root / "requirements.txt"
    listing.write_text(requirements(source))
    shell.run(
        [
            uv(),
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            f"--python-version={IMAGE_PYTHON}",
            "--link-mode=copy",
            f"--target={target}",
            f"--requirements={listing}",
        ]
    )


def build_product(source: Path, cache: Cache) -> None:
    """Build the product's wheel, in place of the last one."""
    target = emptied(cache.root / "wheels" / "octofleet")
    shell.run([uv(), "build", "--wheel", f"--out-dir={target}"], cwd=source)


def build_engine(engine: Path, cache: Cache) -> None:
    """Build the media engine's wheel as it ships.

    It is compiled in a folder of its own: a developer's build in the source tree and this one
    would else undo each other's work. One wheel serves every Python from 3.11 on.
    """
    if shutil.which("cargo") is None:
        raise UnmetError("needs Rust for the media engine: install it with rustup, run this again")
    target = emptied(cache.root / "wheels" / "octoengine")
    maturin = [uv(), "tool", "run", "--from", "maturin>=1.9,<2", "maturin"]
    shell.run(
        [
            *maturin,
            "build",
            "--release",
            "--locked",
            "--compatibility=linux",
            f"--interpreter={sys.executable}",
            f"--out={target}",
        ],
        cwd=engine,
        environment={"CARGO_TARGET_DIR": str(cache.root / "engine-target")},
    )
    for extra in [each for each in target.iterdir() if each.suffix != ".whl"]:
        extra.unlink()


def emptied(folder: Path) -> Path:
    """Return a folder that exists and holds nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def uv() -> str:
    """Return the path of uv: on the PATH, or the one the project's set-up put aside."""
    aside = Cache.of_user().root / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(aside) if aside.exists() else None)
    if found is None:
        raise UnmetError("needs uv: run 'make' in the project's folder, which sets it up")
    return found
