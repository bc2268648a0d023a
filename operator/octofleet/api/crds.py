"""Both resources as CustomResourceDefinitions: `python -m octofleet.api.crds [--check]`.

Writes `crds/octofleet.io_*.yaml` from the models, or with `--check` says which file differs.
"""

import sys
from pathlib import Path
from typing import Any, Final

import yaml

from octofleet.api.clusters import JitsiCluster
from octofleet.api.kube import GROUP, VERSION, KubeModel
from octofleet.api.regions import OctoRegion
from octofleet.api.schema import Schema, structural_schema

__all__ = ["crds", "main", "rendered"]

DIRECTORIES: Final = (Path("crds"), Path("helm/octofleet/crd-files"))
"""Everyone's, and the chart's."""

_META: Final = {
    "apiVersion": {
        "type": "string",
        "description": "The version of this object's schema.",
    },
    "kind": {"type": "string", "description": "The kind of this object."},
    "metadata": {"type": "object"},
}


def _column(name: str, path: str, kind: str = "string", priority: int = 0) -> Schema:
    wide = {"priority": priority} if priority else {}
    return {"name": name, "type": kind, "jsonPath": path, **wide}


_READY: Final = '.status.conditions[?(@.type=="Ready")]'
_AGE: Final = _column("Age", ".metadata.creationTimestamp", "date")

_CLUSTER_COLUMNS: Final = [
    _column("Domain", ".spec.domain"),
    _column("Size", ".spec.size"),
    _column("Regions", ".status.regions", "integer"),
    _column("Bridges", ".status.bridges", "integer"),
    _column("Ready Bridges", ".status.readyBridges", "integer", 1),
    _column("Participants", ".status.participants", "integer"),
    _column("Ready", f"{_READY}.status"),
    _column("Reason", f"{_READY}.reason", priority=1),
    _AGE,
]
_REGION_COLUMNS: Final = [
    _column("Cluster", ".spec.clusterRef.name"),
    _column("Region", ".spec.region", priority=1),
    _column("Desired", ".status.desiredReplicas", "integer"),
    _column("Bridges Ready", ".status.readyReplicas", "integer"),
    _column("Draining", ".status.drainingReplicas", "integer"),
    _column("Participants", ".status.participants", "integer"),
    _column("Stress", ".status.stress"),
    _column("Ready", f"{_READY}.status"),
    _column("Reason", f"{_READY}.reason", priority=1),
    _column("Decision", ".status.lastDecision.message", priority=1),
    _AGE,
]
_SCALE: Final = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}


def crds() -> tuple[Schema, ...]:
    """Return both CustomResourceDefinitions."""
    return (
        _crd(JitsiCluster, "jitsiclusters", "jc", _CLUSTER_COLUMNS, {"status": {}}),
        _crd(OctoRegion, "octoregions", "octo", _REGION_COLUMNS, {"status": {}, "scale": _SCALE}),
    )


def _crd(
    model: type[KubeModel], plural: str, short: str, columns: list[Schema], subresources: Schema
) -> Schema:
    kind = model.__name__
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["octofleet"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": subresources,
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": _root(model)},
                }
            ],
        },
    }


def _root(model: type[KubeModel]) -> Schema:
    """Return the whole object's schema; metadata's is the API server's own."""
    schema = structural_schema(model, leave_out=_META)
    schema["properties"] |= _META
    schema["required"] = ["spec"]
    return schema


class _Dumper(yaml.SafeDumper):
    """Writes plain YAML: no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def rendered() -> dict[str, str]:
    """Return every CRD file's name and text."""
    return {
        f"{GROUP}_{crd['spec']['names']['plural']}.yaml": (
            "# Made from the models in operator/octofleet/api"
            " by `python -m octofleet.api.crds`.\n"
            + yaml.dump(crd, Dumper=_Dumper, sort_keys=False, width=100)
        )
        for crd in crds()
    }


def main(arguments: list[str]) -> int:
    """Write the files, or compare them; return the exit status."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m octofleet.api.crds [--check]\n")
        return 2
    files, stale = rendered(), list[str]()
    for directory in DIRECTORIES:
        for name, text in files.items():
            path = directory / name
            if not arguments:
                directory.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            elif not path.exists() or path.read_text() != text:
                stale.append(str(path))
    for each in stale:
        sys.stderr.write(f"{each} differs from the models: run python -m octofleet.api.crds\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
