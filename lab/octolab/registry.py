"""The built images, in one OCI layout on disk, and the archives that hand them to a node.

A node keeps blobs by their digest, so an archive leaves out those it has: after a change of code
only the top layer travels.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from octolab.files import write_whole

__all__ = ["OciLayout", "StoredImage"]

REF_NAME = "org.opencontainers.image.ref.name"
# The annotation that makes containerd take the name as it is.
IMAGE_NAME = "io.containerd.image.name"
MARK = '{"imageLayoutVersion":"1.0.0"}'


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One image of the layout: its name and its manifest."""

    name: str
    descriptor: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Return what changes when anything in the image does."""
        return str(self.descriptor["digest"])


@dataclass(frozen=True, slots=True)
class OciLayout:
    """A folder in the OCI image layout."""

    root: Path

    def images(self) -> tuple[StoredImage, ...]:
        """Return the images that are there, by name."""
        found = [
            StoredImage(entry["annotations"][REF_NAME], entry)
            for entry in self._index()
            if REF_NAME in entry.get("annotations", {})
        ]
        return tuple(sorted(found, key=lambda image: image.name))

    def digest_of(self, name: str) -> str:
        """Return the digest of an image, nothing if it isn't there."""
        return next((image.digest for image in self.images() if image.name == name), "")

    def write_archive(
        self, images: Collection[StoredImage], known: Collection[str], target: IO[bytes]
    ) -> None:
        """Write an archive of some images as a stream.

        Args:
            images: What to hand over.
            known: Digests of blobs that the receiver has.
            target: Where the archive goes.
        """
        with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            add_file(archive, "oci-layout", MARK.encode())
            for digest in self._blobs_of(images):
                if digest not in known:
                    kind, _, value = digest.partition(":")
                    name = f"blobs/{kind}/{value}"
                    archive.add(self.root / name, name, recursive=False)
            manifests = [
                {**image.descriptor, "annotations": {IMAGE_NAME: image.name}} for image in images
            ]
            index = {"schemaVersion": 2, "manifests": manifests}
            add_file(archive, "index.json", json.dumps(index).encode())

    def absorb(self, name: str, folder: Path) -> None:
        """Take in an image that lies in a folder of its own, in place of the one of its name.

        Args:
            name: The image's full name.
            folder: Its manifest.json and its blobs, each named by its SHA-256; emptied.
        """
        blobs = self.root / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        manifest = (folder / "manifest.json").read_bytes()
        parts = json.loads(manifest)
        for part in [parts["config"], *parts["layers"]]:
            value = part["digest"].partition(":")[2]
            (folder / value).replace(blobs / value)
        value = hashlib.sha256(manifest).hexdigest()
        (blobs / value).write_bytes(manifest)
        entry = {
            "mediaType": parts["mediaType"],
            "digest": f"sha256:{value}",
            "size": len(manifest),
            "annotations": {REF_NAME: name},
        }
        others = [image.descriptor for image in self.images() if image.name != name]
        self._write_index([*others, entry])
        self._prune()

    def _write_index(self, manifests: list[Any]) -> None:
        write_whole(self.root / "oci-layout", MARK)
        index = {"schemaVersion": 2, "manifests": manifests}
        write_whole(self.root / "index.json", json.dumps(index))

    def _prune(self) -> None:
        """Drop the blobs that no image uses any more."""
        used = {digest.partition(":")[2] for digest in self._blobs_of(self.images())}
        for blob in (self.root / "blobs" / "sha256").glob("*"):
            if blob.name not in used:
                blob.unlink()

    def _index(self) -> list[dict[str, Any]]:
        try:
            index = json.loads((self.root / "index.json").read_text())
        except FileNotFoundError:
            return []
        return cast("list[dict[str, Any]]", index["manifests"])

    def _blobs_of(self, images: Collection[StoredImage]) -> list[str]:
        digests: dict[str, None] = {}
        for image in images:
            digests[image.digest] = None
            algorithm, _, value = image.digest.partition(":")
            manifest = json.loads((self.root / "blobs" / algorithm / value).read_text())
            for part in [manifest["config"], *manifest["layers"]]:
                digests[part["digest"]] = None
        return list(digests)


def add_file(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a small file to an archive."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
