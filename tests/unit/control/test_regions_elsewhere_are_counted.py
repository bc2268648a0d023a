"""Who is in a cluster's other regions: by their own word, or by Jicofo's where they are far."""

from typing import Any, cast

import pytest

from octofleet.api.effective import effective_region
from octofleet.api.regions import OctoRegion
from octofleet.core.observation import Conference, Timestamp
from octofleet.shell.jicofo import JicofoBridge, JicofoView
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.meshes import Meshes


class Listed:
    """An API server's list of regions, and nothing else of it."""

    def __init__(self, *regions: tuple[str, int | None]) -> None:
        self._regions = [
            {
                "spec": {"clusterRef": {"name": "meet"}, "region": region},
                "status": {} if people is None else {"participants": people},
            }
            for region, people in regions
        ]

    async def list(self, *_: object) -> list[Any]:
        return self._regions


def view(**people: int) -> JicofoView:
    bridges = {region: JicofoBridge(True, False, False, False, 0.1, "1", region=region)
               for region in people}  # fmt: skip
    calls = {region: (Conference("call", number),) for region, number in people.items()}
    return JicofoView(Timestamp(0.0), bridges, calls)


@pytest.mark.parametrize(
    ("reference", "listed", "seen", "found"),
    [
        ("clusterRef", [("eu", 3), ("us", 5)], view(eu=3, us=4), {"us": 5}),
        ("clusterRef", [("eu", 3), ("us", None)], view(eu=3, us=4), {"us": None}),
        ("clusterRef", [("eu", 3)], view(eu=3, asia=7), {"asia": 7}),
        ("clusterRef", [("eu", 3)], None, {}),
        ("joinSecretRef", [], view(eu=3, us=4, asia=7), {"us": 4, "asia": 7}),
    ],
)
async def test_regions_in_another_kubernetes_count_by_jicofos_word(
    reference: str,
    listed: list[tuple[str, int | None]],
    seen: JicofoView | None,
    found: dict[str, int | None],
) -> None:
    spec = {reference: {"name": "meet"}, "region": "eu"}
    region = OctoRegion.model_validate({"metadata": {"name": "eu"}, "spec": spec})
    meshes = Meshes(cast("KubernetesCluster", Listed(*listed)), lambda: 0.0)
    assert await meshes.elsewhere(effective_region(None, region), seen) == found
