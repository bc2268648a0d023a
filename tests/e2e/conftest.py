"""One lab, one operator, one platform for all e2e tests; each test leaves it as it found it."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from octodemo.crowd import Crowd, start_crowd
from octodemo.kube import Cluster, connect
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import Platform, fresh_platform, install_operator, until

NAMESPACE = "e2e"
REGION = "eu"
"""The region of the shared platform."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder is e2e and shares one event loop."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster() -> AsyncGenerator[Cluster]:
    """The cluster under test, with the chart installed."""
    kubeconfig = os.environ.get("OCTOFLEET_KUBECONFIG")
    if not kubeconfig:
        pytest.exit("OCTOFLEET_KUBECONFIG is not set: run `make test-e2e`", returncode=4)
    async with connect(kubeconfig) as found:
        await install_operator(found)
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(cluster: Cluster) -> AsyncGenerator[Platform]:
    """A JitsiCluster with one region of two bridges, quick to decide."""
    async with fresh_platform(cluster, NAMESPACE) as made:
        await cluster.apply(
            jitsi_cluster(NAMESPACE), octo_region(NAMESPACE, REGION, quick(), cpu="50m")
        )
        await made.wait_ready(REGION, bridges=2)
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def crowd(platform: Platform) -> AsyncGenerator[Crowd]:
    """Synthetic participants beside the platform."""
    started = await start_crowd(platform.cluster, NAMESPACE)
    yield started
    await started.stop()


@pytest.fixture
def region() -> str:
    """The name of the shared region."""
    return REGION


@pytest_asyncio.fixture(loop_scope="session")
async def fleet(platform: Platform) -> AsyncGenerator[Platform]:
    """The platform at two quiet bridges, before and after."""
    await settle(platform)
    yield platform
    await settle(platform)


async def settle(platform: Platform) -> None:
    """Bring the region back to two bridges with the tests' usual numbers, nothing stopping."""
    await platform.patch_region(REGION, {"replicas": None, "autoscaling": None})
    await platform.patch_region(REGION, {"autoscaling": quick()})

    async def two_pods() -> bool | None:
        return True if len(await platform.bridge_pods()) == 2 else None

    await until("two bridge pods", two_pods, seconds=240, every=1)
    await platform.wait_ready(REGION, bridges=2)
