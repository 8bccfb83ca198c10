"""Checkouts of single commits into directories of their own (GitPython)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model_stage_deploy.adapters.git_process import NETWORK_TIMEOUT, Git, last_words
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason


def check_out(commit: str, *, source: str, into: Path, environment: Mapping[str, str], origin: str | None) -> None:
    """Fill the empty directory `into` with a commit (40 or 64 hex digits) of the repository at `source`.

    `source` is a URL or an absolute path; `origin` becomes the checkout's remote, so that tools in it find home.
    No credentials are left in it, no template hooks are copied, submodules and LFS files are not fetched.
    Raises MachineryFailed (git-failed).
    """
    from git import Repo
    from git.exc import GitCommandError

    git = Git(into, environment)
    git.run(["init", "--quiet", "--template=", "."])
    try:
        with Repo(into) as repo, repo.git.custom_environment(**git.environment):
            repo.git.fetch("--quiet", "--no-tags", "--depth=1", source, commit, kill_after_timeout=NETWORK_TIMEOUT)
            repo.git.checkout("--quiet", "--detach", commit)
            if origin:
                repo.git.remote("add", "origin", "--", origin)
    except GitCommandError as problem:
        raise MachineryFailed(
            Reason.GIT_FAILED,
            f"the files of commit {commit[:12]} could not be had: {last_words(str(problem.stderr).encode())}",
        ) from problem
