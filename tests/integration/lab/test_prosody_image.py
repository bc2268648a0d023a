"""The Prosody image in a pod as restricted as the operator makes it, with real logins."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError

from octolab import layout

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

NAMESPACE = "prosody-image"
PASSWORDS = {"focus": "focus-secret", "bridges": "bridge-secret", "octofleet": "operator-secret"}
VARIABLES = {
    "XMPP_DOMAIN": "talk.example",
    "XMPP_AUTH_DOMAIN": "auth.talk.example",
    "XMPP_MUC_DOMAIN": "muc.talk.example",
    "XMPP_INTERNAL_MUC_DOMAIN": "internal.talk.example",
    "JVB_AUTH_USER": "bridges",
    "OCTOFLEET_AUTH_USER": "octofleet",
    "JICOFO_AUTH_PASSWORD": PASSWORDS["focus"],
    "JVB_AUTH_PASSWORD": PASSWORDS["bridges"],
    "OCTOFLEET_AUTH_PASSWORD": PASSWORDS["octofleet"],
}
AUTH = VARIABLES["XMPP_AUTH_DOMAIN"]
BREWERY = f"jvbbrewery@{VARIABLES['XMPP_INTERNAL_MUC_DOMAIN']}"


def pod(name: str, variables: dict[str, str]) -> dict[str, Any]:
    folders = {"data": "/var/lib/prosody", "run": "/run", "tmp": "/tmp"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "runAsGroup": 1000,
                "fsGroup": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "prosody",
                    "image": "docker.io/octofleet/prosody:dev",
                    "imagePullPolicy": "Never",
                    "env": [{"name": key, "value": value} for key, value in variables.items()],
                    "securityContext": {
                        "readOnlyRootFilesystem": True,
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "readinessProbe": {
                        "httpGet": {"path": "/health", "port": 5280},
                        "periodSeconds": 1,
                    },
                    "volumeMounts": [
                        {"name": volume, "mountPath": path} for volume, path in folders.items()
                    ],
                }
            ],
            "volumes": [{"name": volume, "emptyDir": {}} for volume in folders],
        },
    }


def kubectl(*arguments: str, text: str = "", check: bool = True) -> str:
    program = Path(sys.executable).with_name("kubectl")
    standing = layout.home_of(layout.DEFAULT_NAME) / "kubeconfig"
    config = os.environ.get("OCTOFLEET_KUBECONFIG") or standing
    command = [str(program), f"--kubeconfig={config}", f"--namespace={NAMESPACE}", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def namespace() -> Iterator[None]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": NAMESPACE, "labels": labels}
    kubectl("apply", "-f", "-", text=json.dumps(head("Namespace") | {"metadata": metadata}))
    yield
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def head(kind: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind}


@pytest.fixture(scope="module")
def server(namespace: None) -> str:
    """The address of a running server."""
    kubectl("apply", "-f", "-", text=json.dumps(pod("prosody", VARIABLES)))
    kubectl("wait", "pod/prosody", "--for=condition=Ready", "--timeout=90s")
    return kubectl("get", "pod", "prosody", "-o", "jsonpath={.status.podIP}")


@asynccontextmanager
async def session(server: str, user: str, password: str, domain: str = AUTH) -> AsyncGenerator[Any]:
    """A client that is logged in, or None if the server refused it."""
    client = cast("Any", ClientXMPP(f"{user}@{domain}", password))  # typed only in part
    client.enable_direct_tls = False
    client.ssl_context.check_hostname = False
    client.ssl_context.verify_mode = ssl.CERT_NONE
    for plugin in ("xep_0030", "xep_0045", "xep_0198", "xep_0199"):
        client.register_plugin(plugin)
    outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def settle(answer: bool) -> None:
        if not outcome.done():
            outcome.set_result(answer)

    def started(_event: object) -> None:
        settle(True)

    def refused(_event: object) -> None:
        settle(False)

    client.add_event_handler("session_start", started)
    client.add_event_handler("failed_all_auth", refused)
    client.connect(server, 5222)
    try:
        yield client if await asyncio.wait_for(outcome, 60) else None
    finally:
        await client.disconnect()


@pytest.mark.parametrize("user", PASSWORDS)
async def test_each_account_of_the_variables_logs_in(server: str, user: str) -> None:
    async with session(server, user, PASSWORDS[user]) as client:
        assert client is not None


@pytest.mark.parametrize("user", ["bridges", "jvb", "stranger"])
async def test_a_wrong_password_or_an_unknown_user_does_not(server: str, user: str) -> None:
    async with session(server, user, "guess") as client:
        assert client is None


async def test_a_bridge_meets_the_focus_in_the_brewery_with_its_address_shown(server: str) -> None:
    async with (
        session(server, "focus", PASSWORDS["focus"]) as focus,
        session(server, "bridges", PASSWORDS["bridges"]) as bridge,
    ):
        await focus.plugin["xep_0045"].join_muc_wait(BREWERY, "focus", timeout=10)
        seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def arrived(presence: Any) -> None:
            if presence["from"].resource == "bridge-1" and not seen.done():
                seen.set_result(presence["muc"]["jid"].bare)

        focus.add_event_handler(f"muc::{BREWERY}::got_online", arrived)
        await bridge.plugin["xep_0045"].join_muc_wait(BREWERY, "bridge-1", timeout=10)
        assert await asyncio.wait_for(seen, 30) == f"bridges@{AUTH}"
        await focus.plugin["xep_0199"].ping(f"{BREWERY}/bridge-1", timeout=10)


async def test_a_user_of_another_domain_is_kept_out_of_the_brewery(server: str) -> None:
    domain = VARIABLES["XMPP_DOMAIN"]
    settings = "XMPP_PORT=5222 LOG_LEVEL=warn PROSODY_DATA=/var/lib/prosody"
    register = f"{settings} prosodyctl register guest {domain} guest-secret"
    kubectl("exec", "prosody", "--", "sh", "-c", register)
    async with (
        session(server, "focus", PASSWORDS["focus"]) as focus,
        session(server, "guest", "guest-secret", domain) as guest,
    ):
        assert guest is not None
        await focus.plugin["xep_0045"].join_muc_wait(BREWERY, "focus", timeout=10)
        refusal: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def refused(presence: Any) -> None:
            refusal.set_result(presence["error"]["condition"])

        guest.add_event_handler("presence_error", refused)
        guest.send_presence(pto=f"{BREWERY}/guest")
        assert await asyncio.wait_for(refusal, 30) == "forbidden"
        with pytest.raises(IqError):
            await guest.plugin["xep_0199"].ping(f"{BREWERY}/focus", timeout=10)


async def test_the_server_offers_stream_management(server: str) -> None:
    async with session(server, "bridges", PASSWORDS["bridges"]) as bridge:
        for _ in range(50):
            if bridge.plugin["xep_0198"].enabled_in:
                break
            await asyncio.sleep(0.1)
        assert bridge.plugin["xep_0198"].enabled_in


def test_health_answers_and_the_log_holds_no_password(server: str) -> None:
    with urllib.request.urlopen(f"http://{server}:5280/health", timeout=5) as answer:
        assert answer.status == 200
    log = kubectl("logs", "prosody")
    assert "Account focus is ready" in log
    assert not any(password in log for password in PASSWORDS.values())


def test_it_refuses_to_start_without_a_password(namespace: None) -> None:
    variables = {key: value for key, value in VARIABLES.items() if key != "JVB_AUTH_PASSWORD"}
    kubectl("apply", "-f", "-", text=json.dumps(pod("unset", variables)))
    kubectl("wait", "pod/unset", "--for=jsonpath={.status.phase}=Failed", "--timeout=60s")
    assert "set JVB_AUTH_PASSWORD" in kubectl("logs", "unset")
