"""Pictures in the docs come from the tables in the code."""

from pathlib import Path

from octofleet.api import reference
from octofleet.core import lifecycle

ROOT = Path(__file__).parents[3]


def test_the_lifecycle_page_shows_the_table_of_the_code() -> None:
    page = (ROOT / "docs" / "explanation" / "lifecycle.md").read_text()
    assert lifecycle.diagram().strip() in page


def test_the_resources_page_is_written_from_the_schemas() -> None:
    page = (ROOT / "docs" / "reference" / "resources.md").read_text()
    assert page == reference.page(), (
        "run: python -m octofleet.api.reference > docs/reference/resources.md"
    )
