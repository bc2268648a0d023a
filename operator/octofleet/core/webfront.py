"""What is said of a cluster's web servers. Pure."""

from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import ConditionType, Reason, Verdict

__all__ = ["judged", "refused", "taken"]

KIND = ConditionType.WEB_READY


def judged(name: str, url: str, *, serves: bool, stalled: bool) -> Verdict:
    """Return the verdict on a Deployment of web servers.

    Args:
        name: Its name.
        url: The address that people open.
        serves: Its current version serves.
        stalled: It isn't just coming up.
    """
    if serves:
        text = f"the web servers of {url} serve"
        return Verdict(KIND, ConditionStatus.TRUE, Reason.WEB_SERVES, text)
    if not stalled:
        text = f"the web servers of {url} are starting"
        return Verdict(KIND, ConditionStatus.UNKNOWN, Reason.WEB_STARTING, text)
    text = (
        f"Deployment {name} isn't available, so nobody can open {url}; who is in a meeting stays in"
        f" it: kubectl describe deployment {name}, kubectl describe pod -l"
        " app.kubernetes.io/component=web; where web servers are your own, set"
        " controller.web.mode: Off"
    )
    return Verdict(KIND, ConditionStatus.FALSE, Reason.WEB_NOT_READY, text)


def taken(kind: str, name: str) -> str:
    """Return what is to be done about an object that has the name of one of ours."""
    return (
        f"{kind} {name} is there and isn't this cluster's: to keep it as it is, set"
        " controller.web.mode: Off; else rename or remove it"
    )


def refused(why: str) -> Verdict:
    """Return the verdict where they can't be made."""
    return Verdict(KIND, ConditionStatus.FALSE, Reason.WEB_REFUSED, f"web servers: {why}")
