"""A clone for one who adds tags to it: what refs name, which commits are here, new refs made all or none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from model_stage_deploy.adapters.git_repository import GitRepository, tag_patterns
from model_stage_deploy.adapters.git_tagging import TagObjects, spoken
from model_stage_deploy.core.errors import MachineryFailed, Refused
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.ports import TagClash

_FULL_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class CloneTags:
    """The clone's side of adding tags."""

    def __init__(self, repository: GitRepository) -> None:
        self.repository = repository
        self.git = repository.git

    @cached_property
    def top(self) -> Path:
        """The working tree's top, or the bare repository."""
        return self.repository.top

    @cached_property
    def objects(self) -> Path:
        """Where its objects are."""
        words = ["rev-parse", "--path-format=absolute", "--git-path", "objects"]
        return Path(os.fsdecode(self.git.run(words)).rstrip("\n"))

    def commit_of(self, ref: str) -> str | None:
        """Commit that a ref names: a branch goes before a tag (T47), both before what else git may read in it."""
        plain = ref == "HEAD" or ref.startswith("refs/") or _FULL_ID.fullmatch(ref)
        names = [ref] if plain else [f"refs/heads/{ref}", f"refs/tags/{ref}", ref]
        return next((found for name in names if (found := self.repository.commit_of(name)) is not None), None)

    def read_file(self, path: str) -> bytes | None:
        """A file of the working tree; of a bare repository, of its HEAD. Raises MachineryFailed (git-failed)."""
        if self.git.run(["rev-parse", "--is-bare-repository"]).strip() == b"true":
            head = self.repository.commit_of("HEAD")
            return None if head is None else self.repository.read_file(head, path)
        try:
            return (self.top / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as problem:
            raise MachineryFailed(Reason.GIT_FAILED, f"{path} cannot be read ({problem.strerror})") from problem

    def missing(self, commits: Iterable[str]) -> set[str]:
        """Those of the commits (full ids) that are not here. Raises MachineryFailed (git-failed)."""
        wanted = list(dict.fromkeys(commits))
        given = "".join(f"{commit}\n" for commit in wanted).encode()
        rows = self.git.run(["cat-file", "--batch-check=%(objectname) %(objecttype)"], given=given).decode()
        return set(wanted) - {row.split()[0] for row in rows.splitlines() if row.endswith(" commit")}

    def unseen(self, commits: Iterable[str], remote: str) -> list[str]:
        """Those of the commits that no branch last seen on the remote holds; none where no branch was ever seen."""
        commits = list(commits)
        if not commits:
            return []
        place = f"refs/remotes/{remote}/"
        seen = self.git.attempt(["for-each-ref", "--format=%(objectname)", place]).stdout.decode().split()
        if not seen:
            return []
        return [commit for commit in commits if self._ahead(commit, seen)]

    def _ahead(self, commit: str, seen: Sequence[str]) -> bool:
        done = self.git.attempt(["rev-list", "--max-count=1", commit, "--not", *seen[:1000], "--"])
        return done.returncode == 0 and done.stdout.strip() != b""

    def names(self, model: str) -> list[str]:
        """Names of the model's tags."""
        out = self.git.run(["for-each-ref", "--format=%(refname:lstrip=2)", *tag_patterns(model)])
        return out.decode(errors="replace").splitlines()

    def tag_ids(self, names: Sequence[str]) -> Mapping[str, str]:
        """Ids of the objects of those of the tags that are here."""
        refs = [f"refs/tags/{name}" for name in names]
        out = self.git.run(["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", *refs])
        found = {name: id_ for id_, _, name in (row.partition(" ") for row in out.decode("utf-8").splitlines())}
        return {name: found[name] for name in names if name in found}

    def create(self, made: TagObjects, names: Sequence[str]) -> None:
        """Take tag objects in and make their tags: all of them or none, none in place of another.

        Raises TagClash, MachineryFailed (git-failed).
        """
        done = self.git.attempt(["unpack-objects", "-q"], given=made.packed())
        if done.returncode == 0:
            refs = "".join(f"create refs/tags/{name}\0{made.ids[name]}\0" for name in names)
            done = self.git.attempt(["update-ref", "-z", "--stdin"], given=refs.encode())
        if done.returncode == 0:
            return
        words = spoken(done.stderr.decode(errors="replace"))
        there = self.tag_ids(names) if "exists" in words else {}
        if there:
            raise TagClash(list(there))
        raise MachineryFailed(
            Reason.GIT_FAILED,
            f"the tags could not be made in this clone, and none was: {words}",
            hint="see that its directory can be written to, and that no other git is at work in it",
        )


def unknown(ref: str) -> Refused:
    """The refusal of a ref that names nothing here."""
    return Refused(
        Reason.UNKNOWN_REF,
        f"there is no branch, tag or commit {one_line(ref, 100)!r} in this clone",
        hint="fetch it first (git fetch), or name one that is here: git branch --all",
    )
