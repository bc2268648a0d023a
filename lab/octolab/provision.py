"""Everything the lab needs before it can come up: Debian packages, programs, wheels, images.

Named steps, each due only if its inputs changed or what it makes is missing.
"""

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from octolab import images, shell
from octolab.cache import Cache, fingerprint, is_due
from octolab.errors import UnmetError
from octolab.progress import Progress

__all__ = ["CLUSTER", "PRODUCT", "Step", "provision", "source_folder"]

DEBIAN = (
    "buildah",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "debootstrap",
    "ethtool",
    "iproute2",
    "iptables",
    "procps",
    "runc",
    "socat",
)
COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
)
MODULES = {
    "coredns": ("github.com/coredns/coredns", "v1.15.0"),
    "helm": ("helm.sh/helm/v3/cmd/helm", "v3.22.0"),
    "metrics-server": ("sigs.k8s.io/metrics-server/cmd/metrics-server", "v0.9.0"),
}
CLUSTER = ("pause", "coredns", "metrics-server")
PRODUCT = ("prosody", "operator", "bridge", "load")
EXTRAS = ("operator", "bridge", "load")
OLDEST_GO = (1, 24)
SUITE = "bookworm"
# Change it when the way the base image is made changes.
BASE_RECIPE = f"{SUITE} minbase, no documentation, 2"
LEFT_OUT = (
    "usr/share/doc/*",
    "usr/share/info/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to make: its name, a hash of its inputs, what it leaves on disk, and how."""

    name: str
    stamp: Callable[[], str]
    products: tuple[Path, ...]
    make: Callable[[], None]


def provision(
    cache: Cache, progress: Progress, wanted: Collection[str] = (*CLUSTER, *PRODUCT)
) -> None:
    """Make what is due of the tools and of some images."""
    check_root()
    install_packages(progress)
    check_go()
    source = source_folder()
    for step in steps(source, cache, wanted):
        run_step(step, cache, progress)


def run_step(step: Step, cache: Cache, progress: Progress) -> None:
    """Run a step if it is due; note its stamp only once it is done."""
    stamp = step.stamp()
    if not is_due(stamp, cache.stamp(step.name), step.products):
        progress.skip(step.name)
        return
    with progress.step(step.name):
        cache.forget(step.name)
        step.make()
        cache.write_stamp(step.name, stamp)


def steps(source: Path, cache: Cache, wanted: Collection[str]) -> Iterator[Step]:
    """Yield the steps in order; a later one's inputs may be an earlier one's products."""
    yield from program_steps(source, cache)
    chosen = [image for image in images.catalogue(source, cache) if image.name in wanted]
    if any(image.name in PRODUCT for image in chosen):
        yield base_step(cache)
    if any(image.name in EXTRAS for image in chosen):
        yield from wheel_steps(source, cache)
    for image in chosen:
        yield image_step(image, cache)


def program_steps(source: Path, cache: Cache) -> Iterator[Step]:
    """Yield the Go programs: Kubernetes in one binary, then what the cluster runs."""
    kube, pause = source / "lab" / "kube", source / "lab" / "images" / "pause"
    yield Step(
        "kubernetes",
        lambda: fingerprint([kube], *kube_flags(kube)),
        (cache.programs / "kube", *(cache.programs / name for name in COMPONENTS)),
        lambda: build_kube(kube, cache),
    )
    for name, (module, version) in MODULES.items():
        yield Step(
            name,
            lambda module=module, version=version: f"{module}@{version}",
            (cache.programs / name,),
            lambda module=module, version=version: install_module(module, version, cache),
        )
    yield Step(
        "pause",
        lambda: fingerprint([pause / "main.go", pause / "go.mod"]),
        (cache.programs / "pause",),
        lambda: go_build(pause, cache.programs / "pause", ["-ldflags=-s -w"]),
    )


def kube_flags(folder: Path) -> list[str]:
    """Return the build's flags: without the version stamp, clients would see v0.0.0."""
    found = re.search(r"k8s\.io/kubernetes v(\d+)\.(\d+)\.(\d+)", (folder / "go.mod").read_text())
    if found is None:
        raise UnmetError(f"{folder / 'go.mod'}: doesn't name k8s.io/kubernetes")
    major, minor, patch = found.groups()
    package = "k8s.io/component-base/version"
    stamps = {
        "gitVersion": f"v{major}.{minor}.{patch}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    values = " ".join(f"-X {package}.{key}={value}" for key, value in stamps.items())
    return [f"-ldflags=-s -w {values}"]


def build_kube(folder: Path, cache: Cache) -> None:
    """Link all of Kubernetes into one program, called by a link for each component."""
    go_build(folder, cache.programs / "kube", kube_flags(folder))
    for name in COMPONENTS:
        link = cache.programs / name
        link.unlink(missing_ok=True)
        link.symlink_to("kube")


def go_build(folder: Path, target: Path, flags: list[str]) -> None:
    """Build a static Go program; the one that may be running is replaced, not overwritten."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    command = ["go", "build", "-trimpath", *flags, f"-o={fresh}", "."]
    shell.run(command, cwd=folder, environment={"CGO_ENABLED": "0"})
    fresh.replace(target)


def install_module(module: str, version: str, cache: Cache) -> None:
    """Install a Go program in its own module, since their Kubernetes versions differ."""
    cache.programs.mkdir(parents=True, exist_ok=True)
    shell.run(
        ["go", "install", "-ldflags=-s -w", f"{module}@{version}"],
        cwd=cache.root,
        environment={"CGO_ENABLED": "0", "GOBIN": str(cache.programs)},
    )


def base_step(cache: Cache) -> Step:
    """Return the step that makes the image all others start from."""
    return Step(
        "base image",
        lambda: BASE_RECIPE,
        (cache.root / "buildah" / "root",),
        lambda: make_base(cache),
    )


def make_base(cache: Cache) -> None:
    """Make a slim Debian of Debian's own packages."""
    root = cache.root / "base"
    shutil.rmtree(root, ignore_errors=True)
    shell.run(["debootstrap", "--variant=minbase", SUITE, root])
    for pattern in LEFT_OUT:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    excluded = "".join(f"path-exclude /{each}\n" for each in LEFT_OUT if each.startswith("usr"))
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(excluded)
    container = images.buildah(cache, "from", "scratch").strip()
    images.buildah(cache, "add", "--quiet", container, str(root), "/")
    images.buildah(cache, "config", "--cmd=/bin/bash", container)
    images.buildah(cache, "commit", "--quiet", "--rm", container, images.BASE_IMAGE)
    shutil.rmtree(root)


def wheel_steps(source: Path, cache: Cache) -> Iterator[Step]:
    """Yield the Python parts of the product's images: dependencies, product, media engine."""
    engine, project = source / "bridge" / "engine", source / "pyproject.toml"
    lock = source / "uv.lock"
    yield Step(
        "dependencies",
        lambda: fingerprint([], requirements(source)),
        (cache.root / "dependencies",),
        lambda: install_dependencies(source, cache),
    )
    yield Step(
        "media engine's wheel",
        lambda: fingerprint(engine_inputs(engine)),
        (cache.root / "wheels" / "octoengine",),
        lambda: build_wheel(source, "octoengine", cache),
    )
    packages = [source / each for each in ("operator", "bridge/octobridge", "wire", "load", "lab")]
    yield Step(
        "octofleet's wheel",
        lambda: fingerprint([project, lock, *packages]),
        (cache.root / "wheels" / "octofleet",),
        lambda: build_wheel(source, "octofleet", cache),
    )


def engine_inputs(engine: Path) -> list[Path]:
    """Return what the media engine's wheel is made of."""
    names = ("Cargo.toml", "Cargo.lock", "pyproject.toml", "src", "python")
    return [engine / name for name in names]


def requirements(source: Path) -> str:
    """Return the locked dependencies of the images' extras, with hashes."""
    chosen = [f"--extra={extra}" for extra in EXTRAS]
    left_out = ["--no-dev", "--no-emit-workspace", "--no-header", "--no-annotate"]
    command = [uv(), "export", "--quiet", "--frozen", *left_out, *chosen]
    return shell.run(command, cwd=source)


def install_dependencies(source: Path, cache: Cache) -> None:
    """Put the dependencies into a folder as Debian's Python 3.11 wants them."""
    target = cache.root / "dependencies"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
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
            "--python-version=3.11",
            "--link-mode=copy",
            f"--target={target}",
            f"--requirements={listing}",
        ]
    )


def build_wheel(source: Path, package: str, cache: Cache) -> None:
    """Build a wheel of the project, in place of the last one.

    The engine is compiled in a folder of its own: a developer's build in the source tree and
    this one would else undo each other's work.
    """
    target = cache.root / "wheels" / package
    shutil.rmtree(target, ignore_errors=True)
    shell.run(
        [uv(), "build", "--wheel", f"--package={package}", f"--out-dir={target}"],
        cwd=source,
        environment={"CARGO_TARGET_DIR": str(cache.root / "engine-target")},
    )


def image_step(image: images.Image, cache: Cache) -> Step:
    """Return the step that builds an image."""
    base = cache.stamp("base image") if image.name in PRODUCT else ""
    return Step(
        f"image {image.name}",
        lambda: images.stamp_of(image, base),
        (cache.layout.root / "index.json",),
        lambda: images.build(image, cache),
    )


def install_packages(progress: Progress) -> None:
    """Install the Debian packages that are missing."""
    missing = [package for package in DEBIAN if not is_installed(package)]
    if not missing:
        progress.skip("Debian packages")
        return
    if shutil.which("apt-get") is None:
        raise UnmetError(f"needs {' '.join(missing)}: install them, then run this again")
    with progress.step(f"Debian packages: {' '.join(missing)}"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        shell.run(["apt-get", "update", "-qq"])
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
        shell.run([*install, *missing], environment=quiet)


def is_installed(package: str) -> bool:
    """Tell whether a Debian package is installed."""
    try:
        status = shell.run(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package])
    except shell.CommandError:
        return False
    return status == "installed"


def check_root() -> None:
    """Refuse to go on without the rights to make namespaces."""
    if os.geteuid() != 0:
        raise UnmetError("needs root for network namespaces and cgroups: run it again with sudo")


def check_go() -> None:
    """Refuse to go on without a Go that can build Kubernetes."""
    wanted = ".".join(str(part) for part in OLDEST_GO)
    if shutil.which("go") is None:
        raise UnmetError(
            f"needs Go {wanted} or newer: install it, put it on the PATH, run this again"
        )
    found = shell.run(["go", "env", "GOVERSION"]).strip()
    numbers = re.match(r"go(\d+)\.(\d+)", found)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_GO:
        raise UnmetError(f"found {found}, needs Go {wanted} or newer: upgrade it, run this again")


def uv() -> str:
    """Return the path of uv: on the PATH, or the one the project's set-up put aside."""
    aside = Cache.of_user().root / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(aside) if aside.exists() else None)
    if found is None:
        raise UnmetError("needs uv: run 'make' in the project's folder, which sets it up")
    return found


def source_folder() -> Path:
    """Return the project's folder, from where this file lies in it."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "lab" / "kube" / "go.mod").exists():
        raise UnmetError(
            "octolab builds from the project's own folder: install it from there (editable)"
        )
    return folder
