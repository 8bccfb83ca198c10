"""What stands around a registry's tags, for `doctor`: in a clone, or at a URL that is read without one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from model_stage_deploy.adapters.git_process import NETWORK_TIMEOUT, Git
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_scratch import ScratchRepository, credentials
from model_stage_deploy.adapters.git_workflows import CommittedWorkflows
from model_stage_deploy.adapters.workflow_files_yaml import ENDINGS, FOLDER, LARGEST, UnreadableWorkflow, read_workflow
from model_stage_deploy.core.health import NotChecked
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.workflows import Workflow

_LARGEST_FILE = LARGEST + 1


class CloneSurroundings:
    """A clone: its working tree (of a bare one, HEAD), its commits and its remote. Reads only."""

    def __init__(self, local: GitRepository, token_for: Callable[[str], Secret | None]) -> None:
        self._local = local
        self._quiet = Git(local.git.directory, {"GIT_NO_LAZY_FETCH": "1"})
        self._token_for = token_for
        self._gap = local.why_incomplete()
        top = local.git.attempt(["rev-parse", "--show-toplevel"])
        self._top = os.fsdecode(top.stdout).rstrip("\n") if top.returncode == 0 else ""

    def remote_tags(self) -> Mapping[str, str]:
        """Object ids of the remote's tags, by name. Raises NotChecked, MachineryFailed (git-failed)."""
        url = self._local.remote_url()
        if url is None:
            raise NotChecked("the clone has no remote `origin`")
        if self._gap is not None:
            raise NotChecked(f"{self._gap}, so the remote's tags were looked at instead")
        git = Git(self._local.git.directory, credentials(url, self._token_for(url)))
        listed = git.run(["ls-remote", "--quiet", "--refs", "--tags", "origin"], timeout=NETWORK_TIMEOUT)
        rows = (line.partition("\t") for line in listed.decode(errors="replace").splitlines())
        return {ref.removeprefix("refs/tags/"): object_id for object_id, _, ref in rows}

    def commit_times(self, commits: Iterable[str]) -> Mapping[str, int]:
        """Committer times in unix seconds of those commits that are here. One git process."""
        self._require_commits()
        asked = "".join(f"{commit}\n" for commit in commits).encode()
        if not asked:
            return {}
        done = self._quiet.run(
            ["rev-list", "--no-walk=unsorted", "--ignore-missing", "--format=%H %ct", "--stdin"], given=asked
        )
        rows = (line.split(" ") for line in done.decode().splitlines() if not line.startswith("commit "))
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}

    def workflows(self) -> tuple[Sequence[Workflow], Sequence[str]]:
        """The workflows of the working tree, and complaints about those that cannot be read."""
        if not self._top:
            return _at_head(CommittedWorkflows(self._quiet), self._local.commit_of("HEAD"))
        folder = Path(self._top, FOLDER)
        files = sorted(path for path in folder.iterdir() if path.name.endswith(ENDINGS)) if folder.is_dir() else []
        found, complaints = [], []
        for path in files:
            data = _bytes(path)
            try:
                if data is not None:
                    found.append(read_workflow(f"{FOLDER}/{path.name}", data))
            except UnreadableWorkflow as problem:
                complaints.append(str(problem))
        return found, complaints

    def workflows_at(self, commits: Sequence[str]) -> Mapping[str, Sequence[Workflow] | None]:
        """The readable workflows of each commit, None for a commit that is not here. Four git processes."""
        self._require_commits()
        read = CommittedWorkflows(self._quiet).at(commits)
        return {commit: None if found is None else found[0] for commit, found in read.items()}

    def read_file(self, path: str) -> bytes | None:
        """A file of the working tree's top (of a bare clone, of HEAD); None where there is none."""
        if self._top:
            return _bytes(Path(self._top, path))
        head = self._local.commit_of("HEAD")
        return None if head is None else self._local.read_file(head, path)

    def _require_commits(self) -> None:
        if self._gap is not None:
            raise NotChecked(f"{self._gap}, so commits may be missing")


class RemoteSurroundings:
    """A remote that is read without a clone: the files of its default branch."""

    def __init__(self, scratch: ScratchRepository) -> None:
        self._scratch = scratch

    def remote_tags(self) -> Mapping[str, str]:
        """Raises NotChecked: there is no clone."""
        raise NotChecked("a URL is read without a clone")

    def commit_times(self, _commits: Iterable[str]) -> Mapping[str, int]:
        """Raises NotChecked."""
        raise NotChecked("a URL is read without its history")

    def workflows(self) -> tuple[Sequence[Workflow], Sequence[str]]:
        """The workflows of the default branch, and complaints. Raises MachineryFailed (git-failed)."""
        return _at_head(CommittedWorkflows(self._scratch.git), self._scratch.fetch_commit("HEAD"))

    def workflows_at(self, _commits: Sequence[str]) -> Mapping[str, Sequence[Workflow] | None]:
        """Raises NotChecked."""
        raise NotChecked("a URL is read without its history")

    def read_file(self, path: str) -> bytes | None:
        """A file of the default branch. Raises MachineryFailed (git-failed)."""
        return self._scratch.read_file(self._scratch.fetch_commit("HEAD"), path)


def _at_head(reader: CommittedWorkflows, commit: str | None) -> tuple[Sequence[Workflow], Sequence[str]]:
    return ((), ()) if commit is None else reader.at([commit])[commit] or ((), ())


def _bytes(path: Path) -> bytes | None:
    """The beginning of a plain file, enough to see that it is too large; None where there is none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(_LARGEST_FILE)
