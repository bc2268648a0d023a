"""What a class should get is counted from what is sent: streams that broke off are missed, too."""

import pytest

from octodemo import classroom


def test_everyone_is_due_voices_the_teacher_and_tiles() -> None:
    voices = (3 * 50 * 119) / 120
    teacher, tiles = 119 * 15 * 3 / 120, 8 * 8
    assert classroom.due(30.0) == pytest.approx(30 * 120 * (voices + teacher + tiles))


def test_what_a_run_without_loss_brought_is_no_less_than_what_was_due() -> None:
    # A run on one bridge, and one on four, in which nothing was lost, brought so much in 30 s.
    for received in (976_715, 963_598):
        assert 0.9 * received < classroom.due(30.0) < received
