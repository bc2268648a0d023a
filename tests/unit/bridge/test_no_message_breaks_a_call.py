"""Whatever clients say in whatever order: the call goes on, and others can read what comes."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.bridge.talking import Call
from tests.unit.wire.test_bridge_channel_messages import messages as any_message

from jitsiwire.bridge_channel import Message, build, parse
from octobridge.core.debug import conference_view
from octobridge.core.effects import SendMessage
from octobridge.core.policy import Policy

NAMES = ("a", "b", "c", "v")
SOURCES = [f"{name}-v0" for name in NAMES] + ["nobody-v0", ""]

heights = st.fixed_dictionaries(
    {"maxHeight": st.sampled_from([-1, 0, 1, 180, 360, 2**31 - 1])},
    optional={"maxFrameRate": st.sampled_from([-1, 0, 15, 0.5])},
)
names = st.lists(st.sampled_from(SOURCES), max_size=4)
wishes = st.fixed_dictionaries(
    {"colibriClass": st.just("ReceiverVideoConstraints")},
    optional={
        "lastN": st.sampled_from([-(2**31), -1, 0, 1, 2, 2**31 - 1]),
        "selectedSources": names,
        "onStageSources": names,
        "defaultConstraints": heights,
        "constraints": st.dictionaries(st.sampled_from(SOURCES), heights, max_size=4),
        "assumedBandwidthBps": st.sampled_from([-1, 0, 10**6, 2**63 - 1]),
    },
)
types = st.fixed_dictionaries(
    {
        "colibriClass": st.just("SourceVideoTypeMessage"),
        "sourceName": st.sampled_from(SOURCES),
        "videoType": st.sampled_from(["camera", "desktop", "desktop_high_fps", "none", "disabled"]),
    }
)
voices = st.fixed_dictionaries(
    {"colibriClass": st.just("ReceiverAudioSubscription")},
    optional={
        "all": st.booleans(),
        "include": names,
        "exclude": names,
        "mode": st.sampled_from(["All", "None", "Include", "Exclude"]),
        "list": names,
    },
)
bandwidths = st.sampled_from([-1, 0, 1, 50_000, 10**7, 2**40])
steps = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(NAMES), wishes | types | voices),
    st.tuples(st.just("write"), st.sampled_from(NAMES), any_message),
    st.tuples(st.just("network"), st.sampled_from(NAMES), bandwidths),
    st.tuples(st.just("camera"), st.sampled_from(NAMES[:3]), st.sampled_from([1, 3])),
    st.tuples(st.just("reopen"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("leave"), st.sampled_from(NAMES[1:]), st.none()),
)


def act(call: Call, what: str, who: str, given_: Any) -> list[Any]:
    """Do one step, by someone who may have left."""
    endpoint = call.conference.find(who)
    if endpoint is None:
        return []
    match what:
        case "say":
            return call.say(who, given_)
        case "write":
            message: Message = given_
            return call.say(who, build(message))
        case "network":
            call.reports.bandwidth(endpoint.transport, given_)
            return []
        case "camera":
            return call.shows(who, 100 * (1 + NAMES.index(who)), given_)
        case "reopen":
            call.reports.channel_closed(endpoint.transport)
            call.reports.channel_opened(endpoint.transport)
            return call.messages.opened(endpoint.transport)
        case _:
            return call.registry.remove_endpoint(call.conference, endpoint, call.now)


@given(st.lists(steps, max_size=25))
@settings(max_examples=60, deadline=None)
def test_no_message_breaks_a_call(course: list[tuple[str, str, Any]]) -> None:
    call = Call(*NAMES, visitors=["v"], policy=Policy(stats_filter_threshold=1))
    for what, who, given_ in course:
        effects = act(call, what, who, given_) + call.step()
        for effect in effects:
            if isinstance(effect, SendMessage):
                assert build(parse(effect.text)) == effect.text
        conference_view(call.conference, full=True)
