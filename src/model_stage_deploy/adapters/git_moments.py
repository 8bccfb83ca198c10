"""When a tag or commit was made: for asking what a registry said at that moment."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_scratch import ScratchRepository
from model_stage_deploy.core.errors import MachineryFailed

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NAME = re.compile(r"[^\s~^:?*\[\\\x00-\x1f\x7f-][^\s~^:?*\[\\\x00-\x1f\x7f]{0,500}")
_STEPS = re.compile(r"(?:[~^][0-9]{0,9})*$")
_SIGNATURE = re.compile(rb"(tagger|committer) .*> (-?\d{1,15}) [+-]\d{4}")
_SEARCHES = ("@{", "..")  # `main@{yesterday}` would be read by git's reader of dates


def time_here(repository: GitRepository, text: str) -> int | None:
    """Unix time of a tag (its tagger's), a branch or a commit (its committer's) in a repository; None for none.

    A tag goes before a branch of its name. `HEAD~2` is understood, and what would search or guess is not.
    """
    if not _is_plain(text):
        return None
    names = ["refs/tags/{}", "refs/heads/{}", "refs/remotes/origin/{}", "{}"]
    return _first(repository, [name.format(text) for name in names])


def time_there(scratch: ScratchRepository, text: str) -> int | None:
    """The same, asked of a remote: it knows tags, branches and whole commit ids."""
    if not _is_plain(text):
        return None
    whole = text.startswith("refs/") or text == "HEAD" or _COMMIT.fullmatch(text)
    for name in [text] if whole else [f"refs/tags/{text}", f"refs/heads/{text}"]:
        try:
            fetched = scratch.fetch_object(name)
        except MachineryFailed:
            if scratch.answers():
                continue
            raise
        return _first(scratch, [fetched])
    return None


def _is_plain(text: str) -> bool:
    name = _STEPS.sub("", text)
    return _NAME.fullmatch(name) is not None and not any(search in text for search in _SEARCHES)


def _first(repository: GitRepository, names: Sequence[str]) -> int | None:
    for name in names:
        done = repository.git.attempt(["rev-parse", "--verify", "--quiet", "--end-of-options", name])
        found = done.stdout.decode(errors="replace").strip()
        if done.returncode == 0 and _COMMIT.fullmatch(found):
            return _time_of(repository, found)
    return None


def _time_of(repository: GitRepository, object_id: str) -> int | None:
    """The time in the object's own head; None for a file, a folder, a tag without a tagger, or nothing at all."""
    kind = repository.git.attempt(["cat-file", "-t", object_id]).stdout.decode().strip()
    if kind not in ("tag", "commit"):
        return None
    head, _, _ = repository.git.run(["cat-file", kind, object_id]).partition(b"\n\n")
    wanted = b"tagger" if kind == "tag" else b"committer"
    for line in head.splitlines():
        match = _SIGNATURE.fullmatch(line)
        if match is not None and match[1] == wanted:
            return int(match[2])
    return None
