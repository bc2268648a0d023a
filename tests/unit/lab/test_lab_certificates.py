"""Who gets which certificate, and that a second run keeps what is good."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from octolab import layout, pki

LAB = layout.plan("octo", "10.77.0.0/16", 2, ("eu",))
WANTED = pki.certificates(LAB)


def named(file: str) -> pki.Certificate:
    return next(each for each in WANTED if each.file == file)


def read(folder: Path, file: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{file}.crt").read_bytes())


def test_the_api_server_answers_to_every_name_it_is_called_by() -> None:
    server = named("apiserver")
    assert set(server.addresses) == {"10.77.0.1", "10.77.240.1", "127.0.0.1"}
    assert {"kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"} <= set(
        server.hosts
    )


def test_a_kubelet_is_the_user_that_the_node_authorizer_expects() -> None:
    client = named("octo-node2")
    assert (client.common_name, client.organization) == ("system:node:octo-node2", "system:nodes")
    assert not client.serves
    assert named("octo-node2-serving").addresses == ("10.77.0.12",)


def test_only_the_administrator_and_the_api_server_are_masters() -> None:
    masters = {each.file for each in WANTED if each.organization == "system:masters"}
    assert masters == {"admin", "kubelet-client"}


def test_the_authority_signs_all_and_all_can_log_in(tmp_path: Path) -> None:
    assert pki.issue_missing(tmp_path, WANTED) == len(WANTED)
    authority = read(tmp_path, "ca")
    for each in WANTED:
        found = read(tmp_path, each.file)
        found.verify_directly_issued_by(authority)
        usages = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert ExtendedKeyUsageOID.CLIENT_AUTH in usages
        assert (ExtendedKeyUsageOID.SERVER_AUTH in usages) == each.serves
        (name,) = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert name.value == each.common_name


def test_a_second_run_changes_no_file(tmp_path: Path) -> None:
    pki.issue_missing(tmp_path, WANTED)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert pki.issue_missing(tmp_path, WANTED) == 0
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("damage", ["removed", "emptied", "garbled", "key removed"])
def test_a_damaged_certificate_alone_is_issued_anew(tmp_path: Path, damage: str) -> None:
    pki.issue_missing(tmp_path, WANTED)
    others = read(tmp_path, "admin").serial_number
    file = tmp_path / "apiserver.crt"
    match damage:
        case "removed":
            file.unlink()
        case "emptied":
            file.write_bytes(b"")
        case "garbled":
            file.write_bytes(file.read_bytes()[:100])
        case _:
            (tmp_path / "apiserver.key").unlink()
    assert pki.issue_missing(tmp_path, WANTED) == 1
    read(tmp_path, "apiserver").verify_directly_issued_by(read(tmp_path, "ca"))
    assert read(tmp_path, "admin").serial_number == others


def test_a_server_that_got_another_address_gets_another_certificate(tmp_path: Path) -> None:
    pki.issue_missing(tmp_path, WANTED)
    moved = pki.Certificate("etcd", "etcd", addresses=("10.99.0.1",), hosts=("localhost",))
    assert pki.issue_missing(tmp_path, (moved,)) == 1


def test_another_authority_makes_all_certificates_due(tmp_path: Path) -> None:
    pki.issue_missing(tmp_path, WANTED)
    (tmp_path / "ca.key").unlink()
    assert pki.issue_missing(tmp_path, WANTED) == len(WANTED)


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    pki.issue_missing(folder, WANTED)
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
