"""What is said of a cluster's web servers. Pure."""

from collections.abc import Sequence

from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import ConditionType, Reason, Verdict

__all__ = ["judged", "refused", "taken", "worst"]

KIND = ConditionType.WEB_READY
BAD_FIRST = (ConditionStatus.FALSE, ConditionStatus.UNKNOWN, ConditionStatus.TRUE)


def judged(name: str, url: str, *, serves: bool, stalled: bool) -> Verdict:
    """Return the verdict on a Deployment of web servers.

    Args:
        name: Its name.
        url: The address that people open.
        serves: Its current version serves.
        stalled: It isn't just coming up.
    """
    if serves:
        text = f"{name} serves {url}"
        return Verdict(KIND, ConditionStatus.TRUE, Reason.WEB_SERVES, text)
    if not stalled:
        text = f"{name} is starting, for {url}"
        return Verdict(KIND, ConditionStatus.UNKNOWN, Reason.WEB_STARTING, text)
    text = (
        f"Deployment {name} isn't available, so nobody opens {url} by it; who is in a meeting stays"
        f" in it: see kubectl describe deployment {name}, and its pods"
        " (-l app.kubernetes.io/component=web)"
    )
    return Verdict(KIND, ConditionStatus.FALSE, Reason.WEB_NOT_READY, text)


def taken(kind: str, name: str, owner: str) -> str:
    """Return what is to be done about an object that has the name of one of ours."""
    keep = (
        "set controller.web.mode: Off" if owner == "JitsiCluster" else "take away the region's web"
    )
    return f"{kind} {name} is somebody else's: to keep it, {keep}; or rename or remove it"


def worst(verdicts: Sequence[Verdict]) -> Verdict | None:
    """Return the verdict that tells of the worst, with what all of that status say."""
    for status in BAD_FIRST:
        alike = [each for each in verdicts if each.status is status]
        if alike:
            text = "; ".join(each.message for each in alike)
            return Verdict(KIND, status, alike[0].reason, text)
    return None


def refused(why: str) -> Verdict:
    """Return the verdict where they can't be made."""
    return Verdict(KIND, ConditionStatus.FALSE, Reason.WEB_REFUSED, f"web servers: {why}")
