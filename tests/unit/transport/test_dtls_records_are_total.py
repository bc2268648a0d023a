from hypothesis import given
from hypothesis import strategies as st

from octoengine import dtls_records


def record(kind: int, body: bytes) -> bytes:
    return bytes([kind, 254, 253]) + bytes(8) + len(body).to_bytes(2, "big") + body


RECORD = st.builds(record, st.integers(20, 63), st.binary(max_size=1300))


@given(st.binary(max_size=3000))
def test_any_bytes_split_into_a_prefix_of_themselves(data: bytes) -> None:
    assert data.startswith(b"".join(dtls_records.split(data)))


@given(st.lists(RECORD, max_size=8))
def test_whole_records_survive_splitting_and_packing(records: list[bytes]) -> None:
    assert dtls_records.split(b"".join(records)) == records
    datagrams = dtls_records.pack(records)
    assert [r for datagram in datagrams for r in dtls_records.split(datagram)] == records
    for datagram in datagrams:
        alone = len(dtls_records.split(datagram)) == 1
        assert alone or len(datagram) <= dtls_records.MAX_DATAGRAM_BYTES
