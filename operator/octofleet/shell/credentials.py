"""A cluster's credentials: the Secret made, put back when it is deleted, and rotated.

Who is on the bridges that use them? A bridge is never told other passwords, and no account goes
that one of them may log in with. What the Secret held is remembered while the operator runs, so
that deleting it breaks nobody.
"""

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from octofleet.api.effective import EffectiveCluster
from octofleet.core.manifests import accounts, mapping, naming, secret
from octofleet.shell import clusters, documents, kube
from octofleet.shell.breweries import Credentials
from octofleet.shell.bridges import Tokens
from octofleet.shell.documents import Document
from octofleet.shell.kube import KubernetesCluster

__all__ = ["ANNOTATION_ROTATE", "Keeper", "Kept", "asked_of", "read", "read_values", "tokens_of"]

ANNOTATION_ROTATE: Final = f"{naming.GROUP}/rotate-credentials"
"""Set on a JitsiCluster by people: another text asks for other passwords."""
PASSWORD_BYTES: Final = 16
TOLD_SECONDS: Final = 900.0
"""So long it's told that the Secret was put back."""
TEXT_LENGTH: Final = 64

Make = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a cluster's Secret holds."""

    values: Mapping[str, str] = field(repr=False)
    """In clear."""
    notes: Mapping[str, str]
    """Its annotations that are the operator's."""
    restored: bool = False
    """It was deleted a while ago, and put back."""

    @property
    def credentials(self) -> Credentials:
        """Return what the operator itself uses."""
        return _credentials(self.values)


class Keeper:
    """Keeps the Secrets of clusters."""

    def __init__(
        self, api: KubernetesCluster, clock: Callable[[], float], make: Make | None = None
    ) -> None:
        self._api = api
        self._clock = clock
        self._make = make or (lambda: secrets.token_hex(PASSWORD_BYTES))
        self._remembered: dict[str, Kept] = {}
        self._restored: dict[str, float] = {}

    async def ensure(self, cluster: EffectiveCluster, asked: str) -> Kept:
        """Return the cluster's passwords: kept, put back where they are gone, else made.

        Args:
            cluster: The cluster.
            asked: What people ask for other passwords with; those made now answer it.

        Raises:
            Refused: The Secret's name is taken by something else's.
        """
        name = naming.secret_name(cluster.name)
        found = await self._api.get(kube.SECRETS, name, cluster.namespace)
        if found is not None:
            clusters.refuse_foreign(found, cluster.uid, "Secret")
        before = self._remembered.get(cluster.uid)
        had = read_values(found)
        known = dict(before.values) if before is not None and found is None else had
        fresh = {key: self._again(before, key) for key in secret.missing_keys(known)}
        values = {**known, **secret.lacking(known, fresh)}
        notes = _notes(found) if found is not None else _notes_of(before, asked)
        await self._write(cluster, found, had, values, notes)
        if found is None and before is not None:
            self._restored[cluster.uid] = self._clock()
        since = self._restored.get(cluster.uid)
        restored = since is not None and self._clock() - since < TOLD_SECONDS
        kept = Kept(values, notes, restored)
        self._remembered[cluster.uid] = kept
        return kept

    async def change(
        self,
        cluster: EffectiveCluster,
        values: Mapping[str, str | None],
        notes: Mapping[str, str],
    ) -> None:
        """Change keys of the Secret, and annotations on it; None takes a key away."""
        data = {key: None if value is None else _encoded(value) for key, value in values.items()}
        body: Document = {"metadata": {"annotations": dict(notes)}, "data": data}
        name = naming.secret_name(cluster.name)
        await self._api.merge(kube.SECRETS, cluster.namespace, name, body)

    def fresh(self) -> str:
        """Return a new password."""
        return self._make()

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a cluster that is gone."""
        self._remembered.pop(uid, None)
        self._restored.pop(uid, None)

    def _again(self, before: Kept | None, key: str) -> str:
        return (before.values.get(key) if before is not None else None) or self._make()

    async def _write(
        self,
        cluster: EffectiveCluster,
        found: Document | None,
        had: Mapping[str, str],
        values: Mapping[str, str],
        notes: Mapping[str, str],
    ) -> None:
        changed = {key: value for key, value in values.items() if had.get(key) != value}
        owner = mapping.cluster_owner(cluster)
        body = secret.build_secret(cluster.name, cluster.namespace, owner, changed, notes)
        if body is None:
            return
        if found is None:
            await self._api.create(kube.SECRETS, cluster.namespace, body)
        else:
            await self.change(cluster, changed, {})


async def read(api: KubernetesCluster, namespace: str, cluster: str) -> Credentials | None:
    """Return a cluster's passwords, None while it has none."""
    values = read_values(await api.get(kube.SECRETS, naming.secret_name(cluster), namespace))
    return None if secret.missing_keys(values) else _credentials(values)


def read_values(found: Document | None) -> dict[str, str]:
    """Return a Secret's values in clear; one that isn't text counts as missing."""
    values: dict[str, str] = {}
    for key, value in documents.texts(found, "data").items():
        try:
            values[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            values[key] = ""
    return values


def asked_of(cluster: Document) -> str:
    """Return what people ask for other passwords with, empty when nobody does."""
    notes = documents.texts(cluster, "metadata", "annotations")
    return notes.get(ANNOTATION_ROTATE, "")[:TEXT_LENGTH]


def _notes(found: Document) -> dict[str, str]:
    notes = documents.texts(found, "metadata", "annotations")
    return {key: notes[key] for key in secret.ANNOTATIONS if key in notes}


def _notes_of(before: Kept | None, asked: str) -> dict[str, str]:
    if before is not None:
        return dict(before.notes)
    return {secret.ANNOTATION_ROTATED: asked} if asked else {}


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _credentials(values: Mapping[str, str]) -> Credentials:
    which = accounts.current(values)
    return Credentials(
        bridge=values[accounts.password_key(naming.KEY_JVB_PASSWORD, which)],
        operator=values[accounts.password_key(naming.KEY_OPERATOR_PASSWORD, which)],
        tokens=tokens_of(values, which),
        generation=which,
    )


def tokens_of(values: Mapping[str, str], which: int) -> Tokens:
    """Return the tokens of every generation that a Secret's data (in clear) holds.

    Args:
        values: The data; it has the token of the generation `which`.
        which: The current generation.
    """
    own = accounts.password_key(naming.KEY_REST_TOKEN, which)
    return Tokens(
        values[own],
        {key: each for key, each in values.items() if key.startswith(naming.KEY_REST_TOKEN)},
    )
