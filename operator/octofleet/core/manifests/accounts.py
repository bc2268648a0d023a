"""Accounts on Prosody by generation, and where their passwords are in a cluster's Secret.

The token of the bridges' REST goes with them: a bridge asks for that of its own generation, and the
operator, which reads off the pod which one that is, can act on each bridge to the end.

Bridges keep the name and password they started with for as long as they live, and log in with them
again after each loss of connection. So passwords never change: another generation has accounts of
its own, beside the one before, which goes when nobody uses it any more. The first generation's
names are those of the stock images.
"""

import re
from collections.abc import Mapping
from typing import Final

from octofleet.core.manifests import naming

__all__ = [
    "CURRENT_KEYS",
    "FIRST",
    "KEY_GENERATION",
    "bridge_user",
    "current",
    "current_values",
    "generation_of",
    "generations",
    "keys",
    "operator_user",
    "password_key",
    "password_keys",
]

FIRST: Final = 1
KEY_GENERATION: Final = "generation"
"""Which generation is the current one; left out, it's the first."""
KEY_BRIDGE_USER: Final = "JVB_AUTH_USER"
KEY_OPERATOR_USER: Final = "OCTOFLEET_AUTH_USER"
CURRENT_KEYS: Final[Mapping[str, str]] = {
    KEY_BRIDGE_USER: KEY_BRIDGE_USER,
    naming.KEY_JVB_PASSWORD: f"{naming.KEY_JVB_PASSWORD}.current",
    KEY_OPERATOR_USER: KEY_OPERATOR_USER,
    naming.KEY_OPERATOR_PASSWORD: f"{naming.KEY_OPERATOR_PASSWORD}.current",
}
"""Variable of Prosody -> key: what it registers when it starts, whichever generation is current."""
ROTATED: Final = (naming.KEY_JVB_PASSWORD, naming.KEY_OPERATOR_PASSWORD)
LATER: Final = re.compile(re.escape(naming.KEY_JVB_PASSWORD) + r"\.([1-9][0-9]{0,5})")
USER: Final = re.compile(
    rf"(?:{naming.BRIDGE_USER}|{naming.OPERATOR_USER})(?:-([1-9][0-9]{{0,5}}))?"
)


def bridge_user(generation: int) -> str:
    """Return the bridges' account of a generation."""
    return _named(naming.BRIDGE_USER, generation)


def operator_user(generation: int) -> str:
    """Return the operator's own account of a generation."""
    return _named(naming.OPERATOR_USER, generation)


def generation_of(user: str) -> int | None:
    """Return which generation an account is of; None: it's none of ours."""
    found = USER.fullmatch(user)
    return None if found is None else int(found.group(1) or FIRST)


def password_key(key: str, generation: int) -> str:
    """Return the key of a generation's password; `key` is the first generation's."""
    return key if generation == FIRST else f"{key}.{generation}"


def password_keys(generation: int) -> tuple[str, ...]:
    """Return the keys of the passwords of a generation's accounts."""
    return tuple(password_key(key, generation) for key in ROTATED)


def keys(generation: int) -> tuple[str, ...]:
    """Return the keys of all that goes with a generation: passwords, and the REST's token."""
    return (*password_keys(generation), password_key(naming.KEY_REST_TOKEN, generation))


def current(data: Mapping[str, str]) -> int:
    """Return the current generation of a Secret's data in clear."""
    told = data.get(KEY_GENERATION, "")
    fits = told.isascii() and told.isdigit() and len(told) <= 6
    return max(FIRST, int(told)) if fits else FIRST


def generations(data: Mapping[str, str]) -> frozenset[int]:
    """Return the generations whose passwords a Secret's data (in clear) all hold."""
    found = {FIRST, *(int(each.group(1)) for key in data if (each := LATER.fullmatch(key)))}
    return frozenset(each for each in found if all(data.get(key) for key in password_keys(each)))


def current_values(data: Mapping[str, str]) -> dict[str, str]:
    """Return what the keys that Prosody starts with should hold, from a Secret's data in clear."""
    which = current(data)
    found = {
        KEY_GENERATION: str(which),
        KEY_BRIDGE_USER: bridge_user(which),
        KEY_OPERATOR_USER: operator_user(which),
    }
    for key in ROTATED:
        found[CURRENT_KEYS[key]] = data.get(password_key(key, which), "")
    return found


def _named(user: str, generation: int) -> str:
    return user if generation == FIRST else f"{user}-{generation}"
