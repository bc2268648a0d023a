"""A region's web servers get all that the stock web image needs, and say which region it is."""

from pathlib import Path
from typing import Any

import yaml

from octofleet.core.manifests import inputs, naming, prosody, web

EXAMPLES = Path(__file__).parents[3] / "examples"
OWNER = naming.Owner("OctoRegion", "eu", "uid")
DOMAINS = inputs.Domains("meet.example.org")


def told(*, domains: inputs.Domains | None = DOMAINS, at_home: bool = True) -> Any:
    body: Any = web.build_web_settings("meet", "eu", "eu", "ns", OWNER, domains, at_home=at_home)
    return body["data"]


def example(name: str) -> list[Any]:
    return list(yaml.safe_load_all((EXAMPLES / name).read_text()))


def test_prosody_is_found_where_its_service_is() -> None:
    service: Any = prosody.build_prosody_service("meet", "ns", OWNER)
    ports = {each["name"]: each["port"] for each in service["spec"]["ports"]}
    host = f"{service['metadata']['name']}.ns.svc"
    assert told()["XMPP_BOSH_URL_BASE"] == f"http://{host}:{ports['http']}"


def test_clients_find_the_domains_of_the_cluster_and_tell_their_region() -> None:
    found = told()
    assert found["PUBLIC_URL"] == "https://meet.example.org"
    assert DOMAINS.variables().items() <= found.items()
    assert (found["DEPLOYMENTINFO_REGION"], found["DEPLOYMENTINFO_USERREGION"]) == ("eu", "eu")


def test_in_another_kubernetes_there_is_no_way_to_prosodys_http() -> None:
    assert "XMPP_BOSH_URL_BASE" not in told(at_home=False)
    assert told(at_home=False)["XMPP_DOMAIN"] == "meet.example.org"


def test_while_the_cluster_isnt_there_only_the_region_is_told() -> None:
    assert told(domains=None) == {"DEPLOYMENTINFO_REGION": "eu", "DEPLOYMENTINFO_USERREGION": "eu"}


def test_the_example_takes_what_the_operator_writes_for_a_region_of_the_global_one() -> None:
    regions = [each for each in example("global.yaml") if each["kind"] == "OctoRegion"]
    written = {f"{each['metadata']['name']}-web" for each in regions}
    deployment = next(each for each in example("web.yaml") if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {each["configMapRef"]["name"] for each in container["envFrom"]} <= written
    own = {each["name"] for each in container["env"]}
    assert own.isdisjoint(told()), "what is said beside it would win"
    mounted = {each["mountPath"] for each in container["volumeMounts"]}
    assert mounted >= {"/config", "/run", "/tmp"}, "its own files are read-only"
