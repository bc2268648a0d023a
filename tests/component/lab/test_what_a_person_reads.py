"""What can't be done is one line that says what to do, and exit status 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from octolab import machine
from octolab.errors import UnmetError


def octolab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "octolab", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("status", "--name", "nolab"), "run 'octolab up'"),
        (("kubeconfig", "--name", "nolab"), "run 'octolab up'"),
        (("load-images", "--name", "nolab"), "run 'octolab up'"),
        (("down", "--name", "../octo"), "lower-case letters"),
        (("kubeconfig", "--name", ""), "lower-case letters"),
    ],
    ids=["status", "kubeconfig", "load-images", "down elsewhere", "no name"],
)
def test_a_lab_that_is_not_there_is_said_in_one_line(arguments: tuple[str, ...], says: str) -> None:
    done = octolab(*arguments)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("octolab: ")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_down_without_a_lab_finds_nothing_left() -> None:
    done = octolab("down", "--name", "nolab")
    assert done.returncode == 0
    assert done.stdout == "lab: processes=0 netns=0 mounts=0 cgroups=0 links=0\n"


def test_go_that_is_missing_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnmetError, match=r"needs Go 1\.24 or newer: install it"):
        machine.check_go()


@pytest.mark.parametrize("version", ["go1.23.9", "go1.9", "devel +abc"])
def test_go_that_is_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    pretend_go(tmp_path, version)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(UnmetError, match=r"needs Go 1\.24 or newer: upgrade it"):
        machine.check_go()


@pytest.mark.parametrize("version", ["go1.24", "go1.26.8", "go2.0"])
def test_go_that_is_new_enough_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    pretend_go(tmp_path, version)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    machine.check_go()


def pretend_go(folder: Path, version: str) -> None:
    program = folder / "go"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)


def test_a_person_without_rights_is_told_to_use_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnmetError, match="sudo"):
        machine.check_root()
