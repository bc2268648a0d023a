"""Log lines never show a secret, even when one is passed by mistake."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from octobridge.shell import logs


@pytest.fixture(autouse=True)
def configuration_of_before() -> Iterator[None]:
    """Put logging back: other tests log as the test runner wants."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def test_secrets_passed_by_mistake_are_blanked(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.logger("test").info("Hello", ice_pwd="s3cret", token="s3cret", transport=7)
    line = json.loads(capsys.readouterr().out)
    assert line["event"] == "Hello"
    assert line["transport"] == 7
    assert line["area"] == "test"
    assert "s3cret" not in json.dumps(line)


def test_lower_levels_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    logs.logger("test").info("Hello")
    assert capsys.readouterr().out == ""


def test_libraries_that_print_stanzas_are_silent_and_bugs_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("debug")
    logging.getLogger("slixmpp.xmlstream").error("Parse error: <transport pwd='s3cret'/>")
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["Task exception was never retrieved"]
    assert lines[0]["level"] == "error"
