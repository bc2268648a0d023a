"""Our resources as the API server holds them, read into their models."""

from typing import TypeVar

from pydantic import ValidationError

from octofleet.api.kube import KubeModel
from octofleet.shell.documents import Document
from octofleet.shell.errors import Refused

__all__ = ["fault_of", "understood"]

Resource = TypeVar("Resource", bound=KubeModel)


def understood(model: type[Resource], document: Document) -> Resource:
    """Return a resource.

    Raises:
        Refused: Something in it can't be; the message names the field.
    """
    try:
        return model.understood(document)
    except ValidationError as error:
        raise Refused(422, f"{model.__name__} isn't understood: {fault_of(error)}") from error


def fault_of(error: ValidationError) -> str:
    """Return the first field that is wrong, and why."""
    first = error.errors()[0]
    return f"{'.'.join(str(each) for each in first['loc'])}: {first['msg']}"
