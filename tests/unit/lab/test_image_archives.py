"""Built images are kept once and handed over without what the receiver has."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from octolab.registry import OciLayout


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def lay_out(folder: Path, *layers: bytes) -> Path:
    """An image as buildah leaves it in a folder."""
    folder.mkdir()
    config = b'{"layers": %d}' % len(layers)
    for content in (config, *layers):
        (folder / hashlib.sha256(content).hexdigest()).write_bytes(content)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": digest(config), "size": len(config)},
        "layers": [{"digest": digest(each), "size": len(each)} for each in layers],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def archive(layout: OciLayout, known: set[str]) -> dict[str, bytes]:
    stream = io.BytesIO()
    layout.write_archive(layout.images(), known, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        found = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: file.read() for name, file in found.items() if file is not None}


def blobs(files: dict[str, bytes]) -> set[bytes]:
    return {content for name, content in files.items() if name.startswith("blobs/")}


def test_an_empty_layout_has_no_images(tmp_path: Path) -> None:
    layout = OciLayout(tmp_path / "none")
    assert layout.images() == ()
    assert layout.digest_of("a:1") == ""


def test_images_share_layers_and_replace_those_of_their_name(tmp_path: Path) -> None:
    layout = OciLayout(tmp_path / "oci")
    layout.absorb("a:1", lay_out(tmp_path / "a", b"base", b"first"))
    layout.absorb("b:1", lay_out(tmp_path / "b", b"base", b"other"))
    before = layout.digest_of("a:1")
    layout.absorb("a:1", lay_out(tmp_path / "c", b"base", b"second"))
    assert [image.name for image in layout.images()] == ["a:1", "b:1"]
    assert layout.digest_of("a:1") not in ("", before)
    kept = {file.read_bytes() for file in (layout.root / "blobs" / "sha256").iterdir()}
    assert {b"base", b"other", b"second"} <= kept
    assert b"first" not in kept


def test_an_archive_names_its_images_and_holds_every_blob(tmp_path: Path) -> None:
    layout = OciLayout(tmp_path / "oci")
    layout.absorb("registry/a:1", lay_out(tmp_path / "a", b"base", b"top"))
    files = archive(layout, set())
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"] == {"io.containerd.image.name": "registry/a:1"}
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert {b"base", b"top"} <= blobs(files)
    for name, content in files.items():
        if name.startswith("blobs/sha256/"):
            assert name.endswith(hashlib.sha256(content).hexdigest())


def test_an_archive_leaves_out_what_the_receiver_has(tmp_path: Path) -> None:
    layout = OciLayout(tmp_path / "oci")
    layout.absorb("a:1", lay_out(tmp_path / "a", b"base", b"top"))
    files = archive(layout, {digest(b"base")})
    assert b"base" not in blobs(files)
    assert b"top" in blobs(files)
