"""A Git repository on disk, read through git's own plumbing: tags in one process, files, refs, completeness.

Fetching what is missing is next door, in git_scratch.py.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from model_stage_deploy.adapters.git_process import Git, last_words
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import tag_artifact

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# %(object) and %(type) are the tag object's own header lines: how far %(*objectname) peels differs between gits.
_FIELDS = (
    "%(refname:lstrip=2)",
    "%(objectname)",
    "%(objecttype)",
    "%(tag)",
    "%(object)",
    "%(type)",
    "%(taggername)",
    "%(taggeremail:trim)",
    "%(taggerdate:raw)",
    "%(contents)",
)
_FORMAT = "%00".join(_FIELDS) + "%00"


class GitRepository:
    """A repository in a directory. Reads only."""

    def __init__(self, git: Git) -> None:
        self.git = git

    @classmethod
    def open(cls, path: Path) -> GitRepository:
        """The repository at or above `path`. Raises Invalid (not-a-repository)."""
        git = Git(path)
        done = git.attempt(["rev-parse", "--git-dir"])
        if done.returncode != 0:
            raise Invalid(
                Reason.NOT_A_REPOSITORY,
                f"{str(path)!r} is not in a Git repository ({last_words(done.stderr)})",
                hint="name the repository with --repo PATH",
            )
        return cls(git)

    @property
    def top(self) -> Path:
        """The working tree's top directory (of a bare repository, itself)."""
        done = self.git.attempt(["rev-parse", "--show-toplevel"])
        shown = os.fsdecode(done.stdout).rstrip("\n")
        return Path(shown) if done.returncode == 0 and shown else self.git.directory

    @property
    def git_directory(self) -> Path:
        """Absolute path of the repository's own data (`.git`)."""
        return Path(os.fsdecode(self.git.run(["rev-parse", "--absolute-git-dir"])).rstrip("\n"))

    def tags(self, model: str | None) -> list[TagRecord]:
        """All tags of one model, or of all; one git process, no object read by us. Raises MachineryFailed."""
        raw = self.git.run(["for-each-ref", f"--format={_FORMAT}", *tag_patterns(model)])
        fields = raw.decode(errors="replace").split("\0")
        width = len(_FIELDS)
        rows = (fields[at : at + width] for at in range(0, len(fields) - 1, width))
        return [self._record(row) for row in rows]

    def commit_of(self, revision: str) -> str | None:
        """The commit that a revision names, None where it names none."""
        done = self.git.attempt(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
        found = done.stdout.decode().strip()
        return found if done.returncode == 0 and _COMMIT.fullmatch(found) else None

    def read_file(self, commit: str, path: str) -> bytes | None:
        """A file of a commit; None where it has none. Raises MachineryFailed where the commit is not there.

        `path` counts from the repository's top, wherever we were started; git would take `./` and `../` otherwise.
        """
        plain = posixpath.normpath(path)
        if plain in (".", "..") or plain.startswith(("../", "/")):
            return None
        name = f"{commit}:{plain}"
        done = self.git.attempt(["cat-file", "blob", name])
        if done.returncode == 0:
            return done.stdout
        if self.commit_of(commit) is None:
            raise MachineryFailed(Reason.GIT_FAILED, f"commit {commit[:12]} is not in this repository")
        complaint = done.stderr.decode(errors="replace")
        if "does not exist" in complaint or "Not a valid object name" in complaint or "bad file" in complaint:
            return None
        raise MachineryFailed(Reason.GIT_FAILED, f"git cannot read {path} at {commit[:12]}: {last_words(done.stderr)}")

    def remote_url(self, name: str = "origin") -> str | None:
        """Address of a remote, None where there is none."""
        done = self.git.attempt(["config", "--get", f"remote.{name}.url"])
        return os.fsdecode(done.stdout).strip() or None if done.returncode == 0 else None

    def why_incomplete(self) -> str | None:
        """Why tags may be missing here, or None where this is a whole clone (T1-T3, T7)."""
        done = self.git.run(["rev-parse", "--is-shallow-repository"]).decode().strip()
        if done == "true":
            return "this is a shallow clone"
        settings = self._settings(r"^(remote\..*\.(tagopt|fetch|partialclonefilter|promisor|mirror)|extensions\.)")
        for name, value in settings:
            if name.endswith(".tagopt") and value == "--no-tags":
                return "this clone leaves tags out (tagOpt = --no-tags)"
            if name.endswith((".partialclonefilter", "extensions.partialclone")):
                return "this is a partial clone"
        fetched = [value for name, value in settings if name.endswith(".fetch")]
        if fetched and not any("refs/heads/*" in value or value.startswith(("+refs/*", "refs/*")) for value in fetched):
            return "this is a clone of a single branch"
        return None

    def _settings(self, pattern: str) -> list[tuple[str, str]]:
        done = self.git.attempt(["config", "--null", "--get-regexp", pattern])
        pairs = (entry.partition("\n") for entry in done.stdout.decode(errors="replace").split("\0") if entry)
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def _record(self, row: list[str]) -> TagRecord:
        name, object_id, kind, inner, target, target_type, tagger, email, date, message = row
        name = name.lstrip("\n")
        if kind != "tag":
            return TagRecord(name, object_id, annotated=False, commit=object_id if kind == "commit" else None)
        nested = target_type == "tag"
        commit = self.commit_of(object_id) if nested else (target if target_type == "commit" else None)
        seconds, _, zone = date.partition(" ")
        return TagRecord(
            name=name,
            object_id=object_id,
            annotated=True,
            commit=commit,
            time=int(seconds) if re.fullmatch(r"-?[0-9]+", seconds) else None,
            zone=zone or "+0000",
            tagger=tagger,
            email=email,
            message=message.strip(),
            inner_name=inner,
            nested=nested,
        )


def tag_patterns(model: str | None) -> list[str]:
    """for-each-ref patterns of one model's tags: a literal prefix lets git seek; `*` does not match `/` there."""
    if model is None:
        return ["refs/tags"]
    return [f"refs/tags/{tag_artifact(model)}[#@]*", f"refs/tags/{tag_artifact(model)}[#@]*/**"]
