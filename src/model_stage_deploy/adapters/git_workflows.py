"""Workflow files as commits hold them: four git processes for any number of commits, and each file is read once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.workflow_files_yaml import (
    ENDINGS,
    FOLDER,
    LARGEST,
    UnreadableWorkflow,
    read_workflow,
)
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.workflows import Workflow

_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0")
_FILE_MODES = (b"100644", b"100755")
_CHECK = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
Entry = tuple[str, str]  # path, blob id


class CommittedWorkflows:
    """The workflows of commits in one repository."""

    def __init__(self, git: Git) -> None:
        self._git = git

    def at(self, commits: Sequence[str]) -> dict[str, tuple[list[Workflow], list[str]] | None]:
        """Workflows of each commit and complaints about its unreadable ones; None for a commit that is not here.

        Raises MachineryFailed (git-failed).
        """
        folders = self._folders(commits)
        trees = self._trees({folder for folder in folders.values() if folder})
        files = self._files({entry for entries in trees.values() for entry in entries})
        found: dict[str, tuple[list[Workflow], list[str]] | None] = {}
        for commit, folder in folders.items():
            read = [files[entry] for entry in trees.get(folder or "", ())]
            found[commit] = (
                None
                if folder is None
                else (
                    [one for one in read if isinstance(one, Workflow)],
                    [one for one in read if isinstance(one, str)],
                )
            )
        return found

    def _folders(self, commits: Sequence[str]) -> dict[str, str | None]:
        """The tree of the folder in each commit, "" where it has none, None where the commit is not here."""
        asked = [line for commit in commits for line in (f"{commit}^{{tree}}", f"{commit}:{FOLDER}")]
        answers = self._checked(asked)
        found: dict[str, str | None] = {}
        for commit, top, folder in zip(commits, answers[::2], answers[1::2], strict=True):
            found[commit] = None if top[1] != "tree" else folder[0] if folder[1] == "tree" else ""
        return found

    def _trees(self, trees: Iterable[str]) -> dict[str, list[Entry]]:
        return {tree: list(_entries(data)) for tree, data in self._contents(sorted(trees)).items()}

    def _files(self, entries: Iterable[Entry]) -> Mapping[Entry, Workflow | str]:
        """Each file as a workflow, or why it is none."""
        wanted = sorted(entries)
        sizes = self._checked([blob for _, blob in wanted])
        small = sorted(
            {blob for (_, blob), (_, kind, size) in zip(wanted, sizes, strict=True) if kind and size <= LARGEST}
        )
        texts = self._contents(sorted(set(small)))
        return {(path, blob): _workflow(path, texts.get(blob)) for path, blob in wanted}

    def _checked(self, names: Sequence[str]) -> list[tuple[str, str, int]]:
        """Id, type and size of each object; empty and 0 for what is missing."""
        if not names:
            return []
        lines = self._git.run(["cat-file", _CHECK], given="".join(f"{name}\n" for name in names).encode()).decode()
        cells = [line.split(" ") for line in lines.splitlines()]
        if len(cells) != len(names):
            raise _unexpected()
        return [(row[0], row[1], int(row[2])) if len(row) == 3 and row[2].isdigit() else ("", "", 0) for row in cells]

    def _contents(self, names: Sequence[str]) -> dict[str, bytes]:
        """What the objects hold; those that are missing are left out."""
        if not names:
            return {}
        data = self._git.run(["cat-file", "--batch"], given="".join(f"{name}\n" for name in names).encode())
        found, at = {}, 0
        for name in names:
            end = data.index(b"\n", at)
            head = data[at:end].split(b" ")
            at = end + 1
            if len(head) == 3 and head[2].isdigit():
                found[name] = data[at : at + int(head[2])]
                at += int(head[2]) + 1
        return found


def _entries(tree: bytes) -> Iterator[Entry]:
    """The workflow files among the entries of a tree object."""
    at = 0
    width = _width(tree)
    while (head := _ENTRY.match(tree, at)) is not None:
        blob = tree[head.end() : head.end() + width].hex()
        at = head.end() + width
        name = head[2].decode(errors="replace")
        if head[1] in _FILE_MODES and name.endswith(ENDINGS):
            yield f"{FOLDER}/{name}", blob


def _width(tree: bytes) -> int:
    """Bytes of an object id: 20, or 32 in a repository of SHA-256. The right one leads to the end of the tree."""
    for width in (20, 32):
        at = 0
        while (head := _ENTRY.match(tree, at)) is not None:
            at = head.end() + width
        if at == len(tree):
            return width
    raise _unexpected()


def _workflow(path: str, text: bytes | None) -> Workflow | str:
    if text is None:
        return f"{path}: the file is missing in this clone, or too large"
    try:
        return read_workflow(path, text)
    except UnreadableWorkflow as problem:
        return str(problem)


def _unexpected() -> MachineryFailed:
    return MachineryFailed(Reason.GIT_FAILED, "git cat-file gave an answer that cannot be understood")
