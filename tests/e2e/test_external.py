"""Mode External: whoever writes `spec.replicas` decides, and bridges are still drained first."""

from octodemo.crowd import Crowd
from octodemo.hpa import autoscaler
from octodemo.objects import quick
from octodemo.platform import Platform


async def test_kubectl_scale_sizes_a_region(fleet: Platform, region: str) -> None:
    await fleet.patch_region(region, {"autoscaling": quick(mode="External"), "replicas": 2})
    await fleet.cluster.kubectl(
        "scale", "octoregion", region, "-n", fleet.namespace, "--replicas=3"
    )
    await fleet.wait_ready(region, bridges=3)
    await fleet.cluster.kubectl(
        "scale", "octoregion", region, "-n", fleet.namespace, "--replicas=2"
    )
    await fleet.wait_ready(region, bridges=2)


async def test_a_horizontal_pod_autoscaler_sizes_a_region(
    fleet: Platform, crowd: Crowd, region: str
) -> None:
    external = quick(None, most=3, mode="External")
    await fleet.patch_region(region, {"autoscaling": external, "replicas": 2})
    await fleet.cluster.apply(autoscaler(fleet.namespace, region, most=3))
    try:
        for name in ("busy-0", "busy-1"):
            await crowd.call(name, 9, bitrate_bps=500_000)
        await fleet.wait_ready(region, bridges=3, seconds=180)
    finally:
        for name in ("busy-0", "busy-1"):
            await crowd.call(name, 0)
        await fleet.cluster.kubectl("delete", "hpa", region, "-n", fleet.namespace)
