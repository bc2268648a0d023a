"""The image all others start from: a slim Debian, made of Debian's own packages."""

import shutil

from octolab import images, shell
from octolab.cache import Cache
from octolab.steps import Step

__all__ = ["base_step"]

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


def base_step(cache: Cache) -> Step:
    """Return the step that makes the image all others start from."""
    return Step(
        "base image",
        lambda: BASE_RECIPE,
        lambda: images.is_in_storage(cache, images.BASE_IMAGE),
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
