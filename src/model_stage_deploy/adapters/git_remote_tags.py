"""A remote's tags and commits for one who is about to add tags: read anew, through throw-away repositories."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from model_stage_deploy.adapters.git_process import NETWORK_TIMEOUT, last_words
from model_stage_deploy.adapters.git_remotes import Remote
from model_stage_deploy.adapters.git_scratch import ScratchRepository
from model_stage_deploy.core.errors import MachineryFailed, Refused
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import slug

_PATIENCE = 10.0  # seconds that a remote has to say that it is there
_FULL_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PART_OF_ID = re.compile(r"[0-9a-f]{4,39}")
_NO_SUCH_REF = re.compile(r"couldn't find remote ref|not our ref|invalid refspec|is not a valid ref|no such remote ref")
_BROUGHT = "refs/msd/commits"
_TURNS = "refs/model-stages/changes"
_WAITS = (0.05, 0.2)  # seconds; a tag that does not come was deleted


class Turn(NamedTuple):
    """A ref of the remote that every change of one model moves, and what it was at: "" for nothing.

    Whoever moves it from there was first. So two changes at once cannot take the same counter, not even for different
    stages, whose tags have different names (B16). It points at the newest tag that a change made.
    """

    ref: str
    was: str


class RemoteTags:
    """What a remote has. `commits` are those that it is known to have."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.commits: set[str] = set()
        self._tagged: set[str] = set()
        self._named: set[str] = set()
        self._here: set[str] = set()  # commits in the scratch repository
        self._scratch: ScratchRepository | None = None
        self.turn: Turn | None = None
        """Of the model whose tags were read last."""

    @property
    def scratch(self) -> ScratchRepository:
        """The throw-away repository of the latest reading."""
        if self._scratch is None:
            self._scratch = self.remote.scratch()
        return self._scratch

    @property
    def tips(self) -> set[str]:
        """Commits that a branch or tag of the remote is at."""
        return self._tagged | self._named

    @property
    def objects(self) -> Path:
        """Where that repository keeps its objects."""
        return self.scratch.directory / "objects"

    def close(self) -> None:
        """Delete what was made."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch.directory, ignore_errors=True)
        self._scratch = None
        self._here.clear()

    def require_answer(self) -> None:
        """Raise MachineryFailed (git-failed) unless the remote answers soon."""
        done = self.scratch.git.attempt(["ls-remote", "--quiet", "origin", "HEAD"], timeout=_PATIENCE)
        if done.returncode != 0:
            raise MachineryFailed(Reason.GIT_FAILED, last_words(done.stderr))

    def tags(self, model: str) -> list[TagRecord]:
        """The model's tags as they are now. Raises MachineryFailed (git-failed)."""
        ref = f"{_TURNS}/{slug(model)}"
        for wait in (*_WAITS, None):
            records = self.scratch.fetch_tags(model, beside=ref)
            newest = self.scratch.git.run(["for-each-ref", "--format=%(objectname)", ref]).decode().strip()
            # A server shows the refs of one push one after the other: the turn may be ahead of its tags.
            if not newest or wait is None or any(record.object_id == newest for record in records):
                break
            time.sleep(wait)
        self.turn = Turn(ref, newest)
        self._tagged = {record.commit for record in records if record.commit is not None}
        self.commits |= self._tagged
        self._here |= self._tagged
        return records

    def have_moved(self, ids: Mapping[str, str]) -> None:
        """Tags (object ids by name) were pushed by us: the turn is at the last of them now."""
        if self.turn is not None:
            self.turn = self.turn._replace(was=[*ids.values()][-1])

    def listed(self, names: Sequence[str]) -> Mapping[str, str]:
        """Those of the tags that the remote has now, with their objects' ids. Raises MachineryFailed (git-failed)."""
        wanted = [f"refs/tags/{name}" for name in names]
        out = self.scratch.git.run(["ls-remote", "--quiet", "origin", *wanted], timeout=NETWORK_TIMEOUT)
        rows = (line.partition("\t") for line in out.decode(errors="replace").splitlines())
        found = {ref: object_id for object_id, _, ref in rows}
        return {name: found[ref] for name, ref in zip(names, wanted, strict=True) if ref in found}

    def bring(self, commits: Sequence[str]) -> None:
        """Have commits (full ids) in the scratch repository, without their files. Raises what `commit_of` raises."""
        for commit in dict.fromkeys(commits):
            if commit not in self._here and self._fetched(commit) is None:
                raise self._unknown(commit)

    def commit_of(self, ref: str) -> str:
        """Commit of a branch, tag or commit id; `HEAD` is the default branch's. A branch goes before a tag (T47).

        Raises Refused (unknown-ref), MachineryFailed (git-failed).
        """
        if ref == "HEAD" or ref.startswith("refs/") or _FULL_ID.fullmatch(ref):
            names = [ref]
        else:
            names = [f"refs/heads/{ref}", f"refs/tags/{ref}"]
        for name in names:
            found = self._fetched(name)
            if found is not None:
                return found
        if _PART_OF_ID.fullmatch(ref):
            return self._with_id(ref)
        raise self._unknown(ref)

    def read_file(self, path: str) -> bytes | None:
        """A file of the default branch; None where there is none. Raises MachineryFailed (git-failed)."""
        try:
            commit = self.scratch.fetch_commit("HEAD")
        except MachineryFailed as problem:
            if _NO_SUCH_REF.search(problem.message):
                return None  # nothing was ever pushed
            raise
        return self.scratch.read_file(commit, path)

    def _with_id(self, start: str) -> str:
        """The one commit, among those that branches and tags are at, whose id starts so."""
        out = self.scratch.git.run(["ls-remote", "--quiet", "origin"], timeout=NETWORK_TIMEOUT)
        ids = {line.partition("\t")[0] for line in out.decode(errors="replace").splitlines()} | self.commits
        found = {self._fetched(object_id) for object_id in ids if object_id.startswith(start)} - {None}
        if len(found) == 1:
            return str(found.pop())
        raise self._unknown(start)

    def _fetched(self, name: str) -> str | None:
        """The commit of a full ref name or id, brought without its files; None where the remote has none such."""
        into = f"{_BROUGHT}/{len(self._here)}"
        scratch = self.scratch
        words = ("fetch", "--quiet", "--no-tags", "--depth=1", "--filter=tree:0", "--end-of-options", "origin")
        try:
            scratch.git.run([*words, f"+{name}:{into}"], timeout=NETWORK_TIMEOUT)
        except MachineryFailed as problem:
            if _NO_SUCH_REF.search(problem.message):
                return None
            raise
        found = scratch.commit_of(into)
        if found is not None:
            self._here.add(found)
            self.commits.add(found)
            self._named |= set() if _FULL_ID.fullmatch(name) else {found}
        return found

    def _unknown(self, ref: str) -> Refused:
        return Refused(
            Reason.UNKNOWN_REF,
            f"there is no branch, tag or commit {one_line(ref, 100)!r} at {self.scratch.shown_url}",
            hint="name a branch or tag that was pushed, or a full commit id",
        )
