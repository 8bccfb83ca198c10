"""A bare clone of a URL in a temporary directory, kept while pages are served and brought up to date.

It has every tag, the commits that branches and tags are at, their trees and small files: no history, no large files.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from model_stage_deploy.adapters.git_process import NETWORK_TIMEOUT, Git
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_scratch import credentials, shown, without_password
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret

# Large files are fetched when somebody reads them; git of a server that knows no filters sends all.
_FILTERS = ("--filter=blob:limit=64k", "--no-filter")
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
# What hangs ends by itself: nobody may be left to end it.
_IMPATIENT = {"GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": "20"}
ASKING_TIMEOUT = 30.0


class Listing(NamedTuple):
    """What a remote has: digests of its tags, and of all that is of interest; the branch that is its HEAD, "" where it
    does not say."""

    tags: str
    all: str
    head: str
    is_empty: bool = False


class KeptClone(GitRepository):
    """Fulfils what a whole clone does for one who reads. `refresh` and reading may go on at the same time."""

    def __init__(self, url: str, token: Secret | None) -> None:
        """Raises MachineryFailed (git-failed) where no temporary directory can be made."""
        try:
            self.place = Path(tempfile.mkdtemp(prefix="model-stage-deploy-"))
        except OSError as problem:
            raise MachineryFailed(
                Reason.GIT_FAILED, f"no temporary directory can be made in {tempfile.gettempdir()}: {problem.strerror}"
            ) from problem
        access = credentials(url, token)
        self.url = without_password(url) if access else url
        self._outside = Git(self.place, access | _IMPATIENT)
        self._made = self.place / "registry.git"
        super().__init__(Git(self._made, access | _IMPATIENT))

    @property
    def shown_url(self) -> str:
        """The address without user, password or query."""
        return shown(self.url)

    def listing(self) -> Listing:
        """What the remote has now. Raises MachineryFailed (git-failed, permission-missing)."""
        words = ("ls-remote", "--quiet", "--symref", "--end-of-options", self.url)
        told = self._outside.run([*words, "HEAD", "refs/heads/*", "refs/tags/*"], timeout=ASKING_TIMEOUT)
        lines = told.splitlines(keepends=True)
        tags = b"".join(line for line in lines if b"\trefs/tags/" in line)
        heads = [line for line in lines if line.startswith(b"ref: ") and line.rstrip().endswith(b"\tHEAD")]
        head = heads[0].decode(errors="replace")[5:].partition("\t")[0] if heads else ""
        return Listing(hashlib.sha256(tags).hexdigest(), hashlib.sha256(told).hexdigest(), head, is_empty=not lines)

    def refresh(self, listing: Listing) -> None:
        """Have what the remote has. Raises MachineryFailed (git-failed, permission-missing)."""
        if listing.is_empty:  # a shallow fetch that finds no ref at all fails without a word
            shutil.rmtree(self._made, ignore_errors=True)
        if not self._made.exists():
            self._clone()
            return
        words = ("fetch", "--quiet", "--atomic", "--no-tags", "--prune", "--depth=1")
        self._with_little(lambda option: [*words, option, "--end-of-options", "origin", *_REFS], self.git)
        if listing.head:
            self.git.run(["symbolic-ref", "HEAD", listing.head])

    def _clone(self) -> None:
        # What tidies up does so before we go on, for the directory may be removed at any time.
        words = (
            "clone",
            "--quiet",
            "--config=gc.autoDetach=false",
            "--bare",
            "--template=",
            "--depth=1",
            "--no-single-branch",
        )
        new = self.place / "new.git"

        def command(option: str) -> list[str]:
            shutil.rmtree(new, ignore_errors=True)
            return [*words, option, "--end-of-options", self.url, new.name]

        self._with_little(command, self._outside)
        new.rename(self._made)

    def _with_little(self, command: Callable[[str], list[str]], git: Git) -> None:
        """Run it with as little beside the tags as can be: a tag on a folder confuses git's filters."""
        try:
            git.run(command(_FILTERS[0]), timeout=NETWORK_TIMEOUT)
        except MachineryFailed as problem:
            if "did not send all necessary objects" not in problem.message and "bad revision" not in problem.message:
                raise
            git.run(command(_FILTERS[1]), timeout=NETWORK_TIMEOUT)

    def commit_of(self, revision: str) -> str | None:
        """As in a clone that has the remote's branches below refs/remotes/origin."""
        if revision.startswith("refs/remotes/origin/"):
            branch = revision.removeprefix("refs/remotes/origin/")
            revision = "HEAD" if branch == "HEAD" else f"refs/heads/{branch}"
        return super().commit_of(revision)

    def is_plainly_whole(self) -> bool:
        """All tags are here, and whatever file is not comes when it is read."""
        return True

    def why_incomplete(self) -> str | None:
        """Nothing is missing that one would miss."""
        return None

    def remote_url(self, name: str = "origin") -> str | None:  # noqa: ARG002 - it has one remote
        """The address that it is a clone of."""
        return self.url

    def close(self) -> None:
        """Remove it."""
        shutil.rmtree(self.place, ignore_errors=True)
