"""The ground every model of the API stands on: naming, strictness, and Kubernetes' own types.

Names are camelCase outside and snake_case inside; unknown fields are refused, except in what the
API server holds; everything is frozen. What Kubernetes adds to a JSON schema (list types, CEL
rules, int-or-string) is attached here, so that the models stay readable. `schema` turns the models
into CRDs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, JsonValue, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from octofleet.api.quantities import DURATION_PATTERN, QUANTITY_PATTERN

__all__ = [
    "GROUP",
    "REGION_LABEL",
    "VERSION",
    "Duration",
    "Image",
    "Int32",
    "KubeModel",
    "ListOf",
    "Moment",
    "Name",
    "ObjectMeta",
    "Quantity",
    "Rule",
    "rules",
]

GROUP: Final = "octofleet.io"
VERSION: Final = "v1alpha1"
REGION_LABEL: Final = "topology.kubernetes.io/region"
"""On nodes: where on the map they are."""


class KubeModel(BaseModel, frozen=True):
    """A part of a resource."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )

    @classmethod
    def understood(cls, document: Mapping[str, Any]) -> Self:
        """Return what the API server holds.

        It has refused what isn't in the CRD. What is there besides, a newer operator's CRD has
        filled in: after a rollback that isn't ours to mind.

        Raises:
            pydantic.ValidationError: something known has an impossible value.
        """
        return cls.model_validate(document, extra="ignore")


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL rule; its message names the field and says what to do."""

    rule: str
    message: str
    field: str | None = None
    """Path of the field at fault, relative to where the rule stands."""

    def as_schema(self) -> dict[str, str]:
        """Return the rule as the API server reads it."""
        place = {} if self.field is None else {"fieldPath": self.field}
        return {"rule": self.rule, "message": self.message, **place}


def rules(*of: Rule) -> ConfigDict:
    """Return the model configuration that carries the rules into the schema."""
    validations: list[JsonValue] = [{**rule.as_schema()} for rule in of]
    return ConfigDict(json_schema_extra={"x-kubernetes-validations": validations})


@dataclass(frozen=True, slots=True)
class ListOf:
    """How server-side apply merges a list: whole (`atomic`) or item by item (`map`, with keys)."""

    kind: str
    keys: tuple[str, ...] = ()

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        schema["x-kubernetes-list-type"] = self.kind
        if self.keys:
            schema["x-kubernetes-list-map-keys"] = list(self.keys)
        return schema


Int32 = Annotated[int, Field(json_schema_extra={"format": "int32"})]

Quantity = Annotated[
    int | str,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY_PATTERN,
            "maxLength": 32,
            "x-kubernetes-int-or-string": True,
        }
    ),
]
"""A number or a Kubernetes quantity."""

Duration = Annotated[str, Field(pattern=DURATION_PATTERN, max_length=16)]
"""A duration such as 240s, 90m, 4h or 1h30m."""

Moment = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
"""A moment as RFC 3339."""

Name = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)
]
"""A DNS label."""

Image = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$", min_length=1, max_length=255)
]
"""A container image's reference."""


class ObjectMeta(BaseModel, frozen=True):
    """What the operator reads of an object's metadata; the rest is ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: Mapping[str, str] = Field(default_factory=dict)
    annotations: Mapping[str, str] = Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[Mapping[str, Any], ...] = ()
