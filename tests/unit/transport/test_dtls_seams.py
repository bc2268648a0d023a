"""Fails when a release of aiortc moves the private parts that octoengine.sctp stands on."""

import inspect
import re
from importlib.metadata import version

import pytest
from aiortc.rtcsctptransport import RTCSctpTransport

from octoengine import dtls, sctp


def test_the_pinned_release_is_the_one_in_use() -> None:
    assert version("aiortc").startswith("1.16."), "read the seams again before widening the pin"


@pytest.mark.parametrize(
    ("name", "parameters", "is_async"),
    [
        ("_handle_data", ["self", "data"], True),
        ("start", ["self", "remoteCaps", "remotePort"], True),
        ("stop", ["self"], True),
    ],
)
def test_a_method_is_where_it_was(name: str, parameters: list[str], is_async: bool) -> None:
    method = getattr(RTCSctpTransport, name)
    assert list(inspect.signature(method).parameters) == parameters
    assert inspect.iscoroutinefunction(method) is is_async


async def test_the_private_attributes_are_where_they_were() -> None:
    own = dtls.fingerprint(dtls.process_certificate())
    association = sctp.Association(dtls.Dtls("client", [own], lambda _: None, lambda _: None))
    for name in (
        "_advertised_rwnd",
        "_data_channel_queue",
        "_data_channels",
        "_inbound_streams",
        "_sack_misordered",
    ):
        assert name in vars(association)


def test_sctp_uses_nothing_of_dtls_beyond_the_carriers_shape() -> None:
    source = inspect.getsource(RTCSctpTransport)
    used = set(re.findall(r"(?:self\.__transport|self\.transport|\btransport)\.(\w+)", source))
    assert used == {
        "state",
        "_role",
        "_send_data",
        "_register_data_receiver",
        "_unregister_data_receiver",
    }
    for name in used:
        assert hasattr(sctp.Carrier, name)
