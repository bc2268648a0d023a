"""How much padding is asked for, so that a line shows whether it has room for more."""

import pytest
from tests.unit.bridge import given
from tests.unit.bridge.media_model import Call

from jitsiwire.bridge_channel import VideoConstraints

ALL = VideoConstraints(max_height=-1)


@pytest.mark.parametrize("rewrites", [False, True])
def test_a_line_too_thin_for_any_video_is_padded_where_video_would_go(*, rewrites: bool) -> None:
    call = Call()
    a = call.join("a", given.camera("a", 10, layers=3))
    b = call.join("b", rewrites=rewrites)
    call.adaptation.set_bandwidth(b, 30_000)
    call.arrive(a, 10, 11, 12)
    call.want("b", default_constraints=ALL, on_stage_sources=("a-v0",))
    call.step()
    assert call.model.probing[b] == 30_000
    assert list(call.model.subscriptions) == [(b, a, 10)]
    assert call.seen(b) == {}
    call.adaptation.set_bandwidth(b, 5_000_000)
    call.step()
    assert call.seen(b)[a, 10][0] == 2
