"""Log lines never show a secret, even when one is passed by mistake."""

import json

import pytest

from octobridge.shell import logs


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
