"""Letting regions elsewhere in: the gateway's credentials and objects, kept or removed."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from octofleet.api.effective import EffectiveCluster
from octofleet.core.manifests import gateway, mapping, naming
from octofleet.shell import clusters, documents, kube
from octofleet.shell.clusters import Child
from octofleet.shell.documents import Document
from octofleet.shell.kube import Kind, KubernetesCluster

__all__ = ["ensure", "new_certificate"]

TOKEN_BYTES: Final = 32
VALID_DAYS: Final = 3650
NAME: Final = "octofleet-gateway"


async def ensure(api: KubernetesCluster, cluster: EffectiveCluster) -> None:
    """Keep the gateway as it should be, or take away what is left of one.

    Raises:
        Refused: An object of its is someone else's.
    """
    kind = cluster.remote_service
    if kind is None:
        await _remove(api, cluster)
        return
    credentials = await _ensure_credentials(api, cluster)
    owner = mapping.cluster_owner(cluster)
    name, namespace = cluster.name, cluster.namespace
    for child in (
        Child(kube.SERVICES, gateway.build_gateway_service(name, namespace, owner, kind)),
        Child(kube.SERVICES, gateway.build_remote_prosody_service(name, namespace, owner, kind)),
        Child(
            kube.DEPLOYMENTS,
            gateway.build_gateway(name, namespace, owner, cluster.gateway_image, credentials),
        ),
    ):
        await clusters.ensure_child(api, child, namespace, cluster.uid)


async def _ensure_credentials(api: KubernetesCluster, cluster: EffectiveCluster) -> str:
    """Make them where there are none; return which state of their Secret holds.

    They are made once: whoever has joined holds the certificate and a token. Who deletes the
    Secret shuts everybody out.
    """
    name = naming.gateway_name(cluster.name)
    found = await api.get(kube.SECRETS, name, cluster.namespace)
    if found is not None:
        clusters.refuse_foreign(found, cluster.uid, "Secret")
        return _state(found)
    certificate, key = new_certificate(datetime.now(UTC))
    token = secrets.token_hex(TOKEN_BYTES)
    owner = mapping.cluster_owner(cluster)
    body = gateway.build_credentials(
        cluster.name, cluster.namespace, owner, token, certificate, key
    )
    return _state(await api.create(kube.SECRETS, cluster.namespace, body))


def _state(secret: Document) -> str:
    version = documents.text(secret, "metadata", "resourceVersion") or ""
    return f"{documents.uid_of(secret)}.{version}"


async def _remove(api: KubernetesCluster, cluster: EffectiveCluster) -> None:
    """Delete what regions elsewhere came in by; the credentials stay, should they come again."""
    gone: tuple[tuple[Kind, str], ...] = (
        (kube.DEPLOYMENTS, naming.gateway_name(cluster.name)),
        (kube.SERVICES, naming.gateway_name(cluster.name)),
        (kube.SERVICES, naming.remote_prosody_name(cluster.name)),
    )
    for kind, name in gone:
        found = await api.get(kind, name, cluster.namespace)
        uid = documents.text(found, "metadata", "uid")
        if found is not None and uid is not None and clusters.is_owned(found, cluster.uid):
            await api.delete(kind, cluster.namespace, name, uid)


def new_certificate(now: datetime) -> tuple[str, str]:
    """Return a certificate that signs itself and its key, as PEM.

    Those who join are told the certificate itself and trust no other, so neither its name nor
    who signed it matters.
    """
    # Here and not above: only clusters that let regions elsewhere in need it.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
