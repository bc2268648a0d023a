"""Events on a real API server: repeats are counted, floods are dropped."""

from tests.component.control.test_lease_is_held_by_one import Clock

from octofleet.shell import documents, kube
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.recorder import BURST, Recorder


def about(name: str) -> documents.Document:
    return {
        "apiVersion": "octofleet.io/v1alpha1",
        "kind": "OctoRegion",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-of-{name}"},
    }


async def of(api: KubernetesCluster, name: str) -> list[documents.Document]:
    found = await api.list(kube.EVENTS, "default")
    return [each for each in found if documents.text(each, "regarding", "name") == name]


async def test_repeated_event_is_one_event_with_a_count(api: KubernetesCluster) -> None:
    recorder = Recorder(api, "test", Clock())
    for _ in range(3):
        await recorder.record(about("repeat"), "Warning", "NoNode", "no node is free")
    (event,) = await of(api, "repeat")
    assert documents.number(event, "series", "count") == 3
    assert documents.text(event, "note") == "no node is free"


async def test_repeat_of_an_event_that_somebody_deleted_is_a_new_one(
    api: KubernetesCluster,
) -> None:
    recorder = Recorder(api, "test", Clock())
    await recorder.record(about("again"), "Warning", "NoNode", "no node is free")
    (event,) = await of(api, "again")
    name = documents.text(event, "metadata", "name") or ""
    await api.delete(kube.EVENTS, "default", name, documents.text(event, "metadata", "uid") or "")
    clock = Clock()
    clock.now += 30
    recorder._clock = clock  # pyright: ignore[reportPrivateUsage] - time goes on
    await recorder.record(about("again"), "Warning", "NoNode", "no node is free")
    (anew,) = await of(api, "again")
    assert documents.text(anew, "metadata", "name") != name
    assert recorder.dropped == 0


async def test_flood_of_events_is_cut_off_and_counted(api: KubernetesCluster) -> None:
    clock = Clock()
    recorder = Recorder(api, "test", clock)
    for number in range(BURST + 10):
        clock.now += 0.001
        await recorder.record(about("flood"), "Normal", "ScaledUp", f"step {number}")
    assert len(await of(api, "flood")) == BURST
    assert recorder.dropped == 10


async def test_event_that_is_refused_is_dropped_quietly(api: KubernetesCluster) -> None:
    recorder = Recorder(api, "test", Clock())
    await recorder.record(about("bad"), "Nonsense", "X", "the type is neither of two")
    assert recorder.dropped == 1
