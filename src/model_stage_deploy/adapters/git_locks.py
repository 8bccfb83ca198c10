"""Locks as refs of the registry's remote: `refs/model-stages/locks/run/…` and `…/freeze/…`, one a lock.

Each is a commit without parent and files, whose message is the lock. A clone does not fetch refs beside branches and
tags. A change says which object it replaces: the server, under its own lock, takes it or not. Without a remote the same
refs are in the repository itself.

Safe for several threads: each change is a git process of its own, and only one reading at a time goes on.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from model_stage_deploy.adapters.git_asking import asked, is_forbidden, without_names
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.adapters.git_tagging import spoken
from model_stage_deploy.adapters.lock_documents import Kind, read_lock, write_lock
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.locks import place_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.ports import LockClash, LockStore

REFS = "refs/model-stages/locks"
_PATIENCE = 30.0  # seconds for one question to the remote: half a usual lease
_HURRY = 2.0  # seconds for the last one, of a run that is killed within seconds
_KINDS: dict[str, Kind] = {"run": "run", "freeze": "freeze"}
_GONE = re.compile(r"not our ref|couldn't find remote ref|unadvertised object|did not send all necessary objects")
_NOBODY = "model-stage-deploy <model-stage-deploy@users.noreply.invalid>"
_WAY_OUT = "a deployment can do without a lock: `lock: {use: none}` in the mapping, or --no-lock"


class _Place(Protocol):
    """Where the refs are."""

    git: Git
    patience: float

    def read(self) -> None:
        """Bring the refs that are there into `git`'s repository."""
        ...

    def change(self, ref: str, new: str, old: str) -> str:
        """Set the ref from `old` to `new` ("" for none); what git said, "" where it is done. Raises MachineryFailed."""
        ...

    def now(self, ref: str) -> str:
        """Where the ref is now, "" for nowhere. Raises MachineryFailed."""
        ...


class GitLocks:
    """Fulfils ports.LockStore. `find` opens the place, at the first use."""

    def __init__(self, find: Callable[[], _Place]) -> None:
        self._find = find
        self._opening = threading.Lock()
        self._reading = threading.Lock()
        self._place: _Place | None = None
        self._tree = ""
        self._hurries = False

    def entries(self) -> Sequence[LockEntry]:
        """See the port."""
        place = self._opened()
        form = "--format=%00%(objectname)%00%(refname)%00%(contents)"
        with self._reading:
            place.read()
            told = _locally(place.git, ["for-each-ref", form, REFS]).decode(errors="replace")
        fields = told.split("\0")[1:]
        if len(fields) % 3:
            raise MachineryFailed(Reason.LOCK_FAILED, f"what git says of {REFS} cannot be read")
        found = (_entry(*row) for row in zip(fields[::3], fields[1::3], fields[2::3], strict=True))
        return [entry for entry in found if entry is not None]

    def put(self, entry: LockEntry, *, replacing: str) -> str:
        """See the port."""
        place = self._opened()
        head = f"{_NOBODY} {int(entry.renewed)} +0000"
        commit = f"tree {self._tree}\nauthor {head}\ncommitter {head}\n\n{write_lock(entry)}\n"
        new = _locally(place.git, ["hash-object", "-t", "commit", "-w", "--stdin"], commit.encode()).decode().strip()
        self._change(entry, new, replacing)
        return new

    def remove(self, entry: LockEntry) -> None:
        """See the port."""
        self._change(entry, "", entry.version)

    def hurry(self) -> None:
        """See the port."""
        with self._opening:
            self._hurries = True
            if self._place is not None:
                self._place.patience = _HURRY

    def _change(self, entry: LockEntry, new: str, old: str) -> None:
        place, ref = self._opened(), f"{REFS}/{entry.kind}/{place_of(entry.key)}"
        try:
            words = place.change(ref, new, old)
        except MachineryFailed as problem:
            words = problem.message
        if words and self._hurries:
            raise MachineryFailed(Reason.LOCK_FAILED, words)  # there is no time to find out more
        if words:
            _settle(place, ref, new, old, words)

    def _opened(self) -> _Place:
        with self._opening:
            if self._place is None:
                found = self._find()
                self._tree = _locally(found.git, ["mktree"], b"").decode().strip()
                self._place = found
            return self._place


class _Remote:
    """The remote, by way of a throw-away repository."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self.patience = _PATIENCE

    def read(self) -> None:
        # Asks for the list of these refs alone, and for objects only where there are new ones.
        words = ("fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--prune", "--end-of-options", "origin")
        for last in (False, False, True):
            said = asked(self.git, [*words, f"+{REFS}/*:{REFS}/*"], self.patience)
            if not said:
                return
            if last or not _GONE.search(said):  # changed between the list and the objects: look again
                raise _failed("the locks on the remote cannot be read", said)

    def change(self, ref: str, new: str, old: str) -> str:
        words = ("push", "--porcelain", "--no-thin", "--no-follow-tags", "--recurse-submodules=no")
        lease = f"--force-with-lease={ref}:{old}"
        return asked(self.git, [*words, lease, "--end-of-options", "origin", f"{new}:{ref}"], self.patience)

    def now(self, ref: str) -> str:
        done = self.git.attempt(["ls-remote", "--quiet", "origin", ref], timeout=self.patience)
        if done.returncode != 0:
            raise MachineryFailed(Reason.LOCK_FAILED, spoken(done.stderr.decode(errors="replace")))
        rows = (line.partition("\t") for line in done.stdout.decode(errors="replace").splitlines())
        return next((object_id for object_id, _, name in rows if name == ref), "")


class _Here:
    """A repository without a remote: its own refs."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self.patience = _PATIENCE

    def read(self) -> None:
        """They are here."""

    def change(self, ref: str, new: str, old: str) -> str:
        words = ["update-ref", "--no-deref", ref, new, old] if new else ["update-ref", "--no-deref", "-d", ref, old]
        done = self.git.attempt(words, timeout=self.patience)
        return "" if done.returncode == 0 else spoken(done.stderr.decode(errors="replace"))

    def now(self, ref: str) -> str:
        return _locally(self.git, ["for-each-ref", "--format=%(objectname)", ref]).decode().strip()


def open_lock_store(source: GitSource) -> LockStore:
    """Locks on the remote of a source; without one, in the repository itself. Nothing is asked before the first use.

    What the store makes is gone when the source is left. The store's methods also raise Invalid (usage,
    not-a-repository) where there is no such place.
    """

    def find() -> _Place:
        scratch = source.writable()
        if scratch is not None:
            return _Remote(scratch.git)
        if source.local is None:
            raise MachineryFailed(Reason.LOCK_FAILED, "there is no repository to keep locks in")
        return _Here(source.local.git)

    return GitLocks(find)


def _entry(version: str, ref: str, message: str) -> LockEntry | None:
    """The lock of a ref; None where no lock of ours could stand there."""
    kind, _, place = ref.removeprefix(f"{REFS}/").partition("/")
    if kind not in _KINDS or not place:
        return None
    return read_lock(message, version, _KINDS[kind], place)


def _settle(place: _Place, ref: str, new: str, old: str, words: str) -> None:
    """What became of a change that failed, or broke off, by what is there now. Returns if it came through.

    Raises LockClash, MachineryFailed (permission-missing, lock-failed).
    """
    what = "the lock cannot be changed" if new else "the lock cannot be removed"
    try:
        there = place.now(ref)
    except MachineryFailed:
        raise _failed(what, words) from None
    if there == new:
        return
    if there != old:
        raise LockClash(ref)
    if _is_contended(words):
        raise LockClash(ref)
    raise _failed(what, words)


def _is_contended(words: str) -> bool:
    """Whether another change of the same ref is just under way, or came and went."""
    plain = without_names(words)
    crossed = "exists; cannot create" in plain or "directory/file conflict" in plain
    busy = re.search(r"cannot lock ref|failed to update ref|failed to lock|stale info|already exists", plain)
    return busy is not None and not crossed


def _locally(git: Git, arguments: Sequence[str], given: bytes | None = None) -> bytes:
    try:
        return git.run(arguments, given=given)
    except MachineryFailed as problem:
        raise MachineryFailed(Reason.LOCK_FAILED, f"locks cannot be kept: {problem.message}") from problem


def _failed(what: str, words: str) -> MachineryFailed:
    if is_forbidden(words):
        return MachineryFailed(
            Reason.PERMISSION_MISSING,
            f"{what}, for the remote does not allow it: {words}",
            hint=f"locks are refs under {REFS}: give the job `permissions: contents: write` (on GitLab a token "
            f"with the scope write_repository), {_WAY_OUT}",
        )
    return MachineryFailed(
        Reason.LOCK_FAILED,
        f"{what}: {words}",
        hint=f"see that `git ls-remote origin` works, then try again; {_WAY_OUT}",
    )
