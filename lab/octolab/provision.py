"""Everything the lab needs before it can come up: Debian packages, programs, wheels, images.

Named steps, each due only if its inputs changed or what it makes is missing.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from octolab import images, machine
from octolab.base import base_step
from octolab.cache import Cache, fingerprint
from octolab.errors import UnmetError
from octolab.images import Image
from octolab.programs import program_steps
from octolab.progress import Progress
from octolab.steps import Step, run_step
from octolab.wheels import engine_step, product_steps

__all__ = ["CLUSTER", "PRODUCT", "provision", "references", "source_folder"]

CLUSTER = ("pause", "coredns", "metrics-server")
PRODUCT = ("prosody", "web", "operator", "bridge", "load", "bridge-stock", *images.VARIANTS)
# Change it when the way images are built or kept changes.
IMAGE_RECIPE = "layers uncompressed"
PYTHON_STEP = "Python image"
PYTHON = ("operator", "bridge", "load", "bridge-stock")
WITH_ENGINE = ("bridge", "load", "bridge-stock")


def provision(
    cache: Cache, progress: Progress, wanted: Collection[str] = (*CLUSTER, *PRODUCT)
) -> None:
    """Make what is due of the tools and of some images."""
    unknown = sorted(set(wanted) - {*CLUSTER, *PRODUCT})
    if unknown:
        raise UnmetError(f"no image {', '.join(unknown)}: use {' '.join((*CLUSTER, *PRODUCT))}")
    machine.check_root()
    machine.install_packages(progress)
    machine.check_go()
    source = source_folder()
    for step in steps(source, cache, wanted):
        run_step(step, cache, progress)


def references(wanted: Collection[str]) -> frozenset[str]:
    """Return the full names of images."""
    catalogue = images.catalogue(source_folder(), Cache.of_user())
    return frozenset(image.reference for image in catalogue if image.name in wanted)


def steps(source: Path, cache: Cache, wanted: Collection[str]) -> Iterator[Step]:
    """Yield the steps in order; a later one's inputs may be an earlier one's products."""
    yield from program_steps(source, cache)
    if not set(wanted).isdisjoint(PRODUCT):
        yield base_step(cache)
    if not set(wanted).isdisjoint(PYTHON):
        yield from product_steps(source, cache)
        yield python_step(source, cache)
    if not set(wanted).isdisjoint(WITH_ENGINE):
        yield engine_step(source, cache)
    for image in images.catalogue(source, cache):
        if image.name in wanted:
            yield image_step(image, cache)


def image_step(image: Image, cache: Cache) -> Step:
    """Return the step that builds an image."""
    parents = {
        "prosody": "base image",
        "web": "base image",
        **dict.fromkeys(PYTHON, PYTHON_STEP),
        **dict.fromkeys(images.VARIANTS, "image bridge"),
    }
    parent = parents.get(image.name)
    base = cache.stamp(parent) if parent else ""
    return Step(
        f"image {image.name}",
        lambda: images.stamp_of(image, base, IMAGE_RECIPE),
        lambda: bool(cache.layout.digest_of(image.reference)),
        lambda: build_and_publish(image, cache),
    )


def build_and_publish(image: Image, cache: Cache) -> None:
    """Build an image and make it available to nodes."""
    images.build(image, cache)
    images.publish(image, cache)


def python_step(source: Path, cache: Cache) -> Step:
    """Return the step that builds what the Python images start from."""
    image = images.python_image(source, cache)
    inputs = [cache.stamp("dependencies"), cache.stamp("base image")]
    return Step(
        PYTHON_STEP,
        lambda: fingerprint([image.dockerfile], *inputs),
        lambda: images.is_in_storage(cache, image.reference),
        lambda: images.build(image, cache),
    )


def source_folder() -> Path:
    """Return the project's folder, from where this file lies in it."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "lab" / "kube" / "go.mod").exists():
        raise UnmetError(
            "octolab builds from the project's own folder: install it from there (editable)"
        )
    return folder
