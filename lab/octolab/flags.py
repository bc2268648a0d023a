"""Command lines of the components. Pure.

One function a component, each returning the whole argument vector; the program names are those
of the `kube` binary's links, so that a process table is readable.
"""

from pathlib import Path

from octolab.layout import Layout, Node

__all__ = [
    "SANDBOX_IMAGE",
    "api_server",
    "containerd",
    "controller_manager",
    "etcd",
    "kube_proxy",
    "kubelet",
    "scheduler",
]

SANDBOX_IMAGE = "docker.io/octofleet/lab-pause:dev"


def etcd(layout: Layout, programs: Path) -> list[str]:
    """Return etcd's command: one member, clients by certificate only, no fsync (a lab)."""
    pki, url = layout.pki, f"https://{layout.control_address}"
    return [
        str(programs / "etcd"),
        "--name=lab",
        f"--data-dir={layout.directory / 'etcd'}",
        f"--listen-client-urls={url}:2379",
        f"--advertise-client-urls={url}:2379",
        f"--listen-peer-urls={url}:2380",
        f"--initial-advertise-peer-urls={url}:2380",
        f"--initial-cluster=lab={url}:2380",
        f"--cert-file={pki / 'etcd.crt'}",
        f"--key-file={pki / 'etcd.key'}",
        f"--trusted-ca-file={pki / 'ca.crt'}",
        "--client-cert-auth",
        f"--peer-cert-file={pki / 'etcd.crt'}",
        f"--peer-key-file={pki / 'etcd.key'}",
        f"--peer-trusted-ca-file={pki / 'ca.crt'}",
        "--peer-client-cert-auth",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server(layout: Layout, programs: Path) -> list[str]:
    """Return the API server's command: RBAC and the Node authorizer on."""
    pki, address = layout.pki, layout.control_address
    return [
        str(programs / "kube-apiserver"),
        f"--etcd-servers=https://{address}:2379",
        f"--etcd-cafile={pki / 'ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        f"--bind-address={address}",
        f"--advertise-address={address}",
        "--secure-port=6443",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--anonymous-auth=false",
        "--allow-privileged",
        f"--service-cluster-ip-range={layout.service_network}",
        f"--service-account-key-file={pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        # Else logs and exec look the nodes' names up in DNS.
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={pki / 'ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
        # The control plane has no service proxy: reach aggregated APIs by pod address.
        "--enable-aggregator-routing",
    ]


def controller_manager(layout: Layout, programs: Path) -> list[str]:
    """Return the controller manager's command; nodes' pod networks are set by the lab."""
    pki, config = layout.pki, layout.kubeconfig_of("kube-controller-manager")
    return [
        str(programs / "kube-controller-manager"),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--bind-address={layout.control_address}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'service-account.key'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--allocate-node-cidrs=false",
        "--horizontal-pod-autoscaler-sync-period=5s",
    ]


def scheduler(layout: Layout, programs: Path) -> list[str]:
    """Return the scheduler's command."""
    config = layout.kubeconfig_of("kube-scheduler")
    return [
        str(programs / "kube-scheduler"),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--bind-address={layout.control_address}",
        "--leader-elect=false",
    ]


def containerd(node: Node) -> list[str]:
    """Return a node's containerd command."""
    return ["containerd", "--config", str(node.directory / "containerd.toml")]


def kubelet(layout: Layout, node: Node, programs: Path) -> list[str]:
    """Return a node's kubelet command."""
    return [
        str(programs / "kubelet"),
        f"--config={node.directory / 'kubelet.yaml'}",
        f"--kubeconfig={layout.kubeconfig_of(node.name)}",
        f"--root-dir={node.directory / 'kubelet'}",
        f"--cert-dir={node.directory / 'kubelet' / 'pki'}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--pod-infra-container-image={SANDBOX_IMAGE}",
    ]


def kube_proxy(node: Node, programs: Path) -> list[str]:
    """Return a node's service proxy command."""
    return [str(programs / "kube-proxy"), f"--config={node.directory / 'kube-proxy.yaml'}"]
