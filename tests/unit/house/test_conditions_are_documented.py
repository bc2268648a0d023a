"""The page on conditions names every type there is, and every mistake that can be proven."""

from pathlib import Path

from octodemo.doctor_mistakes import MISTAKES
from octofleet.core.conditions import ConditionType, Reason

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "conditions.md").read_text()


def test_every_type_of_condition_is_on_the_page() -> None:
    assert [each.value for each in ConditionType if f"| `{each.value}` |" not in PAGE] == []


def test_every_mistake_that_is_proven_is_on_the_page_and_a_reason() -> None:
    assert [each.name for each in MISTAKES if f"| `{each.name}` |" not in PAGE] == []
    assert {each.name for each in MISTAKES} <= {each.value for each in Reason}
