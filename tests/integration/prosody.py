"""Debian's real Prosody on loopback, for tests: own configuration, data, certificate and port.

    prosody = Prosody(tmp_path)
    prosody.start()          # blocks until it accepts connections, at most 20 s
    prosody.environ("jvb")   # the stock variables of a client of it
    prosody.stop()           # may be started again: same port, same accounts

Domains and accounts are those of the lab's image: focus, jvb and octofleet on auth.meet.jitsi,
all of them admins, and the brewery's service internal-muc.meet.jitsi.
"""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

DOMAIN = "meet.jitsi"
AUTH_DOMAIN = "auth.meet.jitsi"
INTERNAL_MUC_DOMAIN = "internal-muc.meet.jitsi"
BREWERY = "jvbbrewery"
PASSWORDS = {"focus": "focus-password", "jvb": "jvb-password", "octofleet": "octofleet-password"}

CONFIG = """
pidfile = "{home}/prosody.pid"
data_path = "{home}/data"
run_as_root = true
daemonize = false
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = "{home}/prosody.log" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
legacy_ssl_ports = {{}}
s2s_ports = {{}}
http_ports = {{}}
https_ports = {{}}
modules_enabled = {{ "saslauth", "tls", "disco", "ping", "smacks", "roster", "admin_adhoc" }}
modules_disabled = {{ "s2s", "s2s_auth_certs", "offline" }}
c2s_require_encryption = true
smacks_hibernation_time = 5
smacks_max_hibernated_sessions = 100
smacks_max_old_sessions = 100
ssl = {{ key = "{home}/key.pem", certificate = "{home}/cert.pem" }}
admins = {{ {admins} }}
storage = "internal"

VirtualHost "{auth}"
  authentication = "internal_plain"

Component "{muc}" "muc"
  storage = "memory"
  restrict_room_creation = false
  muc_room_locking = false
  muc_room_default_public_jids = true
"""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Prosody:
    """One server."""

    home: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Run it and wait until it listens."""
        if not (self.home / "cert.pem").exists():
            self._prepare()
        self._process = subprocess.Popen(
            ["prosody", "--config", str(self.home / "prosody.cfg.lua"), "-F"],
            cwd=self.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 20
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"prosody doesn't start:\n{self.log()[-4000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait for its end."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def environ(self, user: str) -> dict[str, str]:
        """The stock variables that make a bridge or focus a client of this server."""
        password = PASSWORDS[user]
        return {
            "XMPP_SERVER": self.host,
            "XMPP_PORT": str(self.port),
            "XMPP_DOMAIN": DOMAIN,
            "XMPP_AUTH_DOMAIN": AUTH_DOMAIN,
            "XMPP_INTERNAL_MUC_DOMAIN": INTERNAL_MUC_DOMAIN,
            "JVB_BREWERY_MUC": BREWERY,
            **({"JICOFO_AUTH_PASSWORD": password} if user == "focus" else {}),
            **({"JVB_AUTH_USER": user, "JVB_AUTH_PASSWORD": password} if user == "jvb" else {}),
            **({"OCTOFLEET_AUTH_PASSWORD": password} if user == "octofleet" else {}),
        }

    def log(self) -> str:
        """What it logged."""
        path = self.home / "prosody.log"
        return path.read_text() if path.exists() else ""

    def _prepare(self) -> None:
        accounts = self.home / "data" / AUTH_DOMAIN.replace(".", "%2e") / "accounts"
        accounts.mkdir(parents=True)
        for user, password in PASSWORDS.items():
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{password}"; }};\n')
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                ),
                *("-nodes", "-days", "2", "-subj", f"/CN={AUTH_DOMAIN}"),
                *("-keyout", self.home / "key.pem", "-out", self.home / "cert.pem"),
            ],
            check=True,
            capture_output=True,
        )
        admins = ", ".join(f'"{user}@{AUTH_DOMAIN}"' for user in PASSWORDS)
        text = CONFIG.format(
            home=self.home, port=self.port, admins=admins, auth=AUTH_DOMAIN, muc=INTERNAL_MUC_DOMAIN
        )
        (self.home / "prosody.cfg.lua").write_text(text)
        os.chmod(self.home / "key.pem", 0o600)

    def _listens(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1):
                return True
        except OSError:
            return False
