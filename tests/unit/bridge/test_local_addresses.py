"""Which addresses the bridge listens on when it isn't told."""

import ifaddr
import pytest

from octobridge.shell.addresses import listened_on, usable_addresses


def adapter(name: str, *ips: str) -> ifaddr.Adapter:
    return ifaddr.Adapter(
        name, name, [ifaddr.IP((ip, 0, 0) if ":" in ip else ip, 24, name) for ip in ips]
    )


def given_adapters(monkeypatch: pytest.MonkeyPatch, *adapters: ifaddr.Adapter) -> None:
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: adapters)


def test_real_interfaces_are_used_ipv4_first(monkeypatch: pytest.MonkeyPatch) -> None:
    given_adapters(
        monkeypatch,
        adapter("lo", "127.0.0.1", "::1"),
        adapter("eth0", "fd00::7", "10.0.0.7", "fe80::7", "169.254.1.1"),
        adapter("eth1", "203.0.113.9"),
        adapter("docker0", "172.17.0.1"),
        adapter("veth12", "10.9.9.9"),
        adapter("cni0", "10.244.1.1"),
    )
    assert usable_addresses() == ("10.0.0.7", "203.0.113.9", "fd00::7")


def test_loopback_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    given_adapters(monkeypatch, adapter("lo", "127.0.0.1"))
    assert usable_addresses() == ("127.0.0.1",)


def test_this_machine_has_at_least_one() -> None:
    assert usable_addresses()


def test_named_addresses_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    given_adapters(monkeypatch, adapter("eth0", "10.0.0.7"))
    assert listened_on(()) == ("10.0.0.7",)
    assert listened_on(("127.0.0.1", "10.0.0.9")) == ("127.0.0.1", "10.0.0.9")


def test_unspecified_addresses_stand_for_the_usable_ones_of_their_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_adapters(monkeypatch, adapter("eth0", "10.0.0.7", "10.0.0.8", "fd00::7"))
    assert listened_on(("0.0.0.0",)) == ("10.0.0.7", "10.0.0.8")
    assert listened_on(("::",)) == ("fd00::7",)
    assert listened_on(("10.0.0.8", "0.0.0.0", "::")) == ("10.0.0.8", "10.0.0.7", "fd00::7")
