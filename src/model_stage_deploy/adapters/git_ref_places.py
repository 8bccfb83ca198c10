"""Refs beside branches and tags that several processes change: on a remote, or in a repository without one.

All changes of one call happen or none does, each by compare and swap: the server, under its own locks, takes them or
not. Without a remote the same refs are in the repository itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from model_stage_deploy.adapters.git_asking import asked, without_names
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason

_GONE = re.compile(r"not our ref|couldn't find remote ref|unadvertised object|did not send all necessary objects")
_BUSY = re.compile(r"cannot lock ref|failed to update ref|failed to lock|stale info|already exists|packed-refs\.lock")


class Change(NamedTuple):
    """Set a ref from the object `old` to the object `new`; "" is no ref."""

    ref: str
    new: str
    old: str


class RefPlace(Protocol):
    """Where the refs are. `patience` is in seconds, for each question."""

    git: Git

    def read(self, prefix: str, patience: float) -> str:
        """Bring the refs under `prefix` (with a final slash) into `git`'s repository, each with its newest commit.

        What went wrong in words, "" for nothing. Raises MachineryFailed (git-failed).
        """
        ...

    def change(self, changes: Sequence[Change], patience: float) -> str:
        """Make the changes, all or none; what went wrong in words, "" where it is done. It may be done even so."""
        ...

    def now(self, prefix: str, patience: float) -> dict[str, str] | None:
        """The refs under `prefix` with their objects, None where that cannot be known."""
        ...


class Remote:
    """The remote, by way of a throw-away repository."""

    def __init__(self, git: Git) -> None:
        self.git = git

    def read(self, prefix: str, patience: float) -> str:
        """See RefPlace."""
        # The throw-away repository is a partial clone: without a word it would leave out the files.
        words = ("fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--prune", "--depth=1", "--no-filter")
        said = ""
        for _ in range(3):
            said = asked(self.git, [*words, "--end-of-options", "origin", f"+{prefix}*:{prefix}*"], patience)
            if not said:
                return ""
            if self.now(prefix, patience) == {}:  # a shallow fetch that finds no ref at all fails without a word
                self._forget(prefix)
                return ""
            if not _GONE.search(said):  # else it changed between the list and the objects: look again
                break
        return said

    def change(self, changes: Sequence[Change], patience: float) -> str:
        """See RefPlace."""
        words = ("push", "--atomic", "--porcelain", "--no-thin", "--no-follow-tags", "--recurse-submodules=no")
        leases = [f"--force-with-lease={each.ref}:{each.old}" for each in changes]
        specs = [f"{each.new}:{each.ref}" for each in changes]
        return asked(self.git, [*words, *leases, "--end-of-options", "origin", *specs], patience)

    def now(self, prefix: str, patience: float) -> dict[str, str] | None:
        """See RefPlace."""
        try:
            done = self.git.attempt(["ls-remote", "--quiet", "origin", f"{prefix}*"], timeout=patience)
        except MachineryFailed:
            return None
        if done.returncode != 0:
            return None
        rows = (line.partition("\t") for line in done.stdout.decode(errors="replace").splitlines())
        return {name: object_id for object_id, _, name in rows if name.startswith(prefix)}

    def _forget(self, prefix: str) -> None:
        for ref in _listed(self.git, prefix):
            self.git.run(["update-ref", "--no-deref", "-d", ref])


class Here:
    """A repository without a remote: its own refs."""

    def __init__(self, git: Git) -> None:
        self.git = git

    def read(self, prefix: str, patience: float) -> str:  # noqa: ARG002
        """They are here."""
        return ""

    def change(self, changes: Sequence[Change], patience: float) -> str:
        """See RefPlace."""
        orders = [_order(each) for each in changes]
        given = "".join(f"{line}\n" for line in ["start", *orders, "prepare", "commit"]).encode()
        return asked(self.git, ["update-ref", "--no-deref", "--stdin"], patience, given)

    def now(self, prefix: str, patience: float) -> dict[str, str] | None:  # noqa: ARG002
        """See RefPlace."""
        return _listed(self.git, prefix)


def place_of(source: GitSource, *, local: bool = False) -> RefPlace:
    """The remote of a source; without one, the repository itself.

    Raises Invalid (usage, not-a-repository), MachineryFailed (git-failed) where there is neither.
    """
    scratch = None if local else source.writable()
    if scratch is not None:
        return Remote(scratch.git)
    if source.local is None:
        raise MachineryFailed(Reason.GIT_FAILED, "there is no repository to keep it in")
    return Here(source.local.git)


def is_contended(words: str) -> bool:
    """Whether another change of the same refs is just under way, or came and went."""
    plain = without_names(words)
    crossed = "exists; cannot create" in plain or "directory/file conflict" in plain
    return _BUSY.search(plain) is not None and not crossed


def _order(change: Change) -> str:
    if not change.new:
        return f"delete {change.ref} {change.old}"
    return f"update {change.ref} {change.new} {change.old or '0' * len(change.new)}"


def _listed(git: Git, prefix: str) -> dict[str, str]:
    told = git.run(["for-each-ref", "--format=%(objectname) %(refname)", prefix]).decode(errors="replace")
    rows = (line.partition(" ") for line in told.splitlines())
    return {name: object_id for object_id, _, name in rows}
