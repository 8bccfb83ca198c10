"""A journal in Git: a ref beside branches and tags, whose commits are its entries, each the parent of the next.

An entry is a commit without files; its message is a line for people, and the entry as one line of JSON. Entries are
only added: a push says which entry it follows, and the server, under its own lock, takes it or not. A clone does not
fetch such refs. Without a remote the same refs are in the repository itself. What is written: git_log.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from model_stage_deploy.adapters.git_asking import asked, is_forbidden
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.adapters.git_tagging import spoken
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason

REFS = "refs/model-stages/log"
SCHEMA = "model-stage-deploy/git-log/v1"
_PATIENCE, _HURRY = 30.0, 2.0  # seconds for one question to the remote; the last one of a run that is being killed
_DEPTHS = (200, 2000, 0)  # entries that are fetched: enough for most questions, for nearly all, all there are
_TRIES = 3  # of a push that failed for no reason that lasts
_SUBJECT = 200  # characters of the line for people
_LATEST = 1e11  # unix seconds, in the year 5138: not every number that JSON can hold is a moment
_NOBODY = "model-stage-deploy <model-stage-deploy@users.noreply.invalid>"
_NONE = re.compile(r"couldn't find remote ref", re.IGNORECASE)


class Entry(NamedTuple):
    """One entry. `number` counts from 1; `commit` is its id."""

    commit: str
    number: int
    kind: str
    time: float
    facts: Mapping[str, Any]


class Draft(NamedTuple):
    """An entry to be added. `line` is for people."""

    kind: str
    time: float
    facts: Mapping[str, Any]
    line: str


class Moved(Exception):
    """Somebody else added to the journal; nothing was added. Read it again, and decide anew."""


class GitJournals:
    """The journals of one remote, or of one repository without a remote. `find` opens the place, at the first use."""

    def __init__(self, find: Callable[[], tuple[Git, bool]]) -> None:
        self._find = find
        self._place: tuple[Git, bool] | None = None
        self._tree = ""
        self._known: dict[str, tuple[Entry, ...]] = {}

    def read(self, name: str, *, enough: Callable[[Sequence[Entry]], bool], fresh: bool = True) -> Sequence[Entry]:
        """Entries, oldest first: the newest of them until `enough` says so, or all. Raises MachineryFailed.

        Without `fresh` what was read or written before is taken for the newest, where anything was.
        """
        known = self._known.get(name)
        if known is not None and not fresh and (is_whole(known) or enough(known)):
            return known
        git, has_remote = self._opened()
        for depth in _DEPTHS if has_remote else (0,):
            if has_remote:
                _fetch(git, _ref(name), depth)
            entries = self._listed(git, name)
            if is_whole(entries) or enough(entries):
                break
        self._known[name] = entries
        return entries

    def add(self, name: str, drafts: Sequence[Draft], *, hurry: bool = False) -> Sequence[Entry]:
        """Add entries after those that were read last, all of them or none; what was added.

        Raises Moved, MachineryFailed (log-failed, permission-missing).
        """
        git, has_remote = self._opened()
        entries = self._known.get(name, ())
        old = entries[-1].commit if entries else ""
        added: list[Entry] = []
        for draft in drafts:
            before = (added or entries)[-1:]
            added.append(self._committed(git, draft, before[0] if before else None))
        if has_remote:
            _push(git, _ref(name), added[-1].commit, old, hurry=hurry)
        else:
            _update(git, _ref(name), added[-1].commit, old)
        self._known[name] = (*entries, *added)
        return added

    def _opened(self) -> tuple[Git, bool]:
        if self._place is None:
            place = self._find()
            self._tree = _locally(place[0], ["mktree"], b"").decode().strip()
            self._place = place
        return self._place

    def _committed(self, git: Git, draft: Draft, before: Entry | None) -> Entry:
        number = before.number + 1 if before else 1
        body = {"schema": SCHEMA, "n": number, "kind": draft.kind, "time": draft.time, **draft.facts}
        head = f"{_NOBODY} {int(draft.time)} +0000"
        parent = f"parent {before.commit}\n" if before else ""
        text = f"{one_line(draft.line, _SUBJECT)}\n\n{json.dumps(body, ensure_ascii=True)}\n"
        commit = f"tree {self._tree}\n{parent}author {head}\ncommitter {head}\nencoding UTF-8\n\n{text}"
        raw = commit.encode(errors="backslashreplace")
        made = _locally(git, ["hash-object", "-t", "commit", "-w", "--stdin"], raw).decode().strip()
        return Entry(made, number, draft.kind, draft.time, draft.facts)

    def _listed(self, git: Git, name: str) -> tuple[Entry, ...]:
        ref = _ref(name)
        if not _locally(git, ["for-each-ref", "--format=%(objectname)", ref]).strip():
            return ()
        words = ("log", "-z", "--reverse", "--no-show-signature", "--no-notes", "--encoding=UTF-8", "--format=%H%n%B")
        told = _locally(git, [*words, "--end-of-options", ref]).decode(errors="replace")
        return tuple(_read(text, ref) for text in told.split("\0") if text)


def open_journals(source: GitSource) -> GitJournals:
    """Journals on the remote of a source; without one, in the repository itself. Nothing is asked before the first use.

    Their methods also raise Invalid (usage, not-a-repository) where there is no such place.
    """

    def find() -> tuple[Git, bool]:
        scratch = source.writable()
        if scratch is not None:
            return scratch.git, True
        if source.local is None:
            raise MachineryFailed(Reason.LOG_FAILED, "there is no repository to keep the deployment log in")
        return source.local.git, False

    return GitJournals(find)


def is_whole(entries: Sequence[Entry]) -> bool:
    """Whether the oldest entry that there is, is among them; of an empty journal nothing is missing."""
    return not entries or entries[0].number == 1


def _ref(name: str) -> str:
    return f"{REFS}/{name}"


def _read(text: str, ref: str) -> Entry:
    """An entry from its commit. Raises MachineryFailed (log-failed) for what no version of ours can have written."""
    commit, _, message = text.partition("\n")
    try:
        body = json.loads(message.strip().rpartition("\n")[2])
        if (
            isinstance(body, dict)
            and str(body["schema"]).startswith("model-stage-deploy/git-log/")
            and body["schema"] != SCHEMA
        ):
            raise MachineryFailed(
                Reason.LOG_FAILED,
                f"the deployment log {ref} was written by a newer model-stage-deploy",
                hint="use the same version here as on the other runs: python -m pip install -U model-stage-deploy",
            )
        time = float(body["time"])
        if body["schema"] != SCHEMA or not 0 <= time < _LATEST:
            raise ValueError
        return Entry(commit, int(body["n"]), str(body["kind"]), time, body)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as problem:
        raise MachineryFailed(
            Reason.LOG_FAILED,
            f"the deployment log {ref} holds something else than entries: commit {commit[:12]}",
            hint=f"look at it: git fetch origin '{ref}' && git log FETCH_HEAD; whoever may push to the repository can "
            "write there",
        ) from problem


def _fetch(git: Git, ref: str, depth: int) -> None:
    """Bring the newest `depth` entries (0: all). No such ref is an empty journal."""
    bound = [f"--depth={depth}"] if depth else ["--unshallow"] if _is_shallow(git) else []
    words = ("fetch", "--quiet", "--no-tags", "--no-auto-maintenance", *bound, "--end-of-options", "origin")
    said = ""
    for _ in range(_TRIES):
        said = asked(git, [*words, f"+{ref}:{ref}"], _PATIENCE)
        if not said:
            return
        if _NONE.search(said):
            _locally(git, ["update-ref", "-d", ref])
            return
    raise _failed("the deployment log on the remote cannot be read", said)


def _push(git: Git, ref: str, new: str, old: str, *, hurry: bool) -> None:
    words = ("push", "--porcelain", "--no-thin", "--no-follow-tags", "--recurse-submodules=no")
    lease = f"--force-with-lease={ref}:{old}"
    said = ""
    for _ in range(1 if hurry else _TRIES):
        said = asked(git, [*words, lease, "--end-of-options", "origin", f"{new}:{ref}"], _HURRY if hurry else _PATIENCE)
        if not said:
            return
        if hurry:
            break  # there is no time to find out more
        there = _there(git, ref)
        if there == new:
            return
        if there is not None and there != old:
            raise Moved(ref)
        if is_forbidden(said):
            break
    raise _failed("the deployment log on the remote cannot be written", said)


def _update(git: Git, ref: str, new: str, old: str) -> None:
    done = git.attempt(["update-ref", "--no-deref", ref, new, old or "0" * len(new)], timeout=_PATIENCE)
    if done.returncode == 0:
        return
    now = _locally(git, ["for-each-ref", "--format=%(objectname)", ref]).decode().strip()
    if now != old:
        raise Moved(ref)
    words = spoken(done.stderr.decode(errors="replace"))
    if re.search(r"cannot lock ref|unable to create", words, re.IGNORECASE) and "permission" not in words.lower():
        raise Moved(ref)  # another writer holds the ref at this moment
    raise _failed("the deployment log of this repository cannot be written", words)


def _there(git: Git, ref: str) -> str | None:
    """Where the remote's ref is now, "" for nowhere, None where that cannot be known."""
    try:
        done = git.attempt(["ls-remote", "--quiet", "origin", ref], timeout=_PATIENCE)
    except MachineryFailed:
        return None
    if done.returncode != 0:
        return None
    rows = (line.partition("\t") for line in done.stdout.decode(errors="replace").splitlines())
    return next((object_id for object_id, _, name in rows if name == ref), "")


def _is_shallow(git: Git) -> bool:
    return _locally(git, ["rev-parse", "--is-shallow-repository"]).strip() == b"true"


def _locally(git: Git, arguments: Sequence[str], given: bytes | None = None) -> bytes:
    try:
        return git.run(arguments, given=given)
    except MachineryFailed as problem:
        raise MachineryFailed(Reason.LOG_FAILED, f"the deployment log cannot be kept: {problem.message}") from problem


def _failed(what: str, words: str) -> MachineryFailed:
    if is_forbidden(words):
        return MachineryFailed(
            Reason.PERMISSION_MISSING,
            f"{what}, for the remote does not allow it: {words}",
            hint=f"the log is refs under {REFS}: the token must be allowed to push to the repository (on GitLab the "
            "scope write_repository and the role Developer)",
        )
    return MachineryFailed(
        Reason.LOG_FAILED, f"{what}: {words}", hint="see that `git ls-remote origin` works, then try again"
    )
