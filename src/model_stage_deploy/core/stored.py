"""Values that ports hand over: a lock as it is stored, and a signature that was checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LockEntry:
    """One lock as it is stored. `version` changes with every change of it: who wants to change it names this one.

    `kind` is `run` for a deployment at work, `freeze` for a person's. `key` names what is locked; `claim` is the id of
    the attempt that holds it; `owner` a person or a run; `renewed` unix seconds by the owner's clock; `lease` seconds,
    0 for a lock that ends only when somebody removes it.
    """

    version: str
    kind: Literal["run", "freeze"]
    key: str
    claim: str
    owner: str
    reason: str
    url: str
    since: float
    renewed: float
    lease: float


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed a tag object, by a check that succeeded: a principal for SSH, an e-mail address or key for GPG."""

    signer: str
    key: str
    kind: Literal["ssh", "gpg"]
