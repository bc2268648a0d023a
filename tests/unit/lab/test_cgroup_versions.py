"""A node's cgroup is made and found on version 1 (a folder a controller) and on version 2."""

from pathlib import Path

from octolab import cgroups


def version_1(root: Path) -> Path:
    for controller in ("cpu", "cpuset", "memory", "unified"):
        (root / controller).mkdir(parents=True)
        (root / controller / "cgroup.procs").touch()
    (root / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (root / "cpuset" / "cpuset.mems").write_text("0\n")
    (root / "cpuacct").symlink_to("cpu")
    (root / "plain-folder").mkdir()
    return root


def version_2(root: Path) -> Path:
    root.mkdir()
    (root / "cgroup.procs").touch()
    (root / "cgroup.controllers").write_text("cpuset cpu memory pids\n")
    (root / "cgroup.subtree_control").write_text("memory\n")
    return root


def test_version_1_gets_one_in_each_hierarchy_and_links_count_once(tmp_path: Path) -> None:
    root = version_1(tmp_path / "cgroup")
    cgroups.make("octo-node1", root)
    assert cgroups.existing("octo", root) == tuple(
        str(root / each / "octo-node1") for each in ("cpu", "cpuset", "memory", "unified")
    )


def test_an_empty_cpuset_is_filled_and_a_chosen_one_is_kept(tmp_path: Path) -> None:
    root = version_1(tmp_path / "cgroup")
    node = root / "cpuset" / "octo-node1"
    node.mkdir()
    # The kernel makes these files with the folder.
    (node / "cpuset.cpus").write_text("\n")
    (node / "cpuset.mems").write_text("1\n")
    cgroups.make("octo-node1", root)
    assert (node / "cpuset.cpus").read_text() == "0-1\n"
    assert (node / "cpuset.mems").read_text() == "1\n"


def test_version_2_gets_one_with_the_controllers_handed_on(tmp_path: Path) -> None:
    root = version_2(tmp_path / "cgroup")
    cgroups.make("octo-node1", root)
    assert cgroups.existing("octo", root) == (str(root / "octo-node1"),)
    # Each write is one command to the kernel; the last one stands in a plain file.
    assert (root / "cgroup.subtree_control").read_text() == "+pids"


def test_removal_goes_inside_out_and_spares_other_labs(tmp_path: Path) -> None:
    root = version_2(tmp_path / "cgroup")
    for folder in ("octo-node1/kubepods/pod1/container", "octo-node2", "other-node1", "user"):
        (root / folder).mkdir(parents=True)
    cgroups.remove("octo", root, patience=0.2)
    assert cgroups.existing("octo", root) == ()
    assert (root / "other-node1").exists()
    assert (root / "user").exists()


def test_a_machine_without_cgroups_has_none(tmp_path: Path) -> None:
    assert cgroups.existing("octo", tmp_path / "missing") == ()
