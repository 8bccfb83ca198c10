"""Asking a remote by one git process, and what its words mean where it refuses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_tagging import spoken
from model_stage_deploy.core.errors import MachineryFailed

_FORBIDDEN = re.compile(
    r"\b40[13]\b|permission|denied|protected|declined|read.?only|not allowed|not enabled|not authorized|unauthorized"
    r"|authentication failed|could not read (username|password)|write access|GH006|GH013|rule violations|hidden ref",
    re.IGNORECASE,
)


def asked(git: Git, arguments: Sequence[str], patience: float, given: bytes | None = None) -> str:
    """Ask for at most `patience` seconds, with `given` to read; what went wrong in words, "" for nothing."""
    try:
        done = git.attempt(arguments, timeout=patience, given=given)
    except MachineryFailed as problem:
        return problem.message
    return "" if done.returncode == 0 else spoken(f"{done.stderr.decode(errors='replace')}\n{refusals(done.stdout)}")


def refusals(porcelain: bytes) -> str:
    """Why refs were rejected, as `git push --porcelain` says in brackets, each reason once."""
    found = re.findall(r"^!\t.*\[(?:remote )?rejected\] \((.*)\)$", porcelain.decode(errors="replace"), re.MULTILINE)
    return "\n".join(dict.fromkeys(found))


def is_forbidden(words: str) -> bool:
    """Whether the remote says that we may not."""
    return _FORBIDDEN.search(without_names(words)) is not None


def without_names(words: str) -> str:
    """The words without names and addresses, which may themselves say `denied`."""
    return re.sub(r"refs/\S+|'[^']*'|\S*://\S*", "''", words)
