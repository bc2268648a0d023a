"""Pydantic models to structural CRD schemas, as the API server wants them.

References are inlined, `null` alternatives become optional fields, strictness is the API
server's own (it knows every field), objects default to `{}` so that the defaults of their
fields apply, and whole numbers carry their width.
"""

from collections.abc import Iterable
from typing import Any, Final

from octofleet.api.kube import KubeModel

__all__ = ["Schema", "structural_schema"]

Schema = dict[str, Any]  # JSON: its shape is what this module is about

_KEPT: Final = frozenset(
    {
        "anyOf",
        "enum",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "nullable",
        "pattern",
        "required",
        "type",
    }
)
_DROPPED: Final = frozenset({"title", "$defs"})


def structural_schema(model: type[KubeModel], leave_out: Iterable[str] = ()) -> Schema:
    """Return the model's structural schema, without the properties to leave out."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    schema["properties"] = _without(schema["properties"], *leave_out)
    return _Structural(schema.get("$defs", {})).node(schema)


class _Structural:
    """Rewrites one model's JSON schema."""

    def __init__(self, definitions: Schema) -> None:
        self._definitions = definitions

    def node(self, node: Schema) -> Schema:
        """Return one schema node, rewritten with all below it."""
        node = self._resolved(node)
        out: Schema = {}
        for key, value in sorted(node.items()):
            if key not in _DROPPED:
                out.update(self._entry(key, value, node))
        return _with_kubernetes_manners(out)

    def _resolved(self, node: Schema) -> Schema:
        """Inline a reference and take an optional field's one real alternative."""
        if "$ref" in node:
            target = self._definitions[node["$ref"].rsplit("/", 1)[1]]
            return self._resolved({**target, **_without(node, "$ref")})
        alternatives: list[Schema] = node.get("anyOf", [])
        if {"type": "null"} in alternatives:
            (real,) = [each for each in alternatives if each != {"type": "null"}]
            outer = _without(node, "anyOf", "default")
            return self._resolved({**self._resolved(real), **outer})
        return node

    def _entry(self, key: str, value: Any, node: Schema) -> Schema:
        match key:
            case "properties":
                return {key: {name: self.node(each) for name, each in value.items()}}
            case "items":
                return {key: self.node(value)}
            case "additionalProperties":
                return {} if value is False else {key: self.node(value)}
            case "description":
                return {key: " ".join(value.split())}
            case "const":
                return {"enum": [value]}
            case "default":
                return {} if value is None else {key: _default(value, node)}
            case _ if key in _KEPT or key.startswith("x-kubernetes-"):
                return {key: value}
            case _:
                raise ValueError(f"no CRD knows {key!r} (in {node.get('title', node)})")


def _default(value: Any, node: Schema) -> Any:
    """Return a default in JSON; an object's is empty, since its fields have their own."""
    if "properties" in node:
        return {}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None}  # pyright: ignore[reportUnknownVariableType]
    return value


def _with_kubernetes_manners(node: Schema) -> Schema:
    if node.get("type") == "integer" and "format" not in node:
        node["format"] = "int64"
    if "anyOf" in node and node.get("x-kubernetes-int-or-string"):
        node.pop("type", None)
    return node


def _without(node: Schema, *keys: str) -> Schema:
    return {key: value for key, value in node.items() if key not in keys}
