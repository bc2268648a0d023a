"""What belongs to a lab is told from what the kernel says, and nothing else is touched."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from octolab import leftovers
from octolab.leftovers import Leftovers

STATE = Path("/var/lib/octofleet-lab/octo")
MOUNTINFO = """\
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 21 0:30 / /var/lib/octofleet-lab/octo/octo-node1/run/x/rootfs rw - overlay overlay rw
41 40 0:31 / /var/lib/octofleet-lab/octo/octo-node1/run/x/rootfs/proc rw - proc proc rw
42 21 0:32 / /var/lib/octofleet-lab/octo2/octo2-node1/kubelet rw - tmpfs tmpfs rw
43 21 0:4 net:[1] /run/netns/octo-node1 rw - nsfs nsfs rw
44 21 0:4 net:[2] /run/netns/other rw - nsfs nsfs rw
45 21 0:33 / /var/lib/octofleet-lab/octo/with\\040space rw - tmpfs tmpfs rw
short line
"""


def test_the_line_that_down_ends_in() -> None:
    assert str(Leftovers()) == "lab: processes=0 netns=0 mounts=0 cgroups=0 links=0"
    found = Leftovers((1, 2), ("octo-node1",), ("/m",), (), ("octo0",))
    assert str(found) == "lab: processes=2 netns=1 mounts=1 cgroups=0 links=1"
    assert Leftovers().clean
    assert not found.clean


def test_any_single_leftover_is_not_clean() -> None:
    one = ("x",)
    assert not Leftovers(processes=(1,)).clean
    assert not Leftovers(namespaces=one).clean
    assert not Leftovers(mounts=one).clean
    assert not Leftovers(cgroups=one).clean
    assert not Leftovers(links=one).clean


def test_inner_mounts_go_first_and_other_labs_mounts_stay() -> None:
    assert leftovers.mounts_under(MOUNTINFO, STATE, ["octo-node1"]) == (
        "/var/lib/octofleet-lab/octo/octo-node1/run/x/rootfs/proc",
        "/var/lib/octofleet-lab/octo/octo-node1/run/x/rootfs",
        "/var/lib/octofleet-lab/octo/with space",
        "/run/netns/octo-node1",
    )


def test_of_two_mounts_on_one_point_both_are_counted() -> None:
    twice = "1 0 0:1 / /var/lib/octofleet-lab/octo rw - tmpfs tmpfs rw\n" * 2
    assert leftovers.mounts_under(twice, STATE, ()) == (str(STATE), str(STATE))


def test_a_component_is_known_by_its_environment() -> None:
    block = b"PATH=/bin\0OCTOLAB_COMPONENT=octo/kubelet-octo-node1\0HOME=/"
    assert leftovers.component_in(block, "octo") == "kubelet-octo-node1"
    assert leftovers.component_in(block, "oct") is None
    assert leftovers.component_in(block, "octo2") is None
    assert leftovers.component_in(b"X=OCTOLAB_COMPONENT=octo/etcd", "octo") is None
    assert leftovers.component_in(b"", "octo") is None


def test_a_container_is_known_by_its_cgroup() -> None:
    lines = "9:name=systemd:/\n4:memory:/octo-node2/kubepods/burstable/pod1/c\n0::/\n"
    assert leftovers.node_in(lines, "octo") == "octo-node2"
    assert leftovers.node_in(lines, "oct") is None
    assert leftovers.node_in("0::/octo-node1/kubepods/x", "octo") == "octo-node1"
    for other in ("0::/octo-node1x/a", "0::/a/octo-node1", "0::/octo2-node1", "0::/", "", "junk"):
        assert leftovers.node_in(other, "octo") is None


def test_only_own_names_count() -> None:
    entries = ["octo-node1", "octo-node12", "octo-node", "octo-node0", "xocto-node1", "octo2-node1"]
    assert leftovers.namespaces_of(entries, "octo") == ("octo-node1", "octo-node12")
    links = ["octo0", "octo-n1", "octo-n12", "octo1", "octo-n0", "eth0", "octo-nx", "octo00"]
    assert leftovers.links_of(links, "octo") == ("octo-n1", "octo-n12", "octo0")
    found = leftovers.cgroups_of({"/c/memory": ["octo-node1", "user"], "/c/cpu": entries}, "octo")
    assert found == ("/c/cpu/octo-node1", "/c/cpu/octo-node12", "/c/memory/octo-node1")


@given(st.binary(), st.text())
def test_no_environment_or_membership_breaks_the_parsers(block: bytes, text: str) -> None:
    leftovers.component_in(block, "octo")
    leftovers.node_in(text, "octo")
    leftovers.mounts_under(text, STATE, ())
