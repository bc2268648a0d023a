"""The CRD files are what the models say, and structural as the API server wants them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ConfigDict

from octofleet.api import crds
from octofleet.api.kube import KubeModel
from octofleet.api.schema import structural_schema

REPOSITORY = Path(__file__).parents[3]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


def schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    for crd in crds.crds():
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for part in ("spec", "status"):
            yield from nodes(schema["properties"][part], f"{crd['spec']['names']['kind']}.{part}")


ALL = dict(schemas())


def test_files_are_what_the_models_say() -> None:
    files = {p.name: p.read_text() for p in (REPOSITORY / "crds").glob("*.yaml")}
    assert files == crds.rendered()


def test_check_names_the_file_that_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert crds.main([]) == 0
    assert crds.main(["--check"]) == 0
    stale = tmp_path / "crds" / "octofleet.io_octoregions.yaml"
    stale.write_text(stale.read_text() + "\n")
    assert crds.main(["--check"]) == 1
    assert stale.name in capsys.readouterr().err
    assert crds.main(["--what"]) == 2


@pytest.mark.parametrize("path", ALL)
def test_every_field_is_bounded_and_described(path: str) -> None:
    node = ALL[path]
    if not path.endswith("[]"):
        assert node.get("description"), f"{path} has no description"
    match node.get("type"):
        case "string":
            assert "maxLength" in node or "enum" in node
        case "integer":
            assert node["format"] in {"int32", "int64"}
        case "array":
            assert "maxItems" in node
            assert "x-kubernetes-list-type" in node
        case "object":
            assert "properties" in node or "maxProperties" in node
        case None:
            assert node["x-kubernetes-int-or-string"]
        case other:
            pytest.fail(f"{path} has type {other}")


def test_fields_with_defaults_are_reachable_through_their_parents() -> None:
    """A nested default holds only if every object above it defaults too (or is required)."""
    for path, node in ALL.items():
        parent, _, _ = path.rpartition(".")
        if "default" not in node or ".spec." not in parent or parent.endswith("[]"):
            continue
        assert ALL[parent].get("default") == {}, f"{path} has a default, {parent} has none"


def test_schema_word_that_no_crd_knows_is_refused() -> None:
    class Odd(KubeModel, frozen=True):
        """A model with a keyword that structural schemas lack."""

        choice: int | str | bool = 3

    class Exclusive(KubeModel, frozen=True):
        """A model with an exclusive bound, which CRDs spell differently."""

        model_config = ConfigDict(json_schema_extra={"exclusiveMinimum": 3})

    assert "anyOf" in structural_schema(Odd)["properties"]["choice"]
    with pytest.raises(ValueError, match="exclusiveMinimum"):
        structural_schema(Exclusive)
