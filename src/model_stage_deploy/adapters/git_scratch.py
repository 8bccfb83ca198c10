"""A scratch repository for what a checkout lacks: one model's tags, the mapping's ref, a commit's files.

The user's own clone is left alone: a filtered fetch there would make later workflow steps fetch without trees.
The token travels in the environment (GIT_CONFIG_*), never on a command line, and only to its own server.
"""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from model_stage_deploy.adapters.git_process import NETWORK_TIMEOUT, Git
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.tags import tag_artifact

_CONFIG_REF = "refs/msd/config"


def credentials(url: str, token: Secret | None) -> dict[str, str]:
    """Environment that lets git send the token to the server of `url`, and to no other (T5).

    Without a token, a user and password written in the address go the same way.
    """
    parts = urlsplit(url)
    pair = basic(token) if token is not None else _pair_in(parts)
    if not pair or parts.scheme not in ("http", "https") or not parts.netloc:
        return {}
    given = os.environ.get("GIT_CONFIG_COUNT", "")
    at = int(given) if given.isdigit() else 0  # after settings that the caller passes in the same way
    return {
        "GIT_CONFIG_COUNT": str(at + 1),
        f"GIT_CONFIG_KEY_{at}": f"http.{parts.scheme}://{parts.netloc.rpartition('@')[2]}/.extraheader",
        f"GIT_CONFIG_VALUE_{at}": f"Authorization: basic {pair}",
    }


def basic(token: Secret) -> str:
    """The token as git sends it: a secret too."""
    return base64.b64encode(f"x-access-token:{token.reveal()}".encode()).decode()


def without_password(url: str) -> str:
    """The address without the user and password that some clones keep in it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _pair_in(parts: SplitResult) -> str:
    if not parts.password:
        return ""
    return base64.b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password)}".encode()).decode()


class ScratchRepository(GitRepository):
    """A bare, throw-away repository that fetches from `url` just what is asked of it."""

    def __init__(self, directory: Path, url: str, token: Secret | None) -> None:
        self.credentials = credentials(url, token)
        super().__init__(Git(directory, self.credentials))
        self.directory = directory
        self.url = without_password(url) if self.credentials else url
        self._fetched: dict[str, str] = {}

    @classmethod
    def create(cls, url: str, token: Secret | None) -> ScratchRepository:
        """Make one in a temporary directory that the caller deletes. Raises MachineryFailed (git-failed)."""
        directory = Path(tempfile.mkdtemp(prefix="model-stage-deploy-"))
        scratch = cls(directory, url, token)
        scratch.git.run(["init", "--quiet", "--bare", "--template=", "."])
        scratch.git.run(["remote", "add", "origin", "--", scratch.url])
        scratch.git.run(["config", "remote.origin.promisor", "true"])
        scratch.git.run(["config", "remote.origin.partialclonefilter", "tree:0"])
        return scratch

    def answers(self) -> bool:
        """Whether the remote can be asked at all."""
        return self.git.attempt(["ls-remote", "--quiet", "origin", "HEAD"], timeout=NETWORK_TIMEOUT).returncode == 0

    def fetch_tags(self, model: str | None) -> list[TagRecord]:
        """The remote's tags of one model (or all): tag objects and commits, no trees, files or history."""
        patterns = ["refs/tags/*"] if model is None else [f"refs/tags/{tag_artifact(model)}{mark}*" for mark in "#@"]
        try:
            self._fetch("tree:0", [f"+{pattern}:{pattern}" for pattern in patterns])
        except MachineryFailed:
            # A shallow fetch that finds no ref at all fails without a word.
            if self._has_none(patterns):
                return []
            raise
        return self.tags(model)

    def _has_none(self, patterns: list[str]) -> bool:
        """Whether the remote answers and has no such refs."""
        listed = self.git.attempt(["ls-remote", "--quiet", "origin", *patterns], timeout=NETWORK_TIMEOUT)
        return listed.returncode == 0 and not listed.stdout.strip()

    def fetch_commit(self, ref: str) -> str:
        """Commit id of a full ref name, HEAD or commit id of the remote, brought here with its trees.

        Raises MachineryFailed (git-failed).
        """
        if ref not in self._fetched:
            self._fetch("blob:none", [f"+{ref}:{_CONFIG_REF}"])
            found = self.commit_of(_CONFIG_REF)
            if found is None:
                raise MachineryFailed(Reason.GIT_FAILED, f"{ref!r} of {self.shown_url} is not a commit")
            self._fetched[ref] = found
        return self._fetched[ref]

    @property
    def shown_url(self) -> str:
        """The remote's address without user, password or query."""
        parts = urlsplit(self.url)
        if not parts.scheme or not parts.hostname:
            return self.url
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    def _fetch(self, object_filter: str, refspecs: list[str]) -> None:
        self.git.run(
            [
                *("fetch", "--quiet", "--no-tags", "--depth=1", f"--filter={object_filter}", "--end-of-options"),
                *("origin", *refspecs),
            ],
            timeout=NETWORK_TIMEOUT,
        )
