"""Which images there are, what each is made of, and how one is built from its Dockerfile.

The Dockerfiles hold the recipes; here is only what goes into their build context. Python images
share the layer with all dependencies, which changes only with the lock file.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from octolab import shell
from octolab.addons import COREDNS_IMAGE, METRICS_IMAGE
from octolab.cache import Cache, fingerprint
from octolab.flags import SANDBOX_IMAGE

__all__ = [
    "BASE_IMAGE",
    "VARIANTS",
    "Image",
    "build",
    "buildah",
    "catalogue",
    "is_in_storage",
    "publish",
    "python_image",
    "stamp_of",
]

VARIANTS = ("bridge-next", "bridge-mute")
"""Made from the bridge's image, for trying upgrades."""
BASE_IMAGE = "docker.io/library/debian:bookworm-slim"
PYTHON_IMAGE = "docker.io/octofleet/python:dev"


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its short name, its reference, its Dockerfile and its build context."""

    name: str
    reference: str
    dockerfile: Path
    context: Mapping[str, Path]
    """Files and folders of the build context, by their name in it."""


def catalogue(source: Path, cache: Cache) -> tuple[Image, ...]:
    """Return every image, those first that the cluster itself needs.

    Args:
        source: The project's folder.
        cache: Where programs and Python packages were put.
    """
    recipes = source / "lab" / "images"
    wheels = cache.root / "wheels"
    product = {"wheels/octofleet": wheels / "octofleet"}
    with_engine = {**product, "wheels/octoengine": wheels / "octoengine"}
    return (
        program_image("pause", SANDBOX_IMAGE, recipes, cache),
        program_image("coredns", COREDNS_IMAGE, recipes, cache),
        program_image("metrics-server", METRICS_IMAGE, recipes, cache),
        server_image("prosody", recipes),
        server_image("web", recipes),
        product_image("operator", source, product),
        product_image("bridge", source, with_engine),
        product_image("load", source, with_engine),
        Image(
            "bridge-stock",
            "docker.io/octofleet/bridge-stock:dev",
            recipes / "bridge-stock" / "Dockerfile",
            {**with_engine, "start.sh": recipes / "bridge-stock" / "start.sh"},
        ),
        *(
            Image(name, f"docker.io/octofleet/{name}:dev", recipes / name / "Dockerfile", {})
            for name in VARIANTS
        ),
    )


def program_image(name: str, reference: str, recipes: Path, cache: Cache) -> Image:
    """Return an image that is one static program."""
    return Image(name, reference, recipes / name / "Dockerfile", {name: cache.programs / name})


def server_image(name: str, recipes: Path) -> Image:
    """Return an image of one of Debian's servers: all of its folder is the build context."""
    folder = recipes / name
    dockerfile = folder / "Dockerfile"
    context = {each.name: each for each in sorted(folder.iterdir()) if each != dockerfile}
    return Image(name, f"docker.io/octofleet/{name}:dev", dockerfile, context)


def python_image(source: Path, cache: Cache) -> Image:
    """Return the image that the product's own start from; no pod runs it as it is."""
    dockerfile = source / "lab" / "images" / "python" / "Dockerfile"
    context = {"dependencies": cache.root / "dependencies"}
    return Image("python", PYTHON_IMAGE, dockerfile, context)


def product_image(name: str, source: Path, context: Mapping[str, Path]) -> Image:
    """Return one of the product's Python images."""
    dockerfile = source / name / "Dockerfile"
    return Image(name, f"docker.io/octofleet/{name}:dev", dockerfile, context)


def stamp_of(image: Image, *others: str) -> str:
    """Return a hash of everything an image is made of."""
    inputs = [image.dockerfile, *(path for _, path in sorted(image.context.items()))]
    return fingerprint(inputs, image.reference, *others)


def build(image: Image, cache: Cache) -> None:
    """Build an image from its Dockerfile, in buildah's storage."""
    context = cache.root / "contexts" / image.name
    lay_out(image.context, context)
    buildah(
        cache,
        "bud",
        "--layers",
        "--pull-never",
        f"--file={image.dockerfile}",
        f"--tag={image.reference}",
        str(context),
    )


def publish(image: Image, cache: Cache) -> None:
    """Put a built image into the layout, in place of the one of its name there.

    Layers stay uncompressed, which buildah does only for a plain folder: packing them would take
    far longer than building.
    """
    folder = cache.root / "published" / image.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    buildah(
        cache, "push", "--format=oci", "--disable-compression", image.reference, f"dir:{folder}"
    )
    cache.layout.absorb(image.reference, folder)
    shutil.rmtree(folder)


def lay_out(parts: Mapping[str, Path], context: Path) -> None:
    """Make a build context of hard links: no copies, and times stay as they are."""
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    for name, path in parts.items():
        if path.is_dir():
            shutil.copytree(path, context / name, copy_function=link_or_copy)
        else:
            link_or_copy(str(path), str(context / name))


def link_or_copy(source: str, target: str) -> None:
    """Link a file, or copy it where the two lie on different disks."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def is_in_storage(cache: Cache, reference: str) -> bool:
    """Tell whether buildah has an image to build on."""
    try:
        return bool(buildah(cache, "images", "--quiet", reference))
    except shell.CommandError:
        return False


def buildah(cache: Cache, *arguments: str) -> str:
    """Run buildah on a storage of the lab's own."""
    home = cache.root / "buildah"
    kind = shell.run(["stat", "--file-system", "--format=%T", cache.root]).strip()
    driver = "vfs" if kind in ("overlayfs", "tmpfs", "nfs") else "overlay"
    return shell.run(
        [
            "buildah",
            f"--root={home / 'root'}",
            f"--runroot={home / 'run'}",
            f"--storage-driver={driver}",
            *arguments,
        ],
        environment={"BUILDAH_ISOLATION": "chroot", "XDG_RUNTIME_DIR": str(home)},
    )
