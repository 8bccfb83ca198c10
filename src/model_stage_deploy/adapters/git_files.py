"""Many small files of many commits at once: a handful of git processes, where one for each file would take seconds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence

from model_stage_deploy.adapters.git_batch import LARGEST, read_objects
from model_stage_deploy.adapters.git_process import NETWORK_TIMEOUT, Git
from model_stage_deploy.adapters.git_scratch import ScratchRepository
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason

Asked = tuple[str, str]
"""A full commit id and a path from the top."""
MOST = 64 << 20
"""Bytes of all files together; those beyond are left out."""
_KEPT = "refs/msd/files/"
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def read_files(git: Git, asked: Iterable[Asked]) -> dict[Asked, bytes | None]:
    """What GitRepository.read_file says of each, None where the commit has no such file.

    Left out are files of commits that are not here, large files, and paths that do not fit on a line.
    Raises MachineryFailed (git-failed).
    """
    found: dict[Asked, bytes | None] = {}
    names: dict[Asked, str] = {}
    for commit, path in dict.fromkeys(asked):
        plain = os.path.normpath(path)
        if plain in (".", "..") or plain.startswith(("../", "/")):
            found[commit, path] = None
        elif _ID.fullmatch(commit) and "\n" not in plain and "\0" not in plain:
            names[commit, path] = f"{commit}:{plain}"
    here = _present(git, {commit for commit, _ in names})
    names = {one: name for one, name in names.items() if one[0] in here}
    blobs: dict[Asked, str] = {}
    left = MOST
    for one, (object_id, kind, size) in zip(names, _looked_at(git, names.values()), strict=True):
        if kind != "blob":
            found[one] = None
        elif size <= LARGEST and (object_id in blobs.values() or size <= left):
            left -= 0 if object_id in blobs.values() else size
            blobs[one] = object_id
    contents = read_objects(git, list(blobs.values()))
    return found | {one: contents[blob].data for one, blob in blobs.items() if blob in contents}


def bring(scratch: ScratchRepository, asked: Sequence[Asked]) -> None:
    """Fetch what `read_files` will read into a repository that has no files by itself, by two fetches.

    Raises MachineryFailed (git-failed) where the remote does not give the commits.
    """
    # Whether a commit is here cannot be asked of such a repository: git would fetch it for that, one after the other.
    known = scratch.git.run(["for-each-ref", f"--format=%(refname:lstrip={_KEPT.count('/')})", _KEPT]).decode().split()
    missing = sorted({commit for commit, _ in asked if _ID.fullmatch(commit)} - set(known))
    fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1", "--filter=blob:none")
    if missing:
        specs = [f"+{commit}:{_KEPT}{commit}" for commit in missing]
        scratch.git.run([*fetch, "--end-of-options", "origin", *specs], timeout=NETWORK_TIMEOUT)
    blobs = _blobs_of(scratch.git, asked)
    if blobs:  # git would fetch them by itself, one after the other; where this fails, it still does
        words = ["-c", "fetch.negotiationAlgorithm=noop", *fetch, "--recurse-submodules=no", "--stdin", "origin"]
        scratch.git.attempt(words, timeout=NETWORK_TIMEOUT, given=_lines(sorted(blobs)))


def _blobs_of(git: Git, asked: Sequence[Asked]) -> set[str]:
    """Ids of the files, read from the trees that they are in: of the files themselves git would have to be asked."""
    names: dict[str, set[bytes]] = {}
    for commit, path in asked:
        directory, name = os.path.split(os.path.normpath(path))
        if _ID.fullmatch(commit) and "\n" not in directory and "\0" not in path:
            names.setdefault(f"{commit}:{directory}", set()).add(name.encode(errors="surrogatepass"))
    found: set[str] = set()
    for place, tree in read_objects(git, list(names)).items():
        if tree.kind == "tree":
            found.update(
                object_id for name, object_id in _entries(tree.data, place.find(":") // 2) if name in names[place]
            )
    return found


def _entries(tree: bytes, width: int) -> Iterator[tuple[bytes, str]]:
    """Names and ids of the files in a tree as Git stores it; `width` is the bytes of an id."""
    at = 0
    while (end := tree.find(b"\0", at)) >= 0:
        mode, _, name = tree[at:end].partition(b" ")
        at = end + 1 + width
        if mode.startswith(b"100"):
            yield name, tree[end + 1 : at].hex()


def _present(git: Git, commits: set[str]) -> set[str]:
    """Those of the commits that are here."""
    ordered = sorted(commits)
    looked_at = _looked_at(git, ordered)
    return {commit for commit, (_, kind, _) in zip(ordered, looked_at, strict=True) if kind == "commit"}


def _looked_at(git: Git, names: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Id, kind and size of each object; "", "" and 0 of one that is not there."""
    asked = list(names)
    if not asked:
        return
    told = git.run(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"], given=_lines(asked))
    lines = told.decode(errors="replace").split("\n")[:-1]
    if len(lines) != len(asked):
        raise MachineryFailed(Reason.GIT_FAILED, "git cat-file answered something else than it was asked")
    for line in lines:
        object_id, _, rest = line.partition(" ")
        kind, _, size = rest.partition(" ")
        known = _ID.fullmatch(object_id) and size.isdigit()
        yield (object_id, kind, int(size)) if known else ("", "", 0)


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode(errors="surrogatepass")
