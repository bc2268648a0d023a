"""However many bridges a meeting is on: all hear all, and senders send what anyone wants."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given as generate
from hypothesis import settings
from hypothesis import strategies as st
from tests.unit.bridge import given
from tests.unit.bridge.bridges import Bridges

from jitsiwire import bridge_channel as wire
from jitsiwire.bridge_channel import VideoConstraints, VideoType

PAIR = (("a", "b", "0"),)
FULL = (("a", "b", "0"), ("a", "c", "0"), ("b", "c", "0"))
CHAIN = (("a", "b", "0"), ("b", "c", "1"))
"""Two meshes that b links."""
TOPOLOGIES = {"pair": PAIR, "full": FULL, "chain": CHAIN}
HEIGHTS = st.sampled_from((0, 180, 360, 720, -1))
NAMES = st.sampled_from(tuple("pqrstu"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), NAMES, st.integers(0, 2)),
        st.tuples(st.just("leave"), NAMES),
        st.tuples(st.just("want"), NAMES, HEIGHTS),
        st.tuples(st.just("link"), st.integers(0, 2)),
        st.tuples(st.just("share"), NAMES),
    ),
    max_size=20,
)


@dataclass
class Story:
    """A meeting and what its people said they want."""

    bridges: Bridges
    links: tuple[tuple[str, str, str], ...]
    linked: list[int] = field(default_factory=list[int])
    heights: dict[str, int] = field(default_factory=dict[str, int])

    def link(self, number: int) -> None:
        if number < len(self.links) and number not in self.linked:
            self.linked.append(number)
            self.bridges.link(*self.links[number])

    def join(self, name: str, place: int) -> None:
        names = sorted(self.bridges.cores)
        if name not in self.bridges.people:
            number = ord(name)
            self.heights[name] = 0
            bridge = names[place % len(names)]
            self.bridges.join(bridge, name, given.camera(name, 100 * number))

    def leave(self, name: str) -> None:
        if name in self.bridges.people:
            self.bridges.leave(name)
            del self.heights[name]

    def want(self, name: str, height: int) -> None:
        if name in self.bridges.people:
            self.heights[name] = height
            wanted = VideoConstraints(max_height=height)
            self.bridges.say(name, wire.ReceiverVideoConstraints(default_constraints=wanted))

    def share(self, name: str) -> None:
        if name in self.bridges.people:
            source = f"{name}-v0"
            shows = wire.SourceVideoTypeMessage(source_name=source, video_type=VideoType.DESKTOP)
            self.bridges.say(name, shows)

    def wanted(self, of: str) -> int:
        """The most that anyone else wants of somebody's camera."""
        heights = [h for name, h in self.heights.items() if name != of]
        return -1 if -1 in heights else max(heights, default=0)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@settings(deadline=None, max_examples=40)
@generate(steps=STEPS)
def test_every_sender_learns_the_most_that_anyone_anywhere_wants(
    topology: str, steps: list[tuple[str, ...]]
) -> None:
    story = begin(topology)
    for step in steps:
        play(story, *step)
    for number in range(len(story.links)):
        story.link(number)
    story.bridges.settle()
    for person in story.bridges.people.values():
        told = person.last_wanted(f"{person.name}-v0")
        assert told == story.wanted(person.name), person.name


@pytest.mark.parametrize("topology", TOPOLOGIES)
@settings(deadline=None, max_examples=25)
@generate(steps=STEPS)
def test_what_one_says_to_all_reaches_each_once_and_shows_are_known_everywhere(
    topology: str, steps: list[tuple[str, ...]]
) -> None:
    story = begin(topology)
    for number in range(len(story.links)):
        story.link(number)
    shared: set[str] = set()
    for step in steps:
        play(story, *step)
        if step[0] == "share":
            shared.add(step[1])
        shared &= {*story.bridges.people}
        if step[0] == "join" and step[1] in story.bridges.people:
            story.bridges.settle(1)
    story.bridges.settle(2)
    people = story.bridges.people
    for name in people:
        story.bridges.say(name, wire.EndpointMessage(to="", fields={"of": name}))
    story.bridges.settle(1)
    for person in people.values():
        heard = [m.from_ for m in person.told if isinstance(m, wire.EndpointMessage)]
        assert sorted(h or "" for h in heard) == sorted(n for n in people if n != person.name)
    for core in story.bridges.cores.values():
        for name in shared:
            assert core.conference.adaptation.video_type(f"{name}-v0") is VideoType.DESKTOP


def begin(topology: str) -> Story:
    links = TOPOLOGIES[topology]
    names = sorted({name for link in links for name in link[:2]})
    story = Story(Bridges(names), links)
    return story


def play(story: Story, kind: str, *rest: object) -> None:
    match kind, rest:
        case "join", (str(name), int(place)):
            story.join(name, place)
        case "leave", (str(name),):
            story.leave(name)
        case "want", (str(name), int(height)):
            story.want(name, height)
        case "link", (int(number),):
            story.link(number)
        case "share", (str(name),):
            story.share(name)
        case _:
            raise AssertionError(kind)
