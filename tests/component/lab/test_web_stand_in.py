"""The lab's web server starts by the stock image's variables, and not without them."""

import os
import subprocess
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[3] / "lab" / "images" / "web"
TOLD = {
    "S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES": "1",
    "PUBLIC_URL": "https://video.example.org:8443",
    "DISABLE_HTTPS": "1",
    "XMPP_DOMAIN": "meet.example.org",
    "XMPP_BOSH_URL_BASE": "http://meet-prosody.ns.svc.cluster.local:5280",
    "DEPLOYMENTINFO_USERREGION": "eu",
}


def started(tmp_path: Path, told: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run its script with something else in nginx' place, which says how it was called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "nginx").write_text('#!/bin/sh\necho "nginx $*"\n')
    (programs / "nginx").chmod(0o755)
    own = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "STAND_IN_RUN": str(tmp_path),
        "STAND_IN_SHARE": str(IMAGE),
    }
    return subprocess.run(
        ["sh", str(IMAGE / "entrypoint.sh")], env={**told, **own},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_pages_and_proxy_follow_the_variables(tmp_path: Path) -> None:
    done = started(tmp_path, TOLD)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"nginx -e stderr -c {tmp_path}/web/nginx.conf")
    pages = (tmp_path / "web" / "config.js").read_text()
    assert "config.hosts.domain = 'meet.example.org';" in pages
    assert "config.websocket = 'wss://video.example.org:8443/xmpp-websocket';" in pages
    assert "config.deploymentInfo.userRegion = 'eu';" in pages
    assert "deploymentInfo.region" not in pages
    server = (tmp_path / "web" / "nginx.conf").read_text()
    assert "proxy_pass http://meet-prosody.ns.svc.cluster.local:5280/http-bind?$args;" in server
    assert "@" not in server.partition("worker_processes")[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", ""),
        ("DISABLE_HTTPS", "0"),
        ("XMPP_DOMAIN", "a'; alert(1); '"),
        ("XMPP_BOSH_URL_BASE", "http://a; return 200"),
    ],
)
def test_without_what_it_needs_or_with_what_is_no_name_it_refuses(
    tmp_path: Path, name: str, value: str
) -> None:
    done = started(tmp_path, {**TOLD, name: value})
    assert done.returncode == 2
    assert done.stderr.startswith("web: ")
