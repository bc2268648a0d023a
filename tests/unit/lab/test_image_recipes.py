"""The Dockerfiles agree with what is laid out for them, and all pods run without root."""

import re
from pathlib import Path

import pytest

from octolab import images, provision
from octolab.cache import Cache

SOURCE = provision.source_folder()
CATALOGUE = images.catalogue(SOURCE, Cache(Path("/cache")))
PARENT = images.python_image(SOURCE, Cache(Path("/cache")))


def instructions(image: images.Image) -> list[str]:
    text = image.dockerfile.read_text().replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]


def test_every_image_that_can_be_asked_for_is_there() -> None:
    assert {image.name for image in CATALOGUE} == {*provision.CLUSTER, *provision.PRODUCT}


@pytest.mark.parametrize("image", [*CATALOGUE, PARENT], ids=lambda image: image.name)
def test_what_is_copied_is_in_the_context(image: images.Image) -> None:
    offered = {name.split("/")[0] for name in image.context}
    copied = {line.split()[1].rstrip("/") for line in instructions(image) if line[:5] == "COPY "}
    assert copied or image.name in images.VARIANTS
    assert copied == offered


@pytest.mark.parametrize("image", [*CATALOGUE, PARENT], ids=lambda image: image.name)
def test_every_image_starts_from_one_that_is_built_here(image: images.Image) -> None:
    (start,) = [line.split()[1] for line in instructions(image) if line.startswith("FROM ")]
    assert start in (
        "scratch",
        images.BASE_IMAGE.removeprefix("docker.io/library/"),
        PARENT.reference,
        *(["docker.io/octofleet/bridge:dev"] if image.name in images.VARIANTS else []),
    )


@pytest.mark.parametrize("image", CATALOGUE, ids=lambda image: image.name)
def test_every_image_ends_as_a_user_without_rights(image: images.Image) -> None:
    users = [line.split()[1] for line in instructions(image) if line.startswith("USER ")]
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", users[-1])


@pytest.mark.parametrize("name", ["bridge", "load"])
def test_only_images_that_carry_media_hold_the_engine(name: str) -> None:
    by_name = {image.name: image for image in CATALOGUE}
    assert "wheels/octoengine" in by_name[name].context
    assert "wheels/octoengine" not in by_name["operator"].context


def test_another_base_makes_an_image_due() -> None:
    image = next(image for image in CATALOGUE if image.name == "prosody")
    assert images.stamp_of(image, "base 1") == images.stamp_of(image, "base 1")
    assert images.stamp_of(image, "base 1") != images.stamp_of(image, "base 2")
