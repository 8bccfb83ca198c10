"""Reads the files of many refs by few git processes, whatever somebody put there. Used by git_targets.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason

_LARGEST = 256 * 1024 * 1024  # bytes of all files: 100,000 targets take 40 MB
_MOST = 1000  # files of one ref: 100,000 targets in growing files take less than twenty


class Row(NamedTuple):
    """A ref, its commit, and the tree of that: "" where it is no commit."""

    ref: str
    commit: str
    tree: str


class BadRef(ValueError):
    """What stands in a ref is none of ours."""

    def __init__(self, ref: str, why: str) -> None:
        super().__init__(why)
        self.ref = ref


def listed(git: Git, prefix: str) -> list[Row]:
    """The refs under `prefix`. Raises MachineryFailed (log-failed)."""
    told = _run(git, ["for-each-ref", "--format=%(refname) %(objectname) %(tree)", prefix])
    rows = (line.split(" ") for line in told.decode(errors="replace").splitlines())
    return [Row(ref, commit, tree) for ref, commit, tree in rows]


def read_files(git: Git, rows: Sequence[Row]) -> Iterator[tuple[str, bytes]]:
    """Every file of those refs, with its ref, in the order of their names. Raises BadRef, MachineryFailed (log-failed).

    However many refs there are, git is started three times.
    """
    for row in rows:
        if not row.tree:
            raise BadRef(row.ref, "it is no commit")
    files = []
    for ref, tree in _objects(git, [(row.ref, row.tree) for row in rows], "tree"):
        width = len(rows[0].tree) // 2
        files += [(ref, blob) for blob in _blobs(ref, tree, width)]
    if not files:
        return
    _check_sizes(git, files)
    yield from _objects(git, files, "blob")


def _blobs(ref: str, tree: bytes, width: int) -> list[str]:
    """The files of a tree as Git stores it; `width` is the bytes of an object's id."""
    found: list[str] = []
    at = 0
    while at < len(tree):
        end = tree.find(b"\0", at)
        mode, _, _ = tree[at:end].partition(b" ")
        at = end + 1 + width
        if mode != b"100644" or end < 0 or at > len(tree) or len(found) >= _MOST:
            raise BadRef(ref, "it has other things than files of ours")
        found.append(tree[end + 1 : at].hex())
    return found


def _check_sizes(git: Git, files: Sequence[tuple[str, str]]) -> None:
    told = _run(git, ["cat-file", "--batch-check=%(objectsize)"], _asking(files))
    at = 0
    for (ref, _), size in zip(files, told.decode(errors="replace").splitlines(), strict=True):
        at += int(size) if size.isdigit() else _LARGEST + 1
        if at > _LARGEST:
            raise BadRef(ref, f"its files are larger than {_LARGEST // 2**20} MB, or not all there")


def _objects(git: Git, wanted: Sequence[tuple[str, str]], kind: str) -> Iterator[tuple[str, bytes]]:
    """The contents of objects, each after the ref that has it, in their order."""
    told = memoryview(_run(git, ["cat-file", "--batch"], _asking(wanted)) if wanted else b"")
    at = 0
    for ref, object_id in wanted:
        line = bytes(told[at : at + 200]).partition(b"\n")[0]
        fields = line.decode(errors="replace").split(" ")
        if len(fields) != 3 or fields[0] != object_id or fields[1] != kind:
            raise BadRef(ref, f"there is no {kind} {object_id[:12]}")
        start = at + len(line) + 1
        at = start + int(fields[2]) + 1
        yield ref, bytes(told[start : at - 1])


def _asking(wanted: Sequence[tuple[str, str]]) -> bytes:
    return "".join(f"{object_id}\n" for _, object_id in wanted).encode()


def _run(git: Git, arguments: Sequence[str], given: bytes | None = None) -> bytes:
    try:
        return git.run(arguments, given=given)
    except MachineryFailed as problem:
        message = f"what became of the targets cannot be read: {problem.message}"
        raise MachineryFailed(Reason.LOG_FAILED, message) from problem
