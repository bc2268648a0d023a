"""Every builder's output is written down beside this file: a change there is a change users see.

`OCTOFLEET_WRITE_GOLDEN=1 pytest tests/unit/control` writes them anew (and fails, so that it is
looked at).
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import yaml

from octofleet.core.manifests import (
    accounts,
    bridge,
    disruption,
    inputs,
    jicofo,
    naming,
    prosody,
    region,
    secret,
    web,
)

GOLDEN = Path(__file__).parent / "golden"
OWNER = naming.Owner("JitsiCluster", "meet", "11111111-2222-3333-4444-555555555555")
REGION_OWNER = naming.Owner("OctoRegion", "eu-west", "66666666-7777-8888-9999-000000000000")
DOMAINS = inputs.Domains("meet.example.org")
WORKLOAD = inputs.Workload(
    "ghcr.io/jitsi/image:stable-1",
    pull_policy="IfNotPresent",
    resources={"requests": {"cpu": "500m"}},
    node_selector={"pool": "media"},
    tolerations=({"key": "media", "operator": "Exists"},),
    variables={"TZ": "UTC"},
    zones=("eu-west-a", "eu-west-b"),
)
BRIDGES = inputs.BridgeSettings(
    cluster="meet",
    cluster_namespace="meet",
    region="eu-west",
    domains=DOMAINS,
    workload=WORKLOAD,
    region_code="eu-west",
    relays=True,
    advertise="203.0.113.7",
    address_source="Static",
    drain_deadline_seconds=3600,
    priority_class="media",
)
BY_NODE = replace(
    BRIDGES, advertise="", address_source=None, stun_servers=("stun.example.org:3478",)
)
STOCK = replace(
    BRIDGES,
    workload=replace(WORKLOAD, resources={"limits": {"memory": "2Gi"}}),
    participant_stress=0.0125,
    bind_node_address=True,
    sidecar_image="docker.io/octofleet/bridge:1",
)
WEB = inputs.WebSettings(
    DOMAINS, "https://meet.example.org", "meet-prosody.meet.svc.cluster.local", "eu-west"
)
ANYWHERE = replace(WEB, region=None)
PLACE = inputs.WebPlace("meet-web", "meet", OWNER, naming.controller_labels("meet", "web"))
REGION_PLACE = inputs.WebPlace(
    "eu-west-web", "meet", REGION_OWNER, naming.region_web_labels("meet", "eu-west")
)
FRONT = inputs.WebFront("meet.example.org", "nginx", {"example.org/issuer": "x"}, "meet-tls")
PASSWORDS = {key: f"made-up-{key.lower()}" for key in secret.missing_keys({})}

BUILT: dict[str, naming.Manifest | None] = {
    "secret": secret.build_secret("meet", "meet", OWNER, PASSWORDS),
    "prosody": prosody.build_prosody("meet", "meet", OWNER, DOMAINS, WORKLOAD),
    "prosody-service": prosody.build_prosody_service("meet", "meet", OWNER),
    "jicofo": jicofo.build_jicofo(
        "meet",
        "meet",
        OWNER,
        DOMAINS,
        inputs.JicofoSettings(
            "RegionBasedBridgeSelectionStrategy",
            0.8,
            0.01,
            80,
            True,
            (("eu-central", "eu-west"), ("us-east", "us-west")),
            "eu-west",
            relays=True,
        ),
        WORKLOAD,
    ),
    "jicofo-service": jicofo.build_jicofo_service("meet", "meet", OWNER),
    "bridge": bridge.build_bridge("eu-west-0", "meet", REGION_OWNER, BRIDGES, "7f3a1"),
    "bridge-by-node": bridge.build_bridge("eu-west-0", "meet", REGION_OWNER, BY_NODE, "7f3a1"),
    "bridge-jvb": bridge.build_bridge("eu-west-0", "meet", REGION_OWNER, STOCK, "7f3a1"),
    "budget": disruption.build_budget("meet", "eu-west", "meet", REGION_OWNER),
    "web": web.build_web(PLACE, ANYWHERE, inputs.Workload("web:1"), 1),
    "web-of-region": web.build_web(REGION_PLACE, WEB, WORKLOAD, 2),
    "web-service": web.build_web_service(PLACE),
    "web-budget": web.build_web_budget(PLACE),
    "web-ingress": web.build_web_ingress(PLACE, FRONT),
    "web-settings": web.build_web_settings(
        "meet", "eu-west", "eu-west-1", "meet", REGION_OWNER, ANYWHERE
    ),
    "default-region": region.build_default_region("meet", "meet", OWNER),
}


@pytest.mark.parametrize("name", sorted(BUILT))
def test_manifest_is_as_written_down(name: str) -> None:
    path = GOLDEN / f"{name}.yaml"
    text = yaml.safe_dump(BUILT[name], sort_keys=False)
    if os.environ.get("OCTOFLEET_WRITE_GOLDEN"):
        path.write_text(text)
        pytest.fail(f"wrote {path.name}: look at the difference")
    assert yaml.safe_load(path.read_text()) == BUILT[name]


def test_secret_that_holds_every_key_is_left_alone() -> None:
    kept = dict(PASSWORDS)
    kept |= secret.lacking(kept, {})
    assert secret.missing_keys(kept) == ()
    assert secret.build_secret("meet", "meet", OWNER, secret.lacking(kept, {})) is None


def test_only_missing_keys_of_a_secret_are_filled() -> None:
    kept = dict(PASSWORDS)
    del kept[naming.KEY_REST_TOKEN]
    assert secret.missing_keys(kept) == (naming.KEY_REST_TOKEN,)


def test_bridges_of_a_later_generation_log_in_with_its_account_and_prosody_stays_as_it_is() -> None:
    later = replace(BRIDGES, generation=2)
    text = yaml.safe_dump(bridge.build_bridge("eu-0", "meet", REGION_OWNER, later, "x"))
    assert "name: JVB_AUTH_USER\n      value: jvb-2" in text
    assert "key: JVB_AUTH_PASSWORD.2" in text
    kept = {**PASSWORDS, "generation": "2"}
    kept |= {key: f"second-{key}" for key in accounts.password_keys(2)}
    starts = secret.lacking(kept, {})
    assert starts["JVB_AUTH_USER"] == "jvb-2"
    assert starts["JVB_AUTH_PASSWORD.current"] == "second-JVB_AUTH_PASSWORD.2"


def test_prosody_is_never_killed_by_a_liveness_probe() -> None:
    assert "livenessProbe" not in yaml.safe_dump(BUILT["prosody"])


def test_nickname_differs_between_incarnations_and_config_hash_does_not() -> None:
    first = bridge.build_bridge("eu-west-0", "meet", REGION_OWNER, BRIDGES, "aaaaa")
    second = bridge.build_bridge("eu-west-0", "meet", REGION_OWNER, BRIDGES, "bbbbb")
    one, two = (_annotations(each) for each in (first, second))
    assert one[naming.ANNOTATION_NICKNAME] != two[naming.ANNOTATION_NICKNAME]
    assert one[naming.ANNOTATION_CONFIG_HASH] == two[naming.ANNOTATION_CONFIG_HASH]


def test_what_was_learned_reaches_new_bridges_and_makes_no_pod_outdated() -> None:
    learned = replace(BRIDGES, participant_stress=0.0135)
    text = yaml.safe_dump(bridge.build_bridge("eu-0", "meet", REGION_OWNER, learned, "x"))
    assert "OCTOBRIDGE_AVERAGE_PARTICIPANT_STRESS\n      value: '0.0135'" in text
    assert bridge.config_hash(learned) == bridge.config_hash(BRIDGES)


def test_variable_of_the_resource_replaces_ours_even_from_a_secret() -> None:
    mistaken = inputs.Workload("image", variables={"JVB_AUTH_PASSWORD": "wrong"})
    settings = inputs.BridgeSettings("meet", "meet", "eu", DOMAINS, mistaken)
    text = yaml.safe_dump(bridge.build_bridge("eu-0", "meet", REGION_OWNER, settings, "x"))
    assert text.count("name: JVB_AUTH_PASSWORD") == 1
    assert "value: wrong" in text


def _annotations(manifest: naming.Manifest) -> dict[str, str]:
    found = cast("dict[str, dict[str, str]]", manifest["metadata"])  # what the builder makes
    return found["annotations"]
