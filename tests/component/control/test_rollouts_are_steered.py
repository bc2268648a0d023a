"""`octofleet rollout`: what it shows and what it writes, on a real API server."""

import io
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console
from tests.component.control import world as worlds
from tests.component.control.world import region as region_document
from tests.unit.control.worlds import region

from octofleet.api.effective import ANNOTATION_RESTARTED_AT, ANNOTATION_UPGRADES_PAUSED
from octofleet.cli import rollout
from octofleet.core import releases
from octofleet.core.manifests import naming
from octofleet.shell import documents, kube
from octofleet.shell.errors import FleetError
from octofleet.shell.kube import KubernetesCluster

OLD = releases.text_of(region({"bridge": {"image": "bridge:1", "port": 10001}}), "meet.example.org")
NEW = releases.text_of(region({"bridge": {"image": "bridge:2"}}), "meet.example.org")


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace with a region."""

    api: KubernetesCluster
    namespace: str

    async def region(self) -> documents.Document:
        found = await self.api.get(kube.REGIONS, "eu", self.namespace)
        assert found is not None
        return found

    async def notes(self) -> dict[str, str]:
        return documents.texts(await self.region(), "metadata", "annotations")

    async def bridge(self, name: str, text: str, previous: str | None = None) -> None:
        notes: dict[str, Any] = {naming.ANNOTATION_SETTINGS: text}
        if previous is not None:
            notes[naming.ANNOTATION_PREVIOUS] = previous
        labels = {
            **naming.bridge_labels("meet", "eu"),
            naming.LABEL_RELEASE: releases.name_of(text),
        }
        body: documents.Document = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels, "annotations": notes},
            "spec": {"containers": [{"name": "bridge", "image": name}]},
        }
        await self.api.create(kube.PODS, self.namespace, body)

    async def wants(self, text: str) -> None:
        told = {"phase": "Current", "release": releases.name_of(text)}
        body = {
            "apiVersion": naming.API_VERSION,
            "kind": "OctoRegion",
            "metadata": {"name": "eu", "namespace": self.namespace},
            "status": {"rollout": told},
        }
        await self.api.apply(kube.REGIONS, self.namespace, body, sub="status")


async def place(world: worlds.World) -> Place:
    await world.api.create(kube.REGIONS, world.namespace, region_document(world.namespace))
    return Place(world.api, world.namespace)


async def test_pause_resume_and_restart_are_notes_on_the_region(api: KubernetesCluster) -> None:
    async with worlds.running(api, "rollout-notes") as world:
        there = await place(world)
        await rollout.pause(api, "eu", there.namespace)
        assert (await there.notes())[ANNOTATION_UPGRADES_PAUSED] == "true"
        await rollout.resume(api, "eu", there.namespace)
        await rollout.restart(api, "eu", there.namespace)
        notes = await there.notes()
        assert ANNOTATION_UPGRADES_PAUSED not in notes
        assert notes[ANNOTATION_RESTARTED_AT]


async def test_undo_asks_for_what_a_bridge_of_the_release_before_was_made_from(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "rollout-undo") as world:
        world.admit = False
        there = await place(world)
        with pytest.raises(FleetError, match="no bridge of an earlier release is left"):
            await rollout.undo(api, "eu", there.namespace)
        await there.bridge("eu-0", NEW, previous=OLD)
        await there.wants(NEW)
        await rollout.undo(api, "eu", there.namespace)
        asked = documents.mapping(await there.region(), "spec", "bridge")
        assert (asked["image"], asked["port"]) == ("bridge:1", 10001)
        console = Console(record=True, width=120, file=io.StringIO())
        console.print(await rollout.status(api, "eu", there.namespace))
        assert releases.name_of(NEW) in console.export_text()
