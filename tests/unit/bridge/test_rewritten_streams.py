"""Clients whose SSRCs are rewritten: few slots, told of whenever they change hands."""

import string

from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from tests.unit.bridge import given
from tests.unit.bridge.media_model import Call

from jitsiwire import bridge_channel as wire
from jitsiwire.bridge_channel import VideoConstraints, VideoType
from jitsiwire.colibri2 import MediaSource, Source
from octobridge.core.adaptation import AdaptationPolicy
from octobridge.core.policy import Policy
from octobridge.core.slots import Key, Slot, Slots

TWO_SLOTS = Policy(adaptation=AdaptationPolicy(slots=2))


def video_told(call: Call, transport: int) -> list[wire.VideoSourceMapping]:
    maps = call.told(transport, wire.VideoSourcesMap)
    return [one for m in maps if isinstance(m, wire.VideoSourcesMap) for one in m.mapped_sources]


def audio_told(call: Call, transport: int) -> list[wire.AudioSourceMapping]:
    maps = call.told(transport, wire.AudioSourcesMap)
    return [one for m in maps if isinstance(m, wire.AudioSourcesMap) for one in m.mapped_sources]


def test_picture_takes_a_slot_with_its_own_ssrcs_and_mid() -> None:
    call = Call()
    a = call.join("a", given.camera("a", 10, layers=3))
    b = call.join("b", rewrites=True)
    call.model.told.clear()
    call.want("b")
    call.step()
    (told,) = video_told(call, b)
    subscription = call.model.subscriptions[b, a, 10]
    assert (told.source, told.owner, told.video_type) == ("a-v0", "a", VideoType.CAMERA)
    assert (told.ssrc, told.rtx, told.mid) == (
        subscription.out_ssrc,
        subscription.out_rtx_ssrc,
        subscription.mid,
    )
    assert told.mid == "v0"
    assert len({told.ssrc, told.rtx, 10, 0}) == 4


def test_least_recently_wanted_slot_goes_to_the_newcomer() -> None:
    call = Call(TWO_SLOTS)
    senders = {n: call.join(n, given.camera(n, 10 * i)) for i, n in enumerate("abc", 1)}
    w = call.join("w", rewrites=True)
    watch(call, "b-v0")
    told = {m.source: m for m in video_told(call, w)}
    first, second = told["b-v0"], told["a-v0"]
    watch(call, "a-v0")
    assert video_told(call, w) == [], "the client knew it already"
    watch(call, "c-v0")
    (third,) = video_told(call, w)
    assert (third.source, third.ssrc, third.mid) == ("c-v0", first.ssrc, first.mid)
    assert third.ssrc != second.ssrc
    assert set(call.seen(w)) == {(senders["c"], 30)}
    assert (w, senders["b"], 20) not in call.model.subscriptions


NONE = VideoConstraints(max_height=0)


def watch(call: Call, name: str) -> None:
    only = {name: VideoConstraints(max_height=180)}
    call.want("w", constraints=only, default_constraints=NONE)
    call.step()


def test_clients_know_streams_before_they_want_them() -> None:
    call = Call()
    a = call.join("a", given.camera("a", 10))
    w = call.join("w", rewrites=True)
    call.step()
    (told,) = video_told(call, w)
    assert (told.source, call.seen(w)) == ("a-v0", {})
    call.want("w")
    call.step()
    assert call.model.subscriptions[w, a, 10].out_ssrc == told.ssrc
    assert video_told(call, w) == []


def test_what_shows_nothing_is_told_once_it_shows_something() -> None:
    call = Call()
    for number, name in enumerate("ab", 1):
        call.join(name, given.camera(name, 10 * number))
    call.model.apply(call.adaptation.set_video_type("a", "a-v0", VideoType.NONE))
    w = call.join("w", rewrites=True)
    call.want("w")
    call.step()
    assert {m.source for m in video_told(call, w)} == {"b-v0"}
    call.model.apply(call.adaptation.set_video_type("a", "a-v0", VideoType.CAMERA))
    call.step()
    (told,) = video_told(call, w)
    assert (told.source, told.video_type) == ("a-v0", VideoType.CAMERA)


def test_a_stream_keeps_its_slot_while_it_shows_nothing() -> None:
    call = Call()
    call.join("a", given.camera("a", 10))
    w = call.join("w", rewrites=True)
    call.want("w")
    call.step()
    assert len(video_told(call, w)) == 1
    for shows in (VideoType.NONE, VideoType.CAMERA):
        call.model.apply(call.adaptation.set_video_type("a", "a-v0", shows))
        call.step()
        assert video_told(call, w) == []


def test_no_more_pictures_than_slots_whatever_is_asked() -> None:
    call = Call(TWO_SLOTS)
    for number, name in enumerate("abcd", 1):
        call.join(name, given.camera(name, 10 * number))
    w = call.join("w", rewrites=True)
    call.want("w", last_n=-1)
    call.step()
    assert len(call.seen(w)) == 2


def test_voices_are_mapped_as_soon_as_they_are_announced() -> None:
    call = Call()
    b = call.join("b", rewrites=True)
    a = call.join("a", given.audio("a", 1))
    (told,) = audio_told(call, b)
    assert (told.source, told.owner, told.mid) == ("a-a0", "a", "a0")
    assert call.model.subscriptions[b, a, 1].out_ssrc == told.ssrc != 1
    call.leave("a")
    c = call.join("c", given.audio("c", 1))
    (again,) = audio_told(call, b)
    assert (again.source, again.ssrc) == ("c-a0", told.ssrc), "a slot that is free is used again"
    assert call.model.subscriptions[b, c, 1].out_ssrc == told.ssrc


def test_voices_that_send_go_before_silent_ones_and_speakers_before_both() -> None:
    call = Call(TWO_SLOTS)
    senders = {n: call.join(n, given.audio(n, ord(n))) for n in "abcd"}
    w = call.join("w", rewrites=True)

    def heard() -> set[str]:
        return {n for n, t in senders.items() if (w, t, ord(n)) in call.model.subscriptions}

    assert heard() == {"a", "b"}
    sending = [(senders[n], ord(n)) for n in "cd"]
    call.model.apply(call.adaptation.set_sending_voices(sending))
    assert heard() == {"c", "d"}
    call.model.apply(call.adaptation.set_speech_order(["b"]))
    assert heard() == {"c", "d"}, "who is silent needs no slot"
    call.model.apply(call.adaptation.set_sending_voices([*sending, (senders["b"], ord("b"))]))
    assert "b" in heard()


def test_audio_subscription_limits_what_is_heard_in_both_ways_of_sending() -> None:
    for rewrites in (False, True):
        call = Call()
        senders = {n: call.join(n, given.audio(n, ord(n))) for n in "abc"}
        robot = MediaSource("audio", "r-a0", (Source(9),), synthetic=True)
        senders["r"] = call.join("r", robot)
        w = call.join("w", rewrites=rewrites)

        def ask(wish: wire.ReceiverAudioSubscription, call: Call = call) -> None:
            call.model.apply(call.adaptation.set_audio_subscription("w", wish))

        def heard(call: Call = call, w: int = w, senders: dict[str, int] = senders) -> str:
            of = {transport: name for name, transport in senders.items()}
            found = (
                of[sender] for receiver, sender, _ in call.model.subscriptions if receiver == w
            )
            return "".join(sorted(found))

        assert heard() == "abc"
        ask(wire.ReceiverAudioSubscription(include=("b-a0", "r-a0")))
        assert heard() == "br"
        ask(wire.ReceiverAudioSubscription(all=True, exclude=("b-a0",)))
        assert heard() == "ac"
        ask(wire.ReceiverAudioSubscription(mode=wire.AudioMode.NONE))
        assert heard() == ""
        ask(wire.ReceiverAudioSubscription(all=True))
        assert heard() == "abc"
        call.join("d", given.audio("d", 100))
        senders["d"] = call.transport("d")
        assert heard() == "abcd"


def test_opened_channel_is_told_every_slot() -> None:
    call = Call()
    call.join("a", given.camera("a", 10), given.audio("a", 1))
    call.join("b", given.camera("b", 20), given.audio("b", 2))
    w = call.join("w", rewrites=True, channel=False)
    call.want("w")
    call.step()
    assert call.told(w, wire.VideoSourcesMap) == []
    call.model.apply(call.adaptation.channel_opened("w"))
    told = list(call.model.told)
    assert {m.source for m in video_told(call, w)} == {"a-v0", "b-v0"}
    call.model.told.extend(told)
    assert {m.source for m in audio_told(call, w)} == {"a-a0", "b-a0"}


keys = st.tuples(st.integers(1, 3), st.sampled_from([ord(c) for c in string.ascii_lowercase[:6]]))


@hypothesis_given(
    st.integers(1, 4),
    st.lists(st.tuples(st.lists(keys, max_size=5, unique=True), st.lists(keys, max_size=2))),
)
def test_slots_never_serve_two_and_keep_the_latest(
    capacity: int, rounds: list[tuple[list[Key], list[Key]]]
) -> None:
    slots = Slots(capacity, lambda number: Slot(number + 1))
    holders: dict[int, Key] = {}
    for wanted, gone in rounds:
        for moved in slots.place(wanted):
            if moved.before is not None:
                assert holders[moved.slot.ssrc] == moved.before
                assert moved.before not in wanted[:capacity]
            holders[moved.slot.ssrc] = moved.key
        held = dict(slots.items())
        assert all(key in held for key in wanted[:capacity])
        assert len(held) <= capacity
        assert len({slot.ssrc for slot in held.values()}) == len(held)
        assert all(slot.ssrc <= capacity for slot in held.values())
        for key in gone:
            slots.release(key)
            assert slots.find(key) is None
        holders = {slot.ssrc: key for key, slot in slots.items()}
