"""The control plane: store, API server, controllers and scheduler, then what the cluster runs."""

from octolab import addons, configs, flags, network, pki, processes, progress
from octolab.api import Api
from octolab.cache import Cache
from octolab.files import write_whole
from octolab.layout import Layout

__all__ = ["install_addons", "register_nodes", "running_programs", "start", "write_credentials"]

ADMINISTRATOR = "admin"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
READY_SECONDS = 60.0


def write_credentials(layout: Layout) -> None:
    """Write all certificates and kubeconfigs that are missing."""
    pki.issue_missing(layout.pki, pki.certificates(layout))
    for component in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        write_whole(layout.kubeconfig_of(component), configs.kubeconfig(layout, component))
    for node in layout.nodes:
        write_whole(layout.kubeconfig_of(node.name), configs.kubeconfig(layout, node.name))
    write_whole(layout.kubeconfig, configs.kubeconfig(layout, ADMINISTRATOR))
    layout.kubeconfig.chmod(0o600)


def start(layout: Layout, cache: Cache) -> None:
    """Start what doesn't run of the control plane and wait until it answers."""
    network.bridge_up(layout)
    commands = {
        "etcd": flags.etcd(layout, cache.programs),
        "kube-apiserver": flags.api_server(layout, cache.programs),
        "kube-controller-manager": flags.controller_manager(layout, cache.programs),
        "kube-scheduler": flags.scheduler(layout, cache.programs),
    }
    api = Api(layout)
    for component, command in commands.items():
        if not processes.is_running(layout, component, component):
            processes.start(layout, component, command, None)
        if component == "kube-apiserver":
            progress.wait_until("API server", READY_SECONDS, lambda: unready(api))


def unready(api: Api) -> str:
    """Return why the API server isn't ready, nothing if it is."""
    answer = api.text("/readyz")
    return "" if answer == "ok" else answer


def register_nodes(layout: Layout) -> None:
    """Make each node's object, with its labels and its pod network."""
    api = Api(layout)
    for node in layout.nodes:
        api.apply(addons.node(node))


def install_addons(layout: Layout) -> None:
    """Apply CoreDNS and metrics-server."""
    secrets = {
        "ca.crt": (layout.pki / "ca.crt").read_bytes(),
        "tls.crt": (layout.pki / "metrics-server.crt").read_bytes(),
        "tls.key": (layout.pki / "metrics-server.key").read_bytes(),
    }
    api = Api(layout)
    for manifest in [*addons.coredns(layout), *addons.metrics_server(secrets)]:
        progress.wait_until(manifest["kind"], READY_SECONDS, lambda m=manifest: applied(api, m))


def applied(api: Api, manifest: addons.Manifest) -> str:
    """Apply a manifest; a fresh API server may still lack its namespace, so this is retried."""
    api.apply(manifest)
    return ""


def running_programs() -> tuple[tuple[str, str], ...]:
    """Return the component and the program of each process of the control plane."""
    return tuple((program, program) for program in PROGRAMS)
