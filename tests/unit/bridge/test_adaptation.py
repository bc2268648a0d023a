"""What receivers get and senders are asked for, as wishes, networks and sources change."""

from tests.unit.bridge import given
from tests.unit.bridge.media_model import Call

from jitsiwire import bridge_channel as wire
from jitsiwire.bridge_channel import VideoConstraints, VideoType
from jitsiwire.colibri2 import Endpoint
from octobridge.core import effects as fx
from octobridge.core.adaptation import STEP_WORK, AdaptationPolicy
from octobridge.core.policy import Policy

ALL = VideoConstraints(max_height=-1)
SMALL = VideoConstraints(max_height=180)


def two(*, rewrites: bool = False) -> tuple[Call, int, int]:
    """Someone with a camera of three encodings, and someone who watches."""
    call = Call()
    a = call.join("a", given.camera("a", 10, layers=3))
    b = call.join("b", rewrites=rewrites)
    call.step()
    call.model.told.clear()
    return call, a, b


def test_no_video_before_a_client_asks_for_it() -> None:
    call, a, b = two()
    call.arrive(a, 10, 11, 12)
    call.step(6)
    assert call.seen(b) == {}
    call.want("b")
    call.step()
    assert call.seen(b) == {(a, 10): (0, 2)}, "180p is what a client gets that names no default"


def test_wish_for_more_is_granted_when_the_network_allows() -> None:
    call, a, b = two()
    call.arrive(a, 10, 11, 12)
    call.want("b", default_constraints=ALL, on_stage_sources=("a-v0",))
    call.step()
    assert call.seen(b) == {(a, 10): (2, 2)}
    call.adaptation.set_bandwidth(b, 600_000)
    call.step()
    assert call.seen(b) == {(a, 10): (1, 2)}
    call.adaptation.set_bandwidth(b, 640_000)
    call.step()
    assert call.seen(b) == {(a, 10): (1, 2)}, "a change this small isn't acted upon at once"
    call.adaptation.set_bandwidth(b, 100_000)
    call.step()
    assert call.seen(b) == {(a, 10): (0, 1)}


def test_network_estimates_of_a_client_without_retransmission_are_not_used() -> None:
    call = Call()
    a = call.join("a", given.camera("a", 10, layers=3))
    call.arrive(a, 10, 11, 12)
    deaf = given.MEDIA[1].payload_types[:1]
    media = (given.MEDIA[0], given.Media("video", deaf))
    call.modify(given.new_endpoint("b", media=media))
    call.want("b", default_constraints=ALL)
    b = call.transport("b")
    call.adaptation.set_bandwidth(b, 10_000)
    call.step()
    assert call.seen(b) == {(a, 10): (2, 2)}


def test_assumed_bandwidth_counts_only_where_the_bridge_allows_it() -> None:
    policy = Policy(adaptation=AdaptationPolicy(assumed_bandwidth_limit=600_000))
    for call, expected in ((Call(), (2, 2)), (Call(policy), (1, 2))):
        a = call.join("a", given.camera("a", 10, layers=3))
        b = call.join("b")
        call.arrive(a, 10, 11, 12)
        call.want("b", default_constraints=ALL, assumed_bandwidth_bps=9_000_000)
        call.step()
        assert call.seen(b) == {(a, 10): expected}


def test_layers_that_come_and_go_are_followed() -> None:
    call, a, b = two()
    call.want("b", default_constraints=ALL)
    call.arrive(a, 10)
    call.step()
    assert call.seen(b) == {(a, 10): (0, 2)}
    call.arrive(a, 10, 11)
    call.step()
    assert call.seen(b) == {(a, 10): (1, 2)}
    call.adaptation.set_reading(a, 11, layer_bps=[(0, 0, 0)])
    call.step()
    assert call.seen(b) == {(a, 10): (0, 2)}


def test_rates_that_drift_are_followed_within_five_seconds() -> None:
    call, a, b = two()
    for _ in range(5):
        call.arrive(a, 10, 11, 12)
    call.want("b", default_constraints=ALL, on_stage_sources=("a-v0",))
    call.adaptation.set_bandwidth(b, 500_000)
    call.step()
    assert call.seen(b) == {(a, 10): (1, 2)}
    call.adaptation.set_reading(a, 11, layer_bps=[(200_000, 300_000, 900_000)])
    call.step()
    assert call.seen(b) == {(a, 10): (1, 2)}
    call.step(5.0)
    assert call.seen(b) == {(a, 10): (0, 2)}


def test_rates_of_a_layer_that_just_began_are_followed_at_once() -> None:
    call, a, b = two()
    call.arrive(a, 10)
    call.want("b", default_constraints=ALL, on_stage_sources=("a-v0",))
    call.adaptation.set_bandwidth(b, 400_000)
    call.step()
    call.adaptation.set_reading(a, 11, layer_bps=[(100_000, 150_000, 200_000)])
    call.step()
    assert call.seen(b) == {(a, 10): (1, 2)}, "half a window looks like half the rate"
    call.adaptation.set_reading(a, 11, layer_bps=[(200_000, 300_000, 450_000)])
    call.step()
    assert call.seen(b) == {(a, 10): (0, 2)}


def test_last_n_gives_the_latest_speakers_and_pauses_the_others() -> None:
    call = Call()
    cameras = {name: 10 * number for number, name in enumerate("abcd", 1)}
    senders = {n: call.join(n, given.camera(n, ssrc)) for n, ssrc in cameras.items()}
    watcher = call.join("w")
    call.want("w", last_n=2)
    call.adaptation.set_speech_order(["c", "b"])
    call.step()
    assert set(call.seen(watcher)) == {(senders["c"], 30), (senders["b"], 20)}
    call.adaptation.set_speech_order(["d", "c", "b"])
    call.step()
    assert set(call.seen(watcher)) == {(senders["d"], 40), (senders["c"], 30)}
    assert call.model.targets[watcher, senders["b"], 20] == (-1, 0)
    call.want("w", selected_sources=("a-v0",))
    call.step()
    assert set(call.seen(watcher)) == {(senders["a"], 10), (senders["d"], 40)}
    call.adaptation.set_bridge_last_n(1)
    call.step()
    assert set(call.seen(watcher)) == {(senders["a"], 10)}


def test_signalled_last_n_holds_until_the_client_says_otherwise() -> None:
    call = Call()
    for number, name in enumerate("abc", 1):
        call.join(name, given.camera(name, 10 * number))
    watcher = call.join("w")
    call.modify(Endpoint("w", initial_last_n=1))
    call.want("w")
    call.step()
    assert len(call.seen(watcher)) == 1
    call.want("w", last_n=3)
    call.modify(Endpoint("w", initial_last_n=0))
    call.step()
    assert len(call.seen(watcher)) == 3, "what comes late undoes nothing"


def test_source_switched_off_makes_room_for_others() -> None:
    call = Call()
    a = call.join("a", given.camera("a", 10))
    b = call.join("b", given.camera("b", 20))
    watcher = call.join("w")
    call.adaptation.set_speech_order(["a"])
    call.want("w", last_n=1, selected_sources=("a-v0",))
    call.step()
    assert set(call.seen(watcher)) == {(a, 10)}
    call.adaptation.set_video_type("a", "a-v0", VideoType.NONE)
    call.step()
    assert set(call.seen(watcher)) == {(b, 20)}
    call.adaptation.set_video_type("a", "a-v0", VideoType.CAMERA)
    call.step()
    assert set(call.seen(watcher)) == {(a, 10)}


def test_screen_share_is_sent_sharp_beyond_the_budget() -> None:
    call, a, b = two()
    call.arrive(a, 10, 11, 12)
    call.adaptation.set_bandwidth(b, 350_000)
    call.want("b", default_constraints=ALL, on_stage_sources=("a-v0",))
    call.step()
    assert call.seen(b) == {(a, 10): (0, 2)}
    call.adaptation.set_video_type("a", "a-v0", VideoType.DESKTOP)
    call.step()
    assert call.seen(b) == {(a, 10): (2, 0)}


def test_receivers_are_told_what_they_are_sent_when_that_changes() -> None:
    call, _, b = two()
    call.want("b")
    call.step()
    assert call.told(b, wire.ForwardedSources) == [
        wire.ForwardedSources(forwarded_sources=("a-v0",))
    ]
    call.step(6)
    assert call.told(b, wire.ForwardedSources) == []
    call.leave("a")
    call.step()
    assert call.told(b, wire.ForwardedSources) == [wire.ForwardedSources(forwarded_sources=())]


def test_senders_are_told_the_most_that_anyone_wants() -> None:
    call = Call()
    a = call.join("a", given.camera("a", 10, layers=3))
    call.step()
    assert call.told(a, wire.SenderSourceConstraints) == [], "alone: whoever comes may want it"
    call.join("b")
    call.step()

    def told() -> list[int]:
        found = call.told(a, wire.SenderSourceConstraints)
        return [m.max_height for m in found if isinstance(m, wire.SenderSourceConstraints)]

    assert told() == [0]
    call.want("b", default_constraints=SMALL)
    call.step()
    assert told() == [180]
    call.join("c")
    call.want("c", constraints={"a-v0": VideoConstraints(max_height=720)})
    call.step()
    assert told() == [720]
    call.want("b", default_constraints=ALL)
    call.step()
    assert told() == [-1]
    call.leave("b")
    call.step()
    assert told() == [720]
    call.want("c", last_n=0)
    call.step()
    assert told() == [0]


def test_senders_are_spared_the_whims_of_a_client() -> None:
    call, a, _ = two()
    for number in range(100):
        call.want("b", default_constraints=(SMALL, ALL)[number % 2])
        call.step(0.1)
    told = call.told(a, wire.SenderSourceConstraints)
    assert 5 <= len(told) <= 5 + 10 + 1
    call.step(2)
    call.step(0.1)
    assert call.adaptation.channel_opened("a")[0] == fx.say(
        a, wire.SenderSourceConstraints(source_name="a-v0", max_height=-1)
    )


def test_channel_that_opens_late_is_told_what_it_missed() -> None:
    call = Call()
    call.join("b")
    a = call.join("a", given.camera("a", 10), channel=False)
    call.want("b")
    call.step()
    assert call.told(a, wire.SenderSourceConstraints) == []
    call.model.apply(call.adaptation.channel_opened("a"))
    assert [m for t, m in call.model.told if t == a] == [
        wire.SenderSourceConstraints(source_name="a-v0", max_height=180),
        wire.ForwardedSources(forwarded_sources=()),
    ]
    call.model.told.clear()
    call.adaptation.channel_closed("a")
    call.want("b", last_n=0)
    call.step()
    assert call.told(a, wire.SenderSourceConstraints) == []


def test_consent_lost_ends_all_that_is_sent_and_its_return_brings_it_back() -> None:
    call, a, b = two()
    call.want("b")
    call.step()
    conference = call.handler.registry.conferences[0]
    endpoint = conference.find("b")
    assert endpoint is not None
    endpoint.consent_lost = True
    call.model.apply(conference.replan())
    assert [k for k in call.model.subscriptions if k[0] == b] == []
    call.step(6)
    assert [k for k in call.model.subscriptions if k[0] == b] == []
    endpoint.consent_lost = False
    call.model.apply(conference.replan())
    call.step()
    assert set(call.seen(b)) == {(a, 10)}


def test_probing_asks_for_what_is_missing_and_can_be_afforded() -> None:
    call, a, b = two()
    call.arrive(a, 10, 11, 12)
    call.want("b", default_constraints=ALL, on_stage_sources=("a-v0",))
    call.step()
    assert call.model.probing.get(b, 0) == 0, "the ideal is sent already"
    call.adaptation.set_bandwidth(b, 700_000)
    call.step()
    assert call.model.probing[b] == 700_000 - 450_000
    call.adaptation.set_bandwidth(b, 750_000)
    call.step()
    assert call.model.probing[b] == 750_000 - 450_000
    call.adaptation.set_bandwidth(b, 2_500_000)
    call.step()
    assert call.model.probing[b] == 0


def test_statistics_of_those_in_view_are_wanted() -> None:
    call, _, _ = two()
    assert not call.adaptation.wants_stats_of("b", "a")
    call.want("b", selected_sources=("a-v0",), default_constraints=VideoConstraints(max_height=0))
    assert call.adaptation.wants_stats_of("b", "a")
    call.want("b", selected_sources=(), default_constraints=SMALL)
    call.step()
    assert call.adaptation.wants_stats_of("b", "a")
    assert not call.adaptation.wants_stats_of("a", "b")
    assert not call.adaptation.wants_stats_of("a", "nobody")


def test_source_that_comes_back_is_wanted_as_before() -> None:
    call, a, b = two()
    call.want("b")
    call.step()
    call.modify(Endpoint("a", sources=()))
    assert [k for k in call.model.subscriptions if k[0] == b] == []
    call.modify(Endpoint("a", sources=(given.camera("a", 10, layers=3),)))
    call.model.told.clear()
    call.step()
    assert set(call.seen(b)) == {(a, 10)}
    told = call.told(a, wire.SenderSourceConstraints)
    assert told == [wire.SenderSourceConstraints(source_name="a-v0", max_height=180)]


def test_screen_that_replaces_a_camera_under_its_own_name_is_followed() -> None:
    call, a, b = two()
    call.want("b")
    call.step()
    call.modify(Endpoint("a", sources=(given.camera("a", 50, layers=1),)))
    call.step()
    assert set(call.seen(b)) == {(a, 50)}
    subscription = call.model.subscriptions[b, a, 50]
    assert (subscription.out_ssrc, subscription.out_rtx_ssrc) == (50, 51)


def test_other_retransmission_ssrc_is_subscribed_anew() -> None:
    call, a, b = two()
    call.want("b")
    call.step()
    call.modify(Endpoint("a", sources=(given.camera("a", 10, layers=1),)))
    call.step()
    assert call.model.subscriptions[b, a, 10].out_rtx_ssrc == 11


def test_a_receiver_is_not_allocated_for_more_than_ten_times_a_second() -> None:
    call, a, b = two()
    call.want("b", default_constraints=ALL)
    call.step()
    call.arrive(a, 10)
    call.step(0.05)
    assert call.seen(b) == {(a, 10): (2, 2)}
    call.step(0.06)
    assert call.seen(b) == {(a, 10): (0, 2)}


def test_many_receivers_are_served_in_turns() -> None:
    call = Call()
    a = call.join("a", given.camera("a", 10))
    names = [f"w{number}" for number in range(STEP_WORK // 4)]
    watchers = {name: call.join(name) for name in names}
    for name in names:
        call.want(name)
    rounds: list[int] = []
    while not rounds or rounds[-1] < len(names):
        call.step(0.2)
        rounds.append(sum((a, 10) in call.seen(t) for t in watchers.values()))
        assert len(rounds) < 5
    assert len(rounds) > 1
    assert rounds[0] > STEP_WORK // 10


def test_nothing_happens_while_nothing_changes() -> None:
    call, _, _ = two()
    call.want("b")
    call.step()
    call.now += 6
    first = call.handler.registry.step(call.now)
    assert [e for e in first if not isinstance(e, fx.SendMessage)] == []
    assert first == []


def test_time_alone_is_no_reason_to_allocate_for_whom_no_line_limits() -> None:
    call, a, b = two()
    call.arrive(a, 10, 11, 12)
    call.want("b", default_constraints=ALL)
    call.step()
    receiver = call.adaptation.receiver("b")
    assert receiver is not None
    before = receiver.allocation
    call.step(6)
    assert receiver.allocation is before
    call.adaptation.set_bandwidth(b, 600_000)
    call.step()
    limited = receiver.allocation
    call.step(6)
    assert receiver.allocation is not limited
