"""The Go programs: Kubernetes in one binary, what the cluster runs, and Helm."""

import re
from collections.abc import Iterator
from pathlib import Path

from octolab import shell
from octolab.cache import Cache, all_exist, fingerprint
from octolab.errors import UnmetError
from octolab.steps import Step

__all__ = ["kube_flags", "program_steps"]

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


def program_steps(source: Path, cache: Cache) -> Iterator[Step]:
    """Yield the Go programs: Kubernetes in one binary, then what the cluster runs."""
    kube, pause = source / "lab" / "kube", source / "lab" / "images" / "pause"
    yield Step(
        "kubernetes",
        lambda: fingerprint([kube], *kube_flags(kube)),
        lambda: all_exist(*(cache.programs / name for name in ("kube", *COMPONENTS))),
        lambda: build_kube(kube, cache),
    )
    for name, (module, version) in MODULES.items():
        yield Step(
            name,
            lambda module=module, version=version: f"{module}@{version}",
            lambda name=name: all_exist(cache.programs / name),
            lambda module=module, version=version: install_module(module, version, cache),
        )
    yield Step(
        "pause",
        lambda: fingerprint([pause / "main.go", pause / "go.mod"]),
        lambda: all_exist(cache.programs / "pause"),
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
