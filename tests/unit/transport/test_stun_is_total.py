import random

from hypothesis import given
from hypothesis import strategies as st

from octoengine import ice, stun

UFRAG = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789+/", min_size=4, max_size=20)
PWD = "p" * 22


def framed(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + body


HEADER = st.builds(
    framed,
    st.sampled_from([b"\x00\x01", b"\x01\x01", b"\x01\x11", b"\x00\x11", b"\x00\x03"]),
    st.binary(max_size=400),
)
VALID = stun.binding_request(bytes(12), "abcd:efgh", PWD, {"PRIORITY": 5, "ICE-CONTROLLED": 9})


def agent() -> ice.Agent:
    local = ice.Credentials("abcd", PWD)
    candidates = (ice.LocalCandidate(1, "192.0.2.1", 10000),)
    return ice.Agent(
        ice.Role.CONTROLLING, local, candidates, 0.0, remote=ice.Credentials("efgh", PWD)
    )


@given(st.binary(max_size=2000) | HEADER)
def test_any_bytes_are_a_message_or_none_and_harm_no_agent(data: bytes) -> None:
    message = stun.parse(data)
    assert message is None or not message.is_signed_by(PWD)
    stun.username_fragment(data)
    under_test = agent()
    under_test.receive(data, 1, ("192.0.2.9", 5), 0.0)
    assert under_test.transmits() == []
    assert sum(under_test.dropped.values()) == 1


@given(st.integers(0, len(VALID) - 9), st.integers(1, 255))
def test_a_changed_signed_byte_is_never_believed(position: int, change: int) -> None:
    data = bytearray(VALID)
    data[position] ^= change
    under_test = agent()
    under_test.receive(bytes(data), 1, ("192.0.2.9", 5), 0.0)
    assert under_test.transmits() == []


@given(st.integers(0, len(VALID) - 1))
def test_a_truncated_message_is_never_believed(length: int) -> None:
    assert stun.parse(VALID[:length]) is None


@given(UFRAG, UFRAG)
def test_the_receivers_fragment_is_found(ours: str, theirs: str) -> None:
    data = stun.binding_request(bytes(12), f"{ours}:{theirs}", PWD, {"PRIORITY": 1})
    assert ice.username_fragment(data) == ours


def test_responses_name_no_fragment() -> None:
    assert ice.username_fragment(stun.binding_response(bytes(12), ("1.2.3.4", 5), PWD)) is None


@given(st.text(max_size=40), st.integers(-5, 70000), st.integers(-5, 2**40))
def test_any_candidate_is_used_or_counted(address: str, port: int, priority: int) -> None:
    under_test = agent()
    under_test.add_remote_candidate(ice.RemoteCandidate(address, port, priority))
    under_test.expire(1.0)
    assert len(under_test.transmits()) + sum(under_test.dropped.values()) == 1


def test_credentials_are_long_enough_differ_and_hide() -> None:
    made = {ice.Credentials.generate() for _ in range(100)}
    assert len({c.ufrag for c in made}) == len({c.pwd for c in made}) == 100
    for credentials in made:
        assert len(credentials.pwd) >= 22
        assert credentials.pwd not in repr(credentials)


def test_generation_uses_the_entropy_it_is_given() -> None:
    first = ice.Credentials.generate(random.Random(1).randbytes)
    assert first == ice.Credentials.generate(random.Random(1).randbytes)
    assert first != ice.Credentials.generate(random.Random(2).randbytes)
