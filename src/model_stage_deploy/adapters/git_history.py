"""Whether a branch contains a commit: of a clone by its history, of a remote by commits fetched without any files."""

from __future__ import annotations

import re

from model_stage_deploy.adapters.git_process import NETWORK_TIMEOUT, Git
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_scratch import ScratchRepository
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason

_PREFIX = "refs/heads/"
_PATTERN = re.compile(r"[*?\[\\]")
_PLACE = "history"


def contains_here(repository: GitRepository, commit: str, branch: str) -> bool | None:
    """Whether the repository's own branch contains the commit, None where there is no such branch.

    Raises MachineryFailed (git-failed) where the history that is here does not go back far enough to tell.
    """
    if _PATTERN.search(branch):
        return None
    tip = _tip_here(repository, branch)
    if tip is None:
        return None
    found = _is_ancestor(repository.git, commit, tip)
    if not found and repository.git.run(["rev-parse", "--is-shallow-repository"]).strip() == b"true":
        raise MachineryFailed(
            Reason.GIT_FAILED,
            f"whether {one_line(branch, 200)} contains commit {commit[:12]} cannot be told in a shallow clone",
            hint="fetch all of it: git fetch --unshallow, or actions/checkout with fetch-depth: 0",
        )
    return found


def contains_there(scratch: ScratchRepository, local: GitRepository | None, commit: str, branch: str) -> bool | None:
    """Whether the remote's branch contains the commit now, None where there is no such branch there.

    The clone is used where it knows the branch's newest commit; else the branch's commits are fetched, without files,
    into a repository of their own. Raises MachineryFailed (git-failed).
    """
    if _PATTERN.search(branch):
        return None
    tip = _tip_there(scratch, branch)
    if tip is None or tip == commit:
        return None if tip is None else True
    if local is not None and _has(local.git, tip) and _is_ancestor(local.git, commit, tip):
        return True  # also in a shallow clone a yes is a yes
    return _is_ancestor(_fetched(scratch, branch, tip), commit, tip)


def _tip_here(repository: GitRepository, branch: str) -> str | None:
    name = _PREFIX + branch
    listed = repository.git.run(["for-each-ref", "--format=%(refname) %(objectname)", name]).decode(errors="replace")
    return next((row.rpartition(" ")[2] for row in listed.splitlines() if row.rpartition(" ")[0] == name), None)


def _tip_there(scratch: ScratchRepository, branch: str) -> str | None:
    """The commit of `refs/heads/BRANCH`, and of no tag of that name."""
    name = _PREFIX + branch
    listed = scratch.git.run(["ls-remote", "--quiet", "origin", name], timeout=NETWORK_TIMEOUT).decode(errors="replace")
    return next((row.partition("\t")[0] for row in listed.splitlines() if row.partition("\t")[2] == name), None)


def _fetched(scratch: ScratchRepository, branch: str, tip: str) -> Git:
    """The whole history of a branch. Not in the scratch repository itself: what is shallow there would cut it."""
    place = scratch.directory / _PLACE
    git = Git(place, scratch.credentials)
    if not place.exists():
        place.mkdir()
        git.run(["init", "--quiet", "--bare", "--template=", f"--object-format={_format(tip)}", "."])
        (place / "config").write_bytes((scratch.directory / "config").read_bytes())
    if not _has(git, tip):
        spec = f"+{_PREFIX}{branch}:{_PREFIX}{branch}"
        words = ["fetch", "--quiet", "--no-tags", "--filter=tree:0", "--end-of-options", "origin", spec]
        git.run(words, timeout=NETWORK_TIMEOUT)
    return git


def _format(commit: str) -> str:
    return "sha256" if len(commit) == 64 else "sha1"


def _has(git: Git, commit: str) -> bool:
    """Whether a ref or an earlier fetch brought the commit; nothing is fetched to find out."""
    given = f"{commit}\n".encode()
    told = git.attempt(["--no-replace-objects", "rev-list", "--no-walk", "--missing=allow-any", "--stdin"], given=given)
    return told.returncode == 0 and told.stdout.strip() == commit.encode()


def _is_ancestor(git: Git, commit: str, tip: str) -> bool:
    """Whether a commit is in the history of another. Replacements, which a clone may have, do not count.

    Raises MachineryFailed (git-failed) where git cannot tell.
    """
    if not _has(git, commit):
        return False
    done = git.attempt(["--no-replace-objects", "merge-base", "--is-ancestor", commit, tip])
    if done.returncode in (0, 1):
        return done.returncode == 0
    words = one_line(done.stderr.decode(errors="replace").strip(), 300)
    raise MachineryFailed(Reason.GIT_FAILED, f"git cannot tell whether {tip[:12]} contains {commit[:12]}: {words}")
