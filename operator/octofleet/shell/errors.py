"""What can go wrong outside, as few types as there are ways to react.

FleetError
├─ KubeError          the API server answered with an error, or not at all
│  ├─ Absent          the object isn't there (404)
│  ├─ Conflict        it exists already, or isn't the one we meant (409)
│  └─ Refused         it or our right to it is wrong (400, 403, 422): a person must act
└─ Unreachable        a REST server of ours can't be asked, or answers nonsense
   └─ TurnedAway      it is there, but takes our token or its certificate for another's
"""


class FleetError(Exception):
    """Something outside failed."""


class KubeError(FleetError):
    """The API server failed or couldn't be reached; `status` 0 when it didn't answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Absent(KubeError):  # noqa: N818 - a state of the world, not a fault
    """The object doesn't exist."""


class Conflict(KubeError):  # noqa: N818 - a state of the world, not a fault
    """The object exists already, or has changed since it was judged."""


class Refused(KubeError):  # noqa: N818 - named by what the server did
    """The API server refuses the object or the operator's right to it."""


class Unreachable(FleetError):  # noqa: N818 - a state of the world, not a fault
    """A bridge or Jicofo can't be asked."""


class TurnedAway(Unreachable):
    """It answers, and our token or the certificate we know isn't (any more) the right one."""


def kube_error(status: int, message: str) -> KubeError:
    """Return the error for an HTTP `status` of the API server."""
    kinds = {404: Absent, 409: Conflict, 400: Refused, 403: Refused, 422: Refused}
    return kinds.get(status, KubeError)(status, message)
