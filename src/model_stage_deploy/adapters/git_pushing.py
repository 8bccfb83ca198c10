"""New tags brought to a remote: all or none, never in place of one that is there.

What keeps a tag from being overwritten is that the push is never forced: git here refuses a tag that the remote shows,
and the server, under its lock, one that came in between. `--force-with-lease` would add nothing: it too lets the same
object pass as "up to date".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from model_stage_deploy.adapters.git_asking import is_forbidden, refusals, without_names
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_settings import add_settings
from model_stage_deploy.adapters.git_tagging import spoken
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.ports import TagClash

_TIMEOUT = 600.0  # seconds: a commit that the remote lacks goes along, with its files
# Another push holds or just made the ref. Where nobody does, the caller's tries come to an end.
_CONTENDED = re.compile(r"already exists|cannot lock ref|failed to update ref|failed to lock|fetch first|stale info")
_CROSSED = re.compile(r"exists; cannot create|directory/file conflict")
_BROKEN_OFF = re.compile(
    r"hung up|RPC failed|disconnect|did not end within|timed out|connection reset|broken pipe", re.I
)

Listed = Callable[[Sequence[str]], Mapping[str, str]]
"""Asks the remote for tags by name: object ids by name of those that are there. Raises MachineryFailed."""


def push_tags(
    git: Git,
    remote: str,
    ids: Mapping[str, str],
    listed: Listed,
    *,
    thin: bool,
    negotiate: bool,
    turn: tuple[str, str] | None = None,
) -> None:
    """Make tags (object ids by name) on a remote, all of them or none.

    `turn` is a ref and the object that it must still be at ("" for none); the push moves it to the last of the tags.

    With `negotiate` git asks the server first which commits it has (git 2.32). It cannot know that of a commit that is
    not at the tip of a branch or tag, and would send its files again: from a repository without them, after fetching
    them. Without `thin` no tree is fetched either, and one object per tag is sent. `thin` is for new commits.

    Raises TagClash, MachineryFailed (permission-missing, git-failed).
    """
    # Git takes no names for a mirror.
    settings = [(f"remote.{remote}.mirror", "false"), ("push.negotiate", str(negotiate).lower())]
    add_settings(git, settings)
    refspecs = [f"{object_id}:refs/tags/{name}" for name, object_id in ids.items()]
    leases = []
    if turn is not None:
        ref, was = turn
        refspecs.append(f"{[*ids.values()][-1]}:{ref}")
        leases.append(f"--force-with-lease={ref}:{was}")  # of this ref alone: no tag can be overwritten by it
    try:
        done = git.attempt(
            [
                *("push", "--atomic", "--porcelain", "--no-follow-tags", "--recurse-submodules=no"),
                *("--thin" if thin else "--no-thin", *leases),
                *("--end-of-options", remote, *refspecs),
            ],
            timeout=_TIMEOUT,
        )
    except MachineryFailed as problem:
        _look_after(ids, listed, problem.message)
        return
    flags = [line[0] for line in done.stdout.decode(errors="replace").splitlines() if line[1:2] == "\t"]
    if done.returncode == 0:
        # Somebody of the same name made the very same tags in the same second.
        if flags and set(flags) == {"="}:
            raise TagClash(list(ids))
        return
    there = _there_already(done.stdout)
    if there:
        raise TagClash([name for name in ids if name in there])
    words = spoken(f"{done.stderr.decode(errors='replace')}\n{refusals(done.stdout)}")
    _look_after(ids, listed, words)


def _look_after(ids: Mapping[str, str], listed: Listed, words: str) -> None:
    """What became of a push that failed, by what the remote has now. Returns if it came through all the same."""
    kind = _without_names(words, ids)
    unsure = _BROKEN_OFF.search(kind) is not None and "not support --atomic" not in kind
    forbidden = is_forbidden(kind) and "already exists" not in kind
    if forbidden and not unsure:
        raise _forbidden(words)
    try:
        there = listed(list(ids))
    except MachineryFailed as problem:
        raise _unknown(ids, words) if unsure else _failed(words) from problem
    if unsure and there == dict(ids):
        return
    if there:
        raise TagClash([name for name in ids if name in there])
    if forbidden:
        raise _forbidden(words)
    if _CONTENDED.search(kind) and not _CROSSED.search(kind):
        raise TagClash(list(ids))
    raise _failed(words)


def _there_already(porcelain: bytes) -> set[str]:
    """Names of tags that git, by what the remote showed it, did not even try to make."""
    rows = porcelain.decode(errors="replace")
    return set(re.findall(r"^!\t\S+?:refs/tags/(\S+)\t\[rejected\] \(already exists\)$", rows, re.MULTILINE))


def _without_names(words: str, ids: Mapping[str, str]) -> str:
    """The words without names and addresses, which may themselves say `protected` or `denied`."""
    for name in ids:
        words = words.replace(name, "")
    return without_names(words)


def _forbidden(words: str) -> MachineryFailed:
    return MachineryFailed(
        Reason.PERMISSION_MISSING,
        f"the remote does not let the tags in, and none was made: {words}",
        hint="who pushes must be allowed to write: in a workflow `permissions: contents: write`, on GitLab a token "
        "with the scope write_repository; a rule set of the "
        "repository may keep tags from being made, too",
    )


def _failed(words: str) -> MachineryFailed:
    hint = "tags are pushed all or none, which this server cannot do: make them without --push, then push them"
    return MachineryFailed(
        Reason.GIT_FAILED,
        f"the tags were not pushed, and none was made: {words}",
        hint=hint if "not support --atomic" in words else "see that `git push --dry-run` works, then try again",
    )


def _unknown(ids: Mapping[str, str], words: str) -> MachineryFailed:
    return MachineryFailed(
        Reason.GIT_FAILED,
        f"the push broke off, and whether the tags are on the remote is not known: {words}",
        hint="look before you try again: git ls-remote --tags origin " + " ".join(f"'{name}'" for name in ids),
    )
