"""What the builders make, a real API server takes: nothing in it is unknown or misplaced."""

from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from tests.component.control.apiserver import ApiServer

GOLDEN = Path(__file__).parents[2] / "unit" / "control" / "golden"
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_golden_manifest_passes(apiserver: ApiServer, path: Path) -> None:
    body = cast("dict[str, Any]", yaml.safe_load(path.read_text()))
    body["metadata"]["namespace"] = "default"
    # What a class or another namespace must hold first isn't the manifest's business.
    body.get("spec", {}).pop("priorityClassName", None)
    answer = apiserver.try_apply(body, dry_run=True)
    assert answer.returncode == 0, answer.stderr
    assert "(server dry run)" in answer.stdout
    assert "unknown field" not in answer.stderr


def test_the_example_of_web_servers_passes(apiserver: ApiServer) -> None:
    for body in yaml.safe_load_all((EXAMPLES / "web.yaml").read_text()):
        body["metadata"]["namespace"] = "default"
        answer = apiserver.try_apply(body, dry_run=True)
        assert answer.returncode == 0, answer.stderr
        assert "unknown field" not in answer.stderr


def test_a_field_nobody_knows_would_be_seen(apiserver: ApiServer) -> None:
    body = yaml.safe_load((GOLDEN / "bridge-jvb.yaml").read_text())
    body["metadata"]["namespace"] = "default"
    body["spec"].pop("priorityClassName")
    body["spec"]["containers"][0]["preStop"] = {}
    answer = apiserver.try_apply(body, dry_run=True)
    assert answer.returncode != 0
    assert "preStop" in answer.stderr
