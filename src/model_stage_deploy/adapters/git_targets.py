"""What became of each target, kept in Git: refs beside the locks and the deployment log (git_journal.py).

`refs/model-stages/targets/STAGE/whole` has what was joined, and `…/part-PART` what one job has written since. Each
points to a commit whose files are target_documents.py's, in order; where several tell of a target, its newest line
counts. A part has one writer. It is written in files that grow: a new one for each call, which takes in those before it
that are not much larger, so that the whole is never written anew for each target.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from model_stage_deploy.adapters.git_asking import is_forbidden
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_ref_places import Change, RefPlace, is_contended, place_of
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.adapters.git_target_files import BadRef, Row, listed, read_files
from model_stage_deploy.adapters.target_documents import Kept, Newer, Place, kept, newest, newest_of, read, written
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import slug
from model_stage_deploy.core.targets import TargetRecord
from model_stage_deploy.ports import TargetLog

REFS = "refs/model-stages/targets"
_WHOLE = "whole"
_PATIENCE, _HURRY = 60.0, 2.0  # seconds for one question to the remote; the last one of a run that is being killed
_TRIES = 3  # of a change that failed for no reason that lasts
_TIMES = 20  # times that somebody else may be quicker
_AT_ONCE = 400  # parts that are joined by one push: their names stand on a command line
_SUMMARY, _URL = 500, 1000  # characters
_NAME = 120  # characters of a stage's, and a part's, place: each makes a file name on the server
_NOBODY = "model-stage-deploy <model-stage-deploy@users.noreply.invalid>"

Lines = Mapping[str, Kept]


class _File(NamedTuple):
    """A file of a part. `blob` is its object, "" while it is not written."""

    lines: Lines
    blob: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """What this process has of a part: the commit that was there last, and the files, the oldest and largest first."""

    commit: str = ""
    files: tuple[_File, ...] = ()

    def with_lines(self, lines: Lines) -> _Part:
        """The part with lines added: files of about the same size become one."""
        files = [*self.files, _File(lines)]
        while len(files) > 1 and len(files[-2].lines) <= 2 * len(files[-1].lines):
            last, before = files.pop(), files.pop()
            files.append(_File(newest(before.lines, last.lines)))
        return replace(self, files=tuple(files))

    def lines(self) -> dict[str, Kept]:
        """The newest of each target."""
        found: dict[str, Kept] = {}
        for each in self.files:
            found = newest(found, each.lines)
        return found


class GitTargets:
    """Fulfils ports.TargetLog. `find` opens the place, at the first use. Safe for several threads."""

    def __init__(self, find: Callable[[], RefPlace], scrub: Callable[[str], str] = str) -> None:
        self._find = find
        self._scrub = scrub
        self._turn = threading.Lock()
        self._place: RefPlace | None = None
        self._parts: dict[str, _Part] = {}

    def read(self, model: str, stage: str, environment: str) -> Mapping[str, TargetRecord]:
        """See the port."""
        with self._alone(_PATIENCE * _TRIES):
            where = Place(model, stage, environment)
            return self._records(where, self._rows(where))

    def add(self, plan: Plan, part: str, records: Sequence[TargetRecord], *, hurry: bool = False) -> None:
        """See the port. What could not be kept comes with the next call for the part."""
        if not records:
            return
        where = _where(plan)
        ref = f"{_prefix(where)}part-{slug(part, limit=_NAME)}"
        lines = newest_of((record.target, kept(self._clean(record))) for record in records)
        with self._alone(_HURRY if hurry else _PATIENCE * _TRIES):
            self._parts[ref] = self._parts.get(ref, _Part()).with_lines(lines)
            self._write(where, ref, hurry=hurry)

    def join(self, plan: Plan) -> None:
        """See the port. Joining what is joined does nothing."""
        where = _where(plan)
        whole = _prefix(where) + _WHOLE
        with self._alone(_PATIENCE * _TRIES):
            failures = 0
            for _ in range(_TIMES):
                rows = self._rows(where)
                commits = {row.ref: row.commit for row in rows}
                old = commits.pop(whole, "")
                if not commits:
                    return
                lines = {name: kept(record) for name, record in self._records(where, rows).items()}
                new, _ = self._committed(where, _Part(old, (_File(lines),)))
                gone = dict(list(commits.items())[:_AT_ONCE])
                changes = [Change(whole, new, old), *(Change(ref, "", commit) for ref, commit in gone.items())]
                words = self._opened().change(changes, _PATIENCE)
                if not words:
                    self._parts = {ref: part for ref, part in self._parts.items() if ref not in gone}
                    if gone == commits:
                        return
                elif is_forbidden(words) or not self._is_moved(where, commits, words):
                    failures += 1
                    if failures >= _TRIES or is_forbidden(words):
                        raise _failed("what became of the targets cannot be joined", words)
            raise _failed("what became of the targets cannot be joined", "others change it all the time")

    def _write(self, where: Place, ref: str, *, hurry: bool) -> None:
        """Write the part as it is in memory. A part that is there already, of whoever had its name, is taken in."""
        patience, failures = _HURRY if hurry else _PATIENCE, 0
        for _ in range(_TIMES):
            part = self._parts[ref]
            new, files = self._committed(where, part)
            words = self._opened().change([Change(ref, new, part.commit)], patience)
            there = self._there(ref) if words and not hurry else None  # in a hurry there is no time to find out more
            if not words or there == new:
                self._parts[ref] = _Part(new, files)
                return
            if there is not None and there != part.commit:
                self._parts[ref] = self._taken_in(where, ref, part)
            elif hurry or is_forbidden(words) or not is_contended(words):
                failures += 1
                if hurry or is_forbidden(words) or failures >= _TRIES:
                    raise _failed("what became of the targets cannot be kept", words)
        raise _failed("what became of the targets cannot be kept", "others change it all the time")

    def _taken_in(self, where: Place, ref: str, part: _Part) -> _Part:
        """The part with what is there now: after the work of another of its name, or when it was joined."""
        rows = [row for row in self._rows(where) if row.ref == ref]
        there = {name: kept(record) for name, record in self._records(where, rows).items()}
        return _Part(rows[0].commit if rows else "", (_File(newest(there, part.lines())),))

    def _rows(self, where: Place) -> list[Row]:
        """The refs of a stage as they are now, the whole first: of two records of one moment that of a part counts."""
        prefix = _prefix(where)
        words = ""
        for _ in range(_TRIES):
            words = self._opened().read(prefix, _PATIENCE)
            if not words or is_forbidden(words):
                break
        if words:
            raise _failed("what became of the targets cannot be read", words)
        return sorted(listed(self._opened().git, prefix), key=lambda row: (row.ref != prefix + _WHOLE, row.ref))

    def _records(self, where: Place, rows: Sequence[Row]) -> dict[str, TargetRecord]:
        """The newest record of each target in those refs."""
        found: dict[str, TargetRecord] = {}
        for ref, document in read_files(self._opened().git, rows):
            try:
                for record in read(document, where):
                    known = found.get(record.target)
                    if known is None or known.time <= record.time:
                        found[record.target] = record
            except Newer as problem:
                raise _newer(ref, str(problem)) from problem
            except ValueError as problem:
                raise BadRef(ref, str(problem)) from problem
        return found

    def _committed(self, where: Place, part: _Part) -> tuple[str, tuple[_File, ...]]:
        """A commit with the files of a part, after the part's last."""
        git = self._opened().git
        files = [each if each.blob else each._replace(blob=_blob(git, where, each.lines)) for each in part.files]
        rows = [f"100644 blob {each.blob}\t{number:06}.jsonl\n" for number, each in enumerate(files)]
        tree = _locally(git, ["mktree"], "".join(rows).encode())
        moment = max(line.time for each in files for line in each.lines.values())
        head = f"{_NOBODY} {int(moment)} +0000"
        parent = f"parent {part.commit}\n" if part.commit else ""
        text = one_line(f"targets of {where.model} in {where.stage} ({where.environment})", 200)
        commit = f"tree {tree}\n{parent}author {head}\ncommitter {head}\nencoding UTF-8\n\n{text}\n"
        raw = commit.encode(errors="backslashreplace")
        return _locally(git, ["hash-object", "-t", "commit", "-w", "--stdin"], raw), tuple(files)

    def _is_moved(self, where: Place, parts: Mapping[str, str], words: str) -> bool:
        """Whether a change failed because others were quicker, or came through all the same."""
        now = self._opened().now(_prefix(where), _PATIENCE)
        return now is not None and (is_contended(words) or any(now.get(ref) != parts[ref] for ref in parts))

    def _there(self, ref: str) -> str | None:
        """Where the ref is now, "" for nowhere, None where that cannot be known."""
        prefix = ref.rpartition("/")[0] + "/"
        now = self._opened().now(prefix, _PATIENCE)
        return None if now is None else now.get(ref, "")

    def _clean(self, record: TargetRecord) -> TargetRecord:
        """What foreign text there is, without secrets, on one line."""
        summary, url = one_line(self._scrub(record.summary), _SUMMARY), one_line(self._scrub(record.url), _URL)
        return record._replace(summary=summary, url=url)

    def _opened(self) -> RefPlace:
        if self._place is None:
            try:
                self._place = self._find()
            except MachineryFailed as problem:
                raise _unkept(problem) from problem
        return self._place

    @contextmanager
    def _alone(self, patience: float) -> Iterator[None]:
        """One thread at a time; one that is in a hurry does not wait long for another."""
        if not self._turn.acquire(timeout=patience):
            raise MachineryFailed(Reason.LOG_FAILED, "what became of the targets is just being kept, and takes long")
        try:
            yield
        except BadRef as problem:
            raise _damaged(problem) from problem
        finally:
            self._turn.release()


def open_target_log(source: GitSource, scrub: Callable[[str], str] = str, *, local: bool = False) -> TargetLog:
    """The log of targets on the remote of a source; without one, and where it is to be `local`, in the repository.

    Nothing is asked before the first use; what it makes is gone when the source is left. Its methods also raise Invalid
    (usage, not-a-repository) where there is no such place. `scrub` takes secrets out of what is kept.
    """
    return GitTargets(lambda: place_of(source, local=local), scrub)


def _where(plan: Plan) -> Place:
    return Place(plan.decision.model, plan.decision.stage, plan.environment)


def _prefix(where: Place) -> str:
    return f"{REFS}/{slug(' '.join(where), limit=_NAME)}/"


def _blob(git: Git, where: Place, lines: Lines) -> str:
    return _locally(git, ["hash-object", "-w", "--stdin"], written(where, lines))


def _locally(git: Git, arguments: Sequence[str], given: bytes) -> str:
    try:
        return git.run(arguments, given=given).decode().strip()
    except MachineryFailed as problem:
        raise _unkept(problem) from problem


def _unkept(problem: MachineryFailed) -> MachineryFailed:
    return MachineryFailed(Reason.LOG_FAILED, f"what became of the targets cannot be kept: {problem.message}")


def _newer(ref: str, why: str) -> MachineryFailed:
    return MachineryFailed(
        Reason.LOG_FAILED,
        f"what became of the targets, {ref}, was written by a newer model-stage-deploy: {one_line(why, 200)}",
        hint="use the same version here as on the other runs: python -m pip install -U model-stage-deploy",
    )


def _damaged(problem: BadRef) -> MachineryFailed:
    return MachineryFailed(
        Reason.LOG_FAILED,
        f"what became of the targets, {problem.ref}, holds something else than records: {one_line(str(problem), 200)}",
        hint=f"look at it: git fetch origin '{problem.ref}' && git log -p FETCH_HEAD; whoever may push to the "
        f"repository can write there. Without it every target is deployed anew: git push origin ':{problem.ref}'",
    )


def _failed(what: str, words: str) -> MachineryFailed:
    if is_forbidden(words):
        return MachineryFailed(
            Reason.PERMISSION_MISSING,
            f"{what}, for the remote does not allow it: {words}",
            hint=f"it is kept in refs under {REFS}: give the job `permissions: contents: write` (on GitLab a token "
            "with the scope write_repository)",
        )
    return MachineryFailed(
        Reason.LOG_FAILED, f"{what}: {words}", hint="see that `git ls-remote origin` works, then try again"
    )
