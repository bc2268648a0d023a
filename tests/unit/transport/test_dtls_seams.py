"""Fails when a release of aiortc moves the private parts that octoengine.dtls stands on."""

import inspect
from importlib.metadata import version

import pytest
from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import RTCDtlsTransport

from octoengine import dtls


def test_the_pinned_release_is_the_one_in_use() -> None:
    assert version("aiortc").startswith("1.16."), "read the seams again before widening the pin"


@pytest.mark.parametrize(
    ("name", "parameters", "is_async"),
    [
        ("_set_role", ["self", "role"], False),
        ("_set_state", ["self", "state"], False),
        ("_setup_srtp", ["self"], False),
        ("_validate_peer_identity", ["self", "remoteParameters"], False),
        ("_write_ssl", ["self"], True),
        ("_recv_next", ["self"], True),
        ("_send_data", ["self", "data"], True),
        ("_register_data_receiver", ["self", "receiver"], False),
        ("_unregister_data_receiver", ["self", "receiver"], False),
        ("start", ["self", "remoteParameters"], True),
        ("stop", ["self"], True),
    ],
)
def test_a_private_method_is_where_it_was(name: str, parameters: list[str], is_async: bool) -> None:
    method = getattr(RTCDtlsTransport, name)
    assert list(inspect.signature(method).parameters) == parameters
    assert inspect.iscoroutinefunction(method) is is_async


def test_the_private_attributes_are_where_they_were() -> None:
    end = dtls.Dtls("client", [], lambda _: None, lambda _: None)
    for name in ("_ssl", "_state", "_role", "_task", "_data_receiver", "_srtp_profiles"):
        assert name in vars(end.transport)


def test_the_transport_uses_nothing_of_ice_beyond_the_channels_shape() -> None:
    source = inspect.getsource(RTCDtlsTransport)
    used = {part.split("(")[0].split()[0] for part in source.split("self.transport.")[1:]}
    assert {name.rstrip(",):") for name in used} == {"role", "_recv", "_send"}


def test_srtp_is_set_up_between_the_identity_check_and_the_connected_state() -> None:
    source = inspect.getsource(RTCDtlsTransport.start)
    order = [source.index(s) for s in ("_validate_peer_identity", "_setup_srtp", "CONNECTED)")]
    assert order == sorted(order)


def test_profiles_name_their_lengths() -> None:
    profile = rtcdtlstransport.SRTP_AEAD_AES_128_GCM
    assert profile.openssl_profile == b"SRTP_AEAD_AES_128_GCM"
    assert (profile.key_length, profile.salt_length) == (16, 12)
    assert profile.get_key_and_salt(bytes(range(56)), 1) == bytes(range(16, 32)) + bytes(
        range(44, 56)
    )
