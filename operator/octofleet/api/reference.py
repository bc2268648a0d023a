"""The page `docs/reference/resources.md`, written from the resources' schemas.

`python -m octofleet.api.reference` prints it; a test keeps page and schemas the same.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from octofleet.api import crds

__all__ = ["page"]

Schema = Mapping[str, Any]

HEAD = """# The resources

Written from the models in `operator/octofleet/api` (`python -m octofleet.api.reference`). Fields
without a default are optional, or required where it says so. Durations are strings: `240s`,
`90m`, `4h`.
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([HEAD, *(_section(crd) for crd in crds.crds())])


def _section(crd: Schema) -> str:
    kind = crd["spec"]["names"]["kind"]
    short = ", ".join(crd["spec"]["names"].get("shortNames", ()))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec = schema["properties"]["spec"]
    lines = [f"## {kind} (`{short}`)", "", schema.get("description", "").strip(), ""]
    lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
    lines += _rows(spec, "")
    return "\n".join(lines) + "\n"


def _rows(schema: Schema, path: str) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        where = f"{path}.{name}" if path else name
        default = _default(field) or ("required" if name in required else "")
        meaning = " ".join(field.get("description", "").split()).replace("|", "\\|")
        yield f"| `{where}` | {_type(field)} | {default} | {meaning} |"
        yield from _rows(field, where)
        yield from _rows(field.get("items", {}), f"{where}[]")


def _type(field: Schema) -> str:
    if "enum" in field:
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "quantity"
    if field.get("type") == "array":
        return f"list of {field['items'].get('type', 'object')}"
    if field.get("type") == "object" and "additionalProperties" in field:
        return "map"
    return str(field.get("type", ""))


def _default(field: Schema) -> str:
    value = field.get("default")
    return "" if value is None or isinstance(value, dict | list) else f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(page())
