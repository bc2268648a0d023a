"""Certificates of the lab: who needs one, with which names, all signed by one authority.

`certificates` decides; `issue_missing` writes. A certificate that stands, is still valid and has
the wanted names is kept, so a second run changes nothing.
"""

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from octolab.layout import Layout

__all__ = ["Certificate", "certificates", "issue_missing"]

AUTHORITY = "octofleet-lab"
LIFETIME = datetime.timedelta(days=365)
RENEW_BEFORE = datetime.timedelta(days=30)
FIVE_MINUTES = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that the lab needs: file name, subject and the names it answers to."""

    file: str
    common_name: str
    organization: str | None = None
    addresses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def serves(self) -> bool:
        """Tell whether it is a server's certificate."""
        return bool(self.addresses or self.hosts)


def certificates(layout: Layout) -> tuple[Certificate, ...]:
    """Return every certificate a lab needs, control plane first."""
    control = str(layout.control_address)
    return (
        Certificate(
            "apiserver",
            "kube-apiserver",
            addresses=(control, str(layout.api_service_address), "127.0.0.1"),
            hosts=("localhost", *service_names("kubernetes", "default")),
        ),
        Certificate("etcd", "etcd", addresses=(control,), hosts=("localhost",)),
        Certificate("etcd-client", "kube-apiserver-etcd-client"),
        Certificate("kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
        Certificate("front-proxy-client", "front-proxy-client"),
        Certificate("admin", "octolab-admin", "system:masters"),
        Certificate("kube-controller-manager", "system:kube-controller-manager"),
        Certificate("kube-scheduler", "system:kube-scheduler"),
        Certificate("kube-proxy", "system:kube-proxy"),
        Certificate(
            "metrics-server",
            "metrics-server",
            hosts=service_names("metrics-server", "kube-system"),
        ),
        *(
            Certificate(node.name, f"system:node:{node.name}", "system:nodes")
            for node in layout.nodes
        ),
        *(
            Certificate(
                f"{node.name}-serving",
                f"system:node:{node.name}",
                "system:nodes",
                addresses=(str(node.address),),
                hosts=(node.name,),
            )
            for node in layout.nodes
        ),
    )


def service_names(service: str, namespace: str) -> tuple[str, ...]:
    """Return every name a Service may be called by inside the cluster."""
    qualified = f"{service}.{namespace}"
    return (service, qualified, f"{qualified}.svc", f"{qualified}.svc.cluster.local")


def issue_missing(folder: Path, wanted: tuple[Certificate, ...]) -> int:
    """Write the authority, the service accounts' key and each certificate that is due.

    Returns:
        How many certificates were written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = datetime.datetime.now(datetime.UTC)
    authority_key, authority = load_or_make_authority(folder, now)
    ensure_service_account_key(folder)
    written = 0
    for certificate in wanted:
        if not is_current(folder, certificate, authority, now):
            issue(folder, certificate, authority_key, authority, now)
            written += 1
    return written


def load_or_make_authority(
    folder: Path, now: datetime.datetime
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Return the authority's key and certificate, made on the first run."""
    key_file, certificate_file = folder / "ca.key", folder / "ca.crt"
    if key_file.exists() and certificate_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key, x509.load_pem_x509_certificate(certificate_file.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY)])
    certificate = (
        builder(name, name, key.public_key(), now, 10 * LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The key first: a certificate on disk then always has its key beside it.
    write_secret(key_file, pem_of(key))
    write_secret(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
    return key, certificate


def ensure_service_account_key(folder: Path) -> None:
    """Make the key pair that signs service accounts' tokens, once."""
    private, public = folder / "service-account.key", folder / "service-account.pub"
    if private.exists() and public.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    write_secret(private, pem_of(key))
    write_secret(
        public,
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )


def is_current(
    folder: Path, wanted: Certificate, authority: x509.Certificate, now: datetime.datetime
) -> bool:
    """Tell whether the certificate on disk is ours, valid for long enough and as wanted."""
    file = folder / f"{wanted.file}.crt"
    if not file.exists() or not (folder / f"{wanted.file}.key").exists():
        return False
    try:
        found = x509.load_pem_x509_certificate(file.read_bytes())
        found.verify_directly_issued_by(authority)
    except Exception:  # any damage means the same: write it anew
        return False
    fresh = found.not_valid_after_utc - now > RENEW_BEFORE
    return fresh and found.subject == subject_of(wanted) and names_in(found) == names_of(wanted)


def issue(
    folder: Path,
    wanted: Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    now: datetime.datetime,
) -> None:
    """Write one certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if wanted.serves:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    draft = (
        builder(subject_of(wanted), authority.subject, key.public_key(), now, LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
    )
    if wanted.serves:
        draft = draft.add_extension(x509.SubjectAlternativeName(names_of(wanted)), critical=False)
    certificate = draft.sign(authority_key, hashes.SHA256())
    write_secret(folder / f"{wanted.file}.key", pem_of(key))
    write_secret(
        folder / f"{wanted.file}.crt", certificate.public_bytes(serialization.Encoding.PEM)
    )


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    lifetime: datetime.timedelta,
) -> x509.CertificateBuilder:
    """Return a certificate's draft with what all have in common."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - FIVE_MINUTES)
        .not_valid_after(now + lifetime)
    )


def subject_of(wanted: Certificate) -> x509.Name:
    """Return the subject: Kubernetes reads groups from O and the user from CN."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, wanted.common_name)]
    if wanted.organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, wanted.organization))
    return x509.Name(parts)


def names_of(wanted: Certificate) -> list[x509.GeneralName]:
    """Return the subject's alternative names in the order written."""
    hosts: list[x509.GeneralName] = [x509.DNSName(host) for host in wanted.hosts]
    return hosts + [x509.IPAddress(ipaddress.ip_address(each)) for each in wanted.addresses]


def names_in(certificate: x509.Certificate) -> list[x509.GeneralName]:
    """Return the alternative names of a certificate, none if it has no such extension."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return list(extension.value)


def usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Return the key usage of the authority or of anyone else."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as unencrypted PEM (SEC 1, which Go's TLS reads)."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
