"""A step runs when its inputs change or its product is gone, and never else."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from octolab import cache, wheels
from octolab.cache import Cache, fingerprint, is_due
from octolab.errors import LabError
from octolab.progress import Progress
from octolab.steps import Step, run_step


class Counted:
    """A step that counts how often it ran and may be told to fail."""

    def __init__(self, folder: Path) -> None:
        self.runs = 0
        self.fails = False
        self.inputs = "one"
        self.product = folder / "product"
        self.cache = Cache(folder / "cache")

    def make(self) -> None:
        self.runs += 1
        self.product.write_text(self.inputs)
        if self.fails:
            raise LabError("no luck")

    def run(self) -> int:
        step = Step("thing", lambda: self.inputs, lambda: cache.all_exist(self.product), self.make)
        run_step(step, self.cache, Progress(Console(file=io.StringIO())))
        return self.runs


def test_a_step_runs_once_until_its_inputs_change(tmp_path: Path) -> None:
    step = Counted(tmp_path)
    assert [step.run(), step.run()] == [1, 1]
    step.inputs = "two"
    assert [step.run(), step.run()] == [2, 2]


def test_a_step_whose_product_is_gone_runs_again(tmp_path: Path) -> None:
    step = Counted(tmp_path)
    step.run()
    step.product.unlink()
    assert step.run() == 2


def test_a_step_that_failed_is_due_though_its_product_is_there(tmp_path: Path) -> None:
    step = Counted(tmp_path)
    step.run()
    step.inputs, step.fails = "two", True
    with pytest.raises(LabError):
        step.run()
    step.fails = False
    step.inputs = "one"
    assert step.run() == 3


def test_nothing_finished_is_always_due() -> None:
    assert is_due("stamp", "", stands=True)
    assert is_due("stamp", "stamp", stands=False)
    assert not is_due("stamp", "stamp", stands=True)


def test_a_fingerprint_sees_content_names_and_words_but_no_build_leftovers(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.py").write_text("a")
    first = fingerprint([folder], "word")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.cpython-311.pyc").write_text("x")
    (folder / "target").mkdir()
    (folder / "target" / "x.rs").write_text("x")
    (folder / "native.so").write_text("x")
    assert fingerprint([folder], "word") == first
    assert fingerprint([folder], "other") != first
    assert fingerprint([folder], "wo", "rd") != first
    (folder / "deep" / "a.py").rename(folder / "deep" / "b.py")
    renamed = fingerprint([folder], "word")
    assert renamed != first
    (folder / "deep" / "b.py").write_text("b")
    assert fingerprint([folder], "word") not in (first, renamed)


def test_a_fingerprint_of_a_file_sees_its_executable_bit(tmp_path: Path) -> None:
    file = tmp_path / "run.sh"
    file.write_text("true")
    before = fingerprint([file])
    file.chmod(0o755)
    assert fingerprint([file]) != before


LOCK = """\
# made by a tool
one==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
two==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:cc
two==3.0 ; python_full_version >= '3.12' \\
    --hash=sha256:dd
three==3.0 \\
    --hash=sha256:ee
"""


def test_of_the_lock_only_wanted_packages_are_taken_with_their_hashes() -> None:
    taken = wheels.only(LOCK, {"one", "two"})
    assert [line.split()[0] for line in taken.splitlines() if "==" in line.split()[0]] == [
        "one==1.0",
        "two==2.0",
        "two==3.0",
    ]
    assert all(f"sha256:{value}" in taken for value in ("aa", "bb", "cc", "dd"))
    assert "sha256:ee" not in taken


def test_a_package_that_the_lock_lacks_is_named() -> None:
    with pytest.raises(LabError, match="lacks four"):
        wheels.only(LOCK, {"one", "four"})
