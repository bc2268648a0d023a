"""Web servers are told their cluster and where people are; the hand-made example takes that."""

from pathlib import Path
from typing import Any

import yaml

from octofleet.api.clusters import JitsiCluster
from octofleet.api.controller import EffectiveCluster, effective_cluster
from octofleet.core.manifests import inputs, mapping, naming, prosody, web
from octofleet.shell.settings import cluster_domain_in

EXAMPLES = Path(__file__).parents[3] / "examples"
OWNER = naming.Owner("OctoRegion", "eu", "uid")
DOMAINS = inputs.Domains("meet.example.org")


def effective(**said: Any) -> EffectiveCluster:
    meta = {"name": "meet", "namespace": "ns", "uid": "uid"}
    spec = {"domain": "meet.example.org", "controller": {"web": said}}
    return effective_cluster(JitsiCluster.model_validate({"metadata": meta, "spec": spec}))


def settings(*, here: bool = True, **said: Any) -> inputs.WebSettings:
    cluster = effective(**said)
    return mapping.web_settings(cluster, cluster.web, "cluster.local" if here else None)


def told(found: inputs.WebSettings | None) -> Any:
    body: Any = web.build_web_settings("meet", "eu", "eu", "ns", OWNER, found)
    return body["data"]


def variables(**said: Any) -> dict[str, str]:
    """Return what the operator's own are told."""
    place = inputs.WebPlace("meet-web", "ns", OWNER, {"app": "web"})
    body: Any = web.build_web(place, settings(**said), inputs.Workload("web:1"), 1)
    (container,) = body["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def example(name: str) -> list[Any]:
    return list(yaml.safe_load_all((EXAMPLES / name).read_text()))


def test_prosody_is_found_by_its_services_whole_name() -> None:
    service: Any = prosody.build_prosody_service("meet", "ns", OWNER)
    ports = {each["name"]: each["port"] for each in service["spec"]["ports"]}
    # nginx asks the DNS by itself and knows no search list: a shorter name it never finds.
    url = f"http://{service['metadata']['name']}.ns.svc.cluster.local:{ports['http']}"
    assert told(settings())["XMPP_BOSH_URL_BASE"] == url
    assert variables()["XMPP_BOSH_URL_BASE"] == url


def test_the_domain_of_services_is_read_from_a_pods_resolver() -> None:
    pod = "nameserver 10.96.0.10\nsearch meet.svc.k8s.corp svc.k8s.corp k8s.corp\noptions ndots:5\n"
    assert cluster_domain_in(pod) == "k8s.corp"
    assert cluster_domain_in("search example.org\nnameserver 1.1.1.1\n\n") is None
    assert cluster_domain_in("search svc.\nsearch svc") is None


def test_clients_find_the_domains_of_the_cluster_and_tell_their_region() -> None:
    found = told(settings())
    assert found["PUBLIC_URL"] == "https://meet.example.org"
    assert DOMAINS.variables().items() <= found.items()
    assert (found["DEPLOYMENTINFO_REGION"], found["DEPLOYMENTINFO_USERREGION"]) == ("eu", "eu")


def test_pages_send_people_to_the_host_of_the_ingress_or_the_address_that_is_said() -> None:
    assert variables(ingress={"host": "video.example.org"})["PUBLIC_URL"] == (
        "https://video.example.org"
    )
    said: dict[str, Any] = {"publicUrl": "https://video.example.org:8443", "ingress": {}}
    assert variables(**said)["PUBLIC_URL"] == "https://video.example.org:8443"
    assert told(settings(**said))["PUBLIC_URL"] == "https://video.example.org:8443"


def test_the_operators_own_leave_tls_to_what_stands_before_them() -> None:
    assert variables()["DISABLE_HTTPS"] == "1"
    assert "DISABLE_HTTPS" not in told(settings())


def test_pages_that_people_of_any_region_open_name_none() -> None:
    assert not {"DEPLOYMENTINFO_REGION", "DEPLOYMENTINFO_USERREGION"} & variables().keys()


def test_in_another_kubernetes_there_is_no_way_to_prosodys_http() -> None:
    assert "XMPP_BOSH_URL_BASE" not in told(settings(here=False))
    assert told(settings(here=False))["XMPP_DOMAIN"] == "meet.example.org"


def test_while_the_cluster_isnt_there_only_the_region_is_told() -> None:
    assert told(None) == {"DEPLOYMENTINFO_REGION": "eu", "DEPLOYMENTINFO_USERREGION": "eu"}


def test_the_example_takes_what_the_operator_writes_for_a_region_of_the_global_one() -> None:
    regions = [each for each in example("global.yaml") if each["kind"] == "OctoRegion"]
    written = {f"{each['metadata']['name']}-web" for each in regions}
    deployment = next(each for each in example("web.yaml") if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {each["configMapRef"]["name"] for each in container["envFrom"]} <= written
    own = {each["name"] for each in container["env"]}
    assert own.isdisjoint(told(settings())), "what is said beside it would win"
    mounted = {each["mountPath"] for each in container["volumeMounts"]}
    assert mounted >= {"/config", "/run", "/tmp"}, "its own files are read-only"
