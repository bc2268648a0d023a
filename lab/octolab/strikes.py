"""Kill a component of a standing lab and start it again a while later, to see what comes of it."""

import time

from octolab import control_plane, nodes, processes
from octolab.cache import Cache
from octolab.errors import LabError
from octolab.layout import Layout

__all__ = ["API_SERVER", "KUBELET", "strike"]

API_SERVER = "kube-apiserver"
KUBELET = "kubelet"


def strike(layout: Layout, cache: Cache, component: str, down: float) -> None:
    """Kill a component without asking, and start it again after so many seconds.

    Args:
        layout: The lab.
        cache: Where its programs are.
        component: kube-apiserver, or kubelet-NODE.
        down: Seconds it stays dead.

    Raises:
        LabError: the lab has no such component, or it doesn't run.
    """
    program, _, name = component.partition("-") if component != API_SERVER else (component, "", "")
    node = next((each for each in layout.nodes if each.name == name), None)
    if program not in (API_SERVER, KUBELET) or (program == KUBELET and node is None):
        raise LabError(f"{component}: only kube-apiserver and kubelet-NODE can be struck")
    pids = tuple(processes.find(layout.name, component, program))
    if not pids:
        raise LabError(f"{component} doesn't run: octolab up --name {layout.name} mends the lab")
    processes.kill(layout.name, pids)
    try:
        time.sleep(down)
    finally:
        if node is not None:
            nodes.join(layout, node, cache)
        else:
            control_plane.start(layout, cache)
