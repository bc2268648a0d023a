"""The Helm chart: the rights it grants are those the operator uses, the CRDs are the project's."""

import json
import os
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from octofleet.shell import kube, running

Object = dict[str, Any]
REPOSITORY = Path(__file__).parents[3]
CHART = REPOSITORY / "helm" / "octofleet"


def helm() -> str:
    cache = Path(os.environ.get("OCTOFLEET_CACHE", Path.home() / ".cache" / "octofleet"))
    found = shutil.which("helm", path=f"{cache / 'bin'}:{os.environ['PATH']}")
    assert found is not None, "helm is missing: `make test` builds it"
    return found


def template(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [helm(), "template", "octofleet", str(CHART), "--namespace", "octofleet-system",
         "--kube-version", "1.34.4", *options],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def rendered(*options: str) -> list[Object]:
    result = template(*options)
    assert result.returncode == 0, result.stderr
    return [each for each in yaml.safe_load_all(result.stdout) if each]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def granted(roles: list[Object]) -> dict[tuple[str, str], frozenset[str]]:
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for role in roles:
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    found[group, resource] |= set(rule["verbs"])
    return {key: frozenset(verbs) for key, verbs in found.items()}


def operators(objects: list[Object], kind: str) -> list[Object]:
    return [each for each in of_kind(objects, kind) if each["metadata"]["name"] == "octofleet"]


def test_cluster_wide_rights_are_exactly_those_used() -> None:
    assert granted(operators(rendered(), "ClusterRole")) == dict(kube.USED)


def test_rights_limited_to_namespaces_are_the_same_but_for_nodes() -> None:
    objects = rendered("--set", "watchNamespaces={one,two}")
    assert granted(operators(objects, "ClusterRole")) == {
        ("", "nodes"): frozenset({"list", "watch"})
    }
    roles = operators(objects, "Role")
    assert [each["metadata"]["namespace"] for each in roles] == ["one", "two"]
    rest = {key: verbs for key, verbs in kube.USED.items() if key != ("", "nodes")}
    assert all(granted([each]) == rest for each in roles)


def test_lease_is_the_only_thing_touched_in_the_operators_namespace() -> None:
    (role,) = of_kind(rendered(), "Role")
    assert granted([role]) == {
        ("coordination.k8s.io", "leases"): frozenset({"create", "get", "update"})
    }
    assert role["rules"][1]["resourceNames"] == [running.LEASE_NAME]


def test_no_right_is_a_wildcard_and_secrets_are_never_listed() -> None:
    text = json.dumps([each["rules"] for each in rendered() if "rules" in each])
    assert "*" not in text
    assert kube.USED["", "secrets"].isdisjoint({"list", "watch", "delete"})


def test_crds_of_the_chart_are_those_of_the_project() -> None:
    ours = {path.name: path.read_text() for path in (REPOSITORY / "crds").glob("*.yaml")}
    theirs = {path.name: path.read_text() for path in (CHART / "crd-files").glob("*.yaml")}
    assert ours == theirs
    assert len(ours) == 2


def test_crds_survive_an_uninstall_unless_told_otherwise() -> None:
    kept = of_kind(rendered(), "CustomResourceDefinition")
    assert [each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in kept] == [
        "keep",
        "keep",
    ]
    loose = of_kind(rendered("--set", "crds.keep=false"), "CustomResourceDefinition")
    assert all("annotations" not in each["metadata"] for each in loose)
    assert of_kind(rendered("--set", "crds.enabled=false"), "CustomResourceDefinition") == []


def test_operator_runs_restricted() -> None:
    (deployment,) = of_kind(rendered(), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("option", "field"),
    [
        ("image.tagg=x", "tagg"),
        ("watchNamespaces={Bad_Name}", "watchNamespaces"),
        ("periodSeconds=0", "periodSeconds"),
        ("logLevel=LOUD", "logLevel"),
    ],
)
def test_mistaken_value_is_refused_by_name(option: str, field: str) -> None:
    result = template("--set", option)
    assert result.returncode != 0
    assert field in result.stderr


def test_default_images_reach_the_operator() -> None:
    options = ("--set", "defaultImages.jicofo=example.org/focus:1")
    (deployment,) = of_kind(rendered(*options), "Deployment")
    env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "OCTOFLEET_JICOFO_IMAGE", "value": "example.org/focus:1"} in env
