"""The pod that holds a short call on one bridge, past everybody's focus: small, and soon gone."""

from octofleet.core.manifests import accounts, containers, naming
from octofleet.core.manifests.bridge import home_of
from octofleet.core.manifests.inputs import BridgeSettings, Workload
from octofleet.core.manifests.naming import Manifest

__all__ = ["TRIAL_IMPOSSIBLE", "build_trial", "trial_name"]

LIFE_SECONDS = 150
TRIAL_SECONDS = 30
"""Until media must flow both ways; a busy node may be slow to start both."""
TRIAL_IMPOSSIBLE = 2
"""Exit code that says nothing of the bridge: the call couldn't be tried."""
LAST_WORDS = "/dev/termination-log"
RESOURCES: Manifest = {
    "requests": {"cpu": "50m", "memory": "96Mi"},
    "limits": {"memory": "256Mi"},
}


def trial_name(bridge: str, attempt: int) -> str:
    """Return the name of the pod of an attempt."""
    return f"{bridge}-trial-{attempt}"


def build_trial(
    name: str,
    namespace: str,
    bridge: naming.Owner,
    nickname: str,
    node: str,
    settings: BridgeSettings,
    image: str,
) -> Manifest:
    """Return the pod.

    It belongs to the bridge's pod, and goes with it whatever becomes of the operator.

    Args:
        name: The pod's name.
        namespace: The bridge's, too.
        bridge: The bridge's pod.
        nickname: The bridge's nickname in the brewery.
        node: The bridge's node; the pod rather runs on another, as people do.
        settings: Those the bridge was made with: where its brewery is.
        image: Octofleet's image of synthetic participants.
    """
    seconds = str(TRIAL_SECONDS)
    command = ("octoload", "try", nickname, "--seconds", seconds, "--say", LAST_WORDS)
    secret = home_of(settings).secret
    env = [
        *containers.variables(_plain(settings), {}),
        *(
            containers.secret_variable(key, secret, accounts.password_key(key, settings.generation))
            for key in (naming.KEY_OPERATOR_PASSWORD, naming.KEY_JVB_PASSWORD)
        ),
    ]
    workload = Workload(image, command=command, resources=RESOURCES)
    metadata: Manifest = {
        "name": name,
        "namespace": namespace,
        "labels": naming.recommended_labels("octoload", bridge.name, "trial"),
    }
    trial = containers.container("trial", workload, env, [])
    terms = [{"weight": 1, "preference": containers.other_node(node)}]
    preferred: Manifest = {"preferredDuringSchedulingIgnoredDuringExecution": terms}
    return containers.errand(metadata, bridge, trial, preferred, LIFE_SECONDS)


def _plain(settings: BridgeSettings) -> dict[str, str]:
    home = home_of(settings)
    return {
        **settings.domains.variables(),
        "XMPP_SERVER": home.prosody_host,
        "XMPP_PORT": str(home.prosody_port),
        "JVB_BREWERY_MUC": naming.BREWERY_ROOM,
        "JVB_AUTH_USER": accounts.bridge_user(settings.generation),
        "OCTOFLEET_AUTH_USER": accounts.operator_user(settings.generation),
    }
