"""Checkouts of single commits into directories of their own (GitPython)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model_stage_deploy.adapters.git_process import NETWORK_TIMEOUT, Git, last_words
from model_stage_deploy.adapters.git_scratch import without_password
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason

# In a job's container the folder belongs to another user (T6). Git was told to trust it, else we would not be here; but
# the git that serves it to a fetch asks again, for `.git`, which actions/checkout does not list.
_SERVED_FROM_ANOTHERS = "--upload-pack=git -c 'safe.directory=*' upload-pack"


def check_out(commit: str, *, source: str, into: Path, environment: Mapping[str, str], origin: str | None) -> None:
    """Fill the empty directory `into` with a commit (40 or 64 hex digits) of the repository at `source`.

    `source` is a URL, or the absolute path of a repository that git has opened already; `origin` becomes the
    checkout's remote, so that tools in it find home.
    No credentials are left in it, no template hooks are copied, submodules and LFS files are not fetched.
    Raises MachineryFailed (git-failed).
    """
    from git.cmd import Git as Commands
    from git.exc import GitCommandError

    git = Git(into, environment)
    git.run(["init", "--quiet", "--template=", "."])
    # Not GitPython's: its watchdog outlives a cancelled run by the whole timeout.
    fetch = ["fetch", "--quiet", "--no-tags", "--depth=1"]
    fetched = git.attempt([*fetch, source, commit], timeout=NETWORK_TIMEOUT)
    if fetched.returncode != 0 and Path(source).is_absolute():
        fetched = git.attempt([*fetch, _SERVED_FROM_ANOTHERS, source, commit], timeout=NETWORK_TIMEOUT)
    if fetched.returncode != 0:
        raise _failed(commit, fetched.stderr)
    try:
        # Not a Repo: that one follows the GIT_DIR and GIT_WORK_TREE of a hook that may have called us.
        commands = Commands(into)
        commands.set_persistent_git_options(c=["core.hooksPath=/dev/null", "core.fsmonitor=false"])
        with commands.custom_environment(**git.environment, **_place(into)):
            commands.checkout("--quiet", "--detach", commit)
            if origin:
                commands.remote("add", "origin", "--", without_password(origin))
    except GitCommandError as problem:
        raise _failed(commit, str(problem.stderr).encode()) from problem


def _place(into: Path) -> dict[str, str]:
    """GitPython can set variables but not remove them."""
    own = into / ".git"
    return {
        "GIT_DIR": str(own),
        "GIT_COMMON_DIR": str(own),
        "GIT_WORK_TREE": str(into),
        "GIT_INDEX_FILE": str(own / "index"),
        "GIT_OBJECT_DIRECTORY": str(own / "objects"),
        "GIT_NAMESPACE": "",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }


def _failed(commit: str, stderr: bytes) -> MachineryFailed:
    return MachineryFailed(
        Reason.GIT_FAILED, f"the files of commit {commit[:12]} could not be had: {last_words(stderr)}"
    )
