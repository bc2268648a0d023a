"""Configuration files of the nodes' components and of everyone's kubeconfig. Pure."""

import json
from pathlib import Path

import yaml

from octolab.flags import SANDBOX_IMAGE
from octolab.layout import Layout, Node

__all__ = ["cni", "containerd", "kube_proxy", "kubeconfig", "kubelet"]


def kubeconfig(layout: Layout, certificate: str) -> str:
    """Return a kubeconfig that logs in by one of the lab's certificates.

    The paths of the certificate and its key stay paths: no key is copied about.
    """
    pki = layout.pki
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": layout.name,
            "clusters": [
                {
                    "name": layout.name,
                    "cluster": {
                        "server": layout.server,
                        "certificate-authority": str(pki / "ca.crt"),
                    },
                }
            ],
            "users": [
                {
                    "name": certificate,
                    "user": {
                        "client-certificate": str(pki / f"{certificate}.crt"),
                        "client-key": str(pki / f"{certificate}.key"),
                    },
                }
            ],
            "contexts": [
                {
                    "name": layout.name,
                    "context": {"cluster": layout.name, "user": certificate},
                }
            ],
        },
        sort_keys=False,
    )


def kubelet(layout: Layout, node: Node) -> str:
    """Return a kubelet's configuration: real authentication, cgroup v1 or v2, one disk shared."""
    pki = layout.pki
    return yaml.safe_dump(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki / f"{node.name}-serving.crt"),
            "tlsPrivateKeyFile": str(pki / f"{node.name}-serving.key"),
            "address": str(node.address),
            "port": 10250,
            "healthzPort": 0,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": node.cgroup,
            "failCgroupV1": False,
            "failSwapOn": False,
            "containerRuntimeEndpoint": f"unix://{node.containerd_socket}",
            "clusterDomain": "cluster.local",
            "clusterDNS": [str(layout.dns_address)],
            "resolvConf": str(node.directory / "resolv.conf"),
            "enforceNodeAllocatable": [],
            "localStorageCapacityIsolation": False,
            "evictionHard": {
                "nodefs.available": "1%",
                "imagefs.available": "1%",
                "memory.available": "50Mi",
            },
            # Nothing could fetch a collected image again.
            "imageGCHighThresholdPercent": 100,
            # Nodes share a disk, and a kubelet deletes logs of pods it doesn't know.
            "podLogsDir": str(node.directory / "podlogs"),
            "volumePluginDir": str(node.directory / "volume-plugins"),
            "maxPods": 110,
            "nodeStatusUpdateFrequency": "5s",
            "shutdownGracePeriod": "0s",
        },
        sort_keys=False,
    )


def kube_proxy(layout: Layout, node: Node) -> str:
    """Return a service proxy's configuration; connection tracking stays as the machine has it."""
    return yaml.safe_dump(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "hostnameOverride": node.name,
            "clusterCIDR": str(layout.pod_network),
            "bindAddress": str(node.address),
            "healthzBindAddress": f"{node.address}:10256",
            "metricsBindAddress": "127.0.0.1:10249",
            "clientConnection": {"kubeconfig": str(layout.kubeconfig_of("kube-proxy"))},
            "conntrack": {
                "maxPerCore": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
            "iptables": {"minSyncPeriod": "0s"},
        },
        sort_keys=False,
    )


def cni(node: Node) -> str:
    """Return a node's pod network: point-to-point links, so service replies always pass the node.

    A bridge would carry replies between two pods of a node past the service proxy's address
    translation unless the kernel filters bridged packets.
    """
    return json.dumps(
        {
            "cniVersion": "0.4.0",
            "name": "lab",
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": False,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": str(node.directory / "ipam"),
                        "ranges": [[{"subnet": str(node.pod_network)}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                },
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        },
        indent=1,
    )


def containerd(node: Node, snapshotter: str) -> str:
    """Return a node's containerd configuration.

    Args:
        node: The node.
        snapshotter: "overlayfs", or "native" where the disk can't hold overlays.
    """
    home = node.directory
    return f"""\
version = 2
root = {quoted(home / "containerd")}
state = {quoted(home / "run" / "containerd")}
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = {quoted(node.containerd_socket)}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{SANDBOX_IMAGE}"
  # Without it runc dies in a sandbox that may not lower its own score.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "{node.address}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = {quoted(home / "cni")}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = {quoted(home / "run" / "runc")}
"""


def quoted(path: Path) -> str:
    """Return a path as a TOML string."""
    return json.dumps(str(path))
