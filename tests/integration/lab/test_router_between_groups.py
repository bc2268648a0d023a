"""What lies between groups of ports is theirs alone, and counted."""

from collections.abc import Iterator

import pytest
from tests.integration.lab.test_router import ask, echoing

from octolab.router import PortSettings, Router, Shape

HERE, BESIDE, FAR = "10.97.1.2", "10.97.2.2", "10.97.3.2"
PORTS = (
    PortSettings("g1here", f"{HERE}/24", group="eu"),
    PortSettings("g1beside", f"{BESIDE}/24", group="eu"),
    PortSettings("g1far", f"{FAR}/24", group="us"),
)


@pytest.fixture
def router() -> Iterator[Router]:
    with Router(PORTS, seed=5) as made:
        others = [
            echoing(made.namespace("g1beside"), BESIDE),
            echoing(made.namespace("g1far"), FAR),
        ]
        try:
            yield made
        finally:
            for process in others:
                process.kill()
                process.communicate()


def test_losses_hit_only_what_passes_between_the_groups(router: Router) -> None:
    router.line("eu", "us", Shape(loss=0.3, delay_ms=5))
    router.line("us", "eu", Shape())
    here = router.namespace("g1here")
    assert ask(here, 200, 0.001, BESIDE) == list(range(200))
    came = ask(here, 400, 0.001, FAR)
    counts = router.line_counts()
    lost = counts["eu", "us"].lost
    assert 60 < lost < 180
    assert len(came) == 400 - lost
    assert counts["us", "eu"].forwarded == 400 - lost
    assert counts["us", "eu"].lost == 0


def test_a_line_may_change_while_it_stands(router: Router) -> None:
    router.line("eu", "us", Shape(loss=1))
    assert ask(router.namespace("g1here"), 20, 0.001, FAR) == []
    router.line("eu", "us", Shape())
    assert ask(router.namespace("g1here"), 20, 0.001, FAR) == list(range(20))
