"""A real etcd and kube-apiserver on loopback, alone: no nodes, no controllers.

For what only a real API server judges: schemas, CEL rules, defaults, subresources, server-side
apply. The binary is the lab's: `$OCTOFLEET_KUBE`, else `kube` in the cache's `bin`.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ["ApiServer", "kube_binary"]

START_SECONDS = 60.0
TOKEN = "component-test"
REPOSITORY = Path(__file__).parents[3]


def kube_binary() -> Path:
    """Return the path of the binary that holds etcd and kube-apiserver."""
    cache = Path(os.environ.get("OCTOFLEET_CACHE", Path.home() / ".cache" / "octofleet"))
    path = Path(os.environ.get("OCTOFLEET_KUBE", cache / "bin" / "kube"))
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `make test` builds it, or set OCTOFLEET_KUBE")
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class ApiServer:
    """Two processes and a kubeconfig with all rights."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._etcd, self._peers, self._port = free_port(), free_port(), free_port()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start both and wait until the API answers."""
        self._write_files()
        self._run("etcd", *self._etcd_flags())
        self._run("kube-apiserver", *self._apiserver_flags())
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if time.monotonic() > deadline or any(p.poll() is not None for p in self._processes):
                self.stop()
                raise RuntimeError(f"the API server did not start:\n{self._last_words()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End both, the API server first."""
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait(10)
        self._processes.clear()

    def client(self) -> httpx.Client:
        """Return a client with all rights."""
        return httpx.Client(
            base_url=self.url,
            verify=False,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
        )

    def kubectl(
        self, *arguments: str, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl against the server; the caller looks at the exit status."""
        return subprocess.run(
            [str(REPOSITORY / ".venv" / "bin" / "kubectl"), *arguments],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def apply(self, *objects: dict[str, Any], dry_run: bool = False) -> str:
        """Apply objects with kubectl, which must take them; return what it said."""
        result = self.try_apply(*objects, dry_run=dry_run)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def try_apply(
        self, *objects: dict[str, Any], dry_run: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Apply objects with kubectl."""
        flags = ["--dry-run=server"] if dry_run else []
        return self.kubectl("apply", *flags, "-f", "-", stdin=yaml.safe_dump_all(objects))

    def install_crds(self) -> None:
        """Install the project's CRDs and wait until the server serves them."""
        applied = self.kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
        assert applied.returncode == 0, applied.stderr
        waited = self.kubectl(
            "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"
        )
        assert waited.returncode == 0, waited.stderr
        # An established resource isn't served yet: its storage begins with the first request, and
        # says 429 until it is there.
        deadline = time.monotonic() + START_SECONDS
        with self.client() as client:
            for plural in ("jitsiclusters", "octoregions"):
                while client.get(f"/apis/octofleet.io/v1alpha1/{plural}").status_code != 200:
                    assert time.monotonic() < deadline, f"{plural} aren't served"
                    time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            with self.client() as client:
                # Namespaces are made by the server itself a moment after it is ready.
                return (
                    client.get("/readyz").status_code == 200
                    and client.get("/api/v1/namespaces/default").status_code == 200
                )
        except httpx.TransportError:
            return False

    def _run(self, component: str, *flags: str) -> None:
        with (self.directory / f"{component}.log").open("wb") as log:
            command = [str(kube_binary()), component, *flags]
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def _etcd_flags(self) -> list[str]:
        url, peers = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{self._peers}"
        return [
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _apiserver_flags(self) -> list[str]:
        key = self.directory / "service-account.key"
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            "--bind-address=127.0.0.1",
            # A loopback address can't be advertised to pods; there are none here.
            "--advertise-address=192.0.2.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self.directory / 'certificates'}",
            f"--token-auth-file={self.directory / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--allow-privileged",
            # No controllers run that would give every namespace its service account.
            "--disable-admission-plugins=ServiceAccount",
        ]

    def _write_files(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        (self.directory / "service-account.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (self.directory / "tokens.csv").write_text(f"{TOKEN},tester,tester,system:masters\n")
        cluster = {"server": self.url, "insecure-skip-tls-verify": True}
        self.kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "test", "cluster": cluster}],
                    "users": [{"name": "test", "user": {"token": TOKEN}}],
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                    "current-context": "test",
                }
            )
        )

    def _last_words(self) -> str:
        logs = sorted(self.directory.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-2000:]}" for log in logs)
