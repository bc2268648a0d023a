"""The quick form of `make prove-loss`: a browser's call across a router that loses packets."""

import re

from rich.console import Console

from octodemo.loss import prove_loss


async def test_a_call_holds_across_a_network_that_loses_one_packet_in_twenty() -> None:
    line = await prove_loss(Console(quiet=True), seconds=8)
    assert re.fullmatch(r"loss: injected=0\.0[3-7] decoded=(0\.9[5-9]|1\.\d\d) rtx=\d+", line)
