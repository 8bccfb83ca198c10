"""A Git repository on disk, read through git's own plumbing: tags in one process, files, refs, completeness.

Fetching what is missing is next door, in git_scratch.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from sys import intern
from typing import TYPE_CHECKING

from model_stage_deploy.adapters.git_process import Git, last_words
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import tag_artifact

if TYPE_CHECKING:
    from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# Words of settings that may leave tags out or bring others in.
_TELLING = ("tagopt", "partialclone", "promisor", "mirror", "[include", "[extensions", "worktreeconfig")
_ALL_BRANCHES = re.compile(r"fetch\s*=\s*\+?refs/heads/\*:[\w/*.-]+")
_SEPARATOR = "%00"
_NO_SUCH_FILE = ("does not exist", "exists on disk, but not in", "Not a valid object name", "bad file")
_AT_ONCE = 1000
"""Names on one command line."""
# %(object) and %(type) are the tag object's own header lines: how far %(*objectname) peels differs between gits.
_PLAIN = ("%(refname:lstrip=2)", "%(tag)", "%(object)", "%(type)", "%(taggerdate:raw)")
_DETAILS = (
    *("%(objectname)", "%(objecttype)", "%(taggername)", "%(taggeremail:trim)"),
    *("%(contents)", "%(contents:signature)"),
)


class GitRepository:
    """A repository in a directory. Reads only."""

    def __init__(self, git: Git) -> None:
        self.git = git

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> GitRepository:
        """The repository at or above `path`. Raises Invalid (not-a-repository)."""
        found = cls(Git(path))
        found.require_repository()
        return found

    @property
    def top(self) -> Path:
        """The working tree's top directory (of a bare repository, itself)."""
        from pathlib import Path

        done = self.git.attempt(["rev-parse", "--show-toplevel"])
        shown = os.fsdecode(done.stdout).rstrip("\n")
        return Path(shown if done.returncode == 0 and shown else self.git.directory)

    @property
    def git_directory(self) -> Path:
        """Absolute path of the repository's own data (`.git`)."""
        from pathlib import Path

        return Path(os.fsdecode(self.git.run(["rev-parse", "--absolute-git-dir"])).rstrip("\n"))

    @property
    def common_directory(self) -> Path:
        """Absolute path of the data that all work trees of the repository share."""
        from pathlib import Path

        found = os.fsdecode(self.git.run(["rev-parse", "--git-common-dir"])).rstrip("\n")
        return Path(os.path.realpath(os.path.join(self.git.directory, found)))

    def tags(self, model: str | None, *, details: bool = True) -> list[TagRecord]:
        """All tags of one model, or of all (see `read_tags`)."""
        return list(self.read_tags(model, details=details))

    def read_tags(self, model: str | None, *, details: bool = True) -> Iterator[TagRecord]:
        """Tags of one model, or of all, as they come; one or two git processes, however many tags there are.

        `details` are the tag's own id, tagger, email and message, and what a lightweight tag is on; they are empty
        where nobody asks for them, and tags that cannot be GTO's by their names are left out then where all are asked
        for. Raises MachineryFailed (git-failed), Invalid (not-a-repository).
        """
        if model is not None or details:
            yield from self._read(tag_patterns(model), details=details)
            return
        from model_stage_deploy.adapters.git_all_tags import plain_tags

        others: list[str] = []
        try:
            yield from plain_tags(self.git, others)
        except MachineryFailed as problem:
            self.require_repository(problem)
            raise
        for at in range(0, len(others), _AT_ONCE):
            names = others[at : at + _AT_ONCE]
            wanted = set(names)  # a name is also a pattern for all that is below it
            yield from (
                record
                for record in self._read([f"refs/tags/{name}" for name in names], details=False)
                if record.name in wanted
            )

    def _read(self, patterns: Sequence[str], *, details: bool) -> Iterator[TagRecord]:
        """Tags that fit one of the patterns, by one git process; two where tags of tags are among them."""
        fields = (*_PLAIN, *_DETAILS) if details else _PLAIN
        form = _SEPARATOR + "".join(f"{field}{_SEPARATOR}" for field in fields)
        new = tuple.__new__  # a NamedTuple's own constructor takes twice as long
        pieces = self.git.stream(["for-each-ref", f"--format={form}", *patterns])
        nested: list[Sequence[str]] = []
        try:
            for row in _rows(pieces, len(fields) + 1):
                date, _, zone = row[5].partition(" ")
                if row[4] == "tag":
                    nested.append(row)
                elif details or row[4] != "commit" or row[2] != row[1] or not date.isdigit():
                    yield _record(None, *row)
                else:  # as most are; this runs once a tag
                    name = row[1]
                    yield new(TagRecord, (name, "", True, row[3], int(date), intern(zone), "", "", "", name, False))
        except MachineryFailed as problem:
            self.require_repository(problem)
            raise
        if nested:
            for row, commit in zip(nested, self._commits_behind([row[1] for row in nested]), strict=True):
                yield _record(commit, *row)

    def _commits_behind(self, names: Sequence[str]) -> Iterator[str | None]:
        """The commit that each tag leads to in the end, by one git process for all (B5)."""
        asked = "".join(f"refs/tags/{name}^{{commit}}\n" for name in names)
        told = self.git.run(["cat-file", "--batch-check=%(objectname)"], given=asked.encode())
        for line in told.decode().splitlines():
            yield line if _COMMIT.fullmatch(line) else None

    def require_repository(self, cause: Exception | None = None) -> None:
        """Raise Invalid (not-a-repository) unless git finds one here."""
        done = self.git.attempt(["rev-parse", "--git-dir"])
        if done.returncode != 0:
            raise Invalid(
                Reason.NOT_A_REPOSITORY,
                f"{os.fspath(self.git.directory)!r} is not in a Git repository ({last_words(done.stderr)})",
                hint="name the repository with --repo PATH",
            ) from cause

    def commit_of(self, revision: str) -> str | None:
        """The commit that a revision names, None where it names none."""
        done = self.git.attempt(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
        found = done.stdout.decode().strip()
        return found if done.returncode == 0 and _COMMIT.fullmatch(found) else None

    def read_file(self, commit: str, path: str) -> bytes | None:
        """A file of a commit; None where it has none. Raises MachineryFailed where the commit is not there.

        `path` counts from the repository's top, wherever we were started; git would take `./` and `../` otherwise.
        """
        plain = os.path.normpath(path)
        if plain in (".", "..") or plain.startswith(("../", "/")):
            return None
        name = f"{commit}:{plain}"
        done = self.git.attempt(["cat-file", "blob", name])
        if done.returncode == 0:
            return done.stdout
        if self.commit_of(commit) is None:
            raise MachineryFailed(Reason.GIT_FAILED, f"commit {commit[:12]} is not in this repository")
        complaint = done.stderr.decode(errors="replace")
        if any(words in complaint for words in _NO_SUCH_FILE):
            return None
        raise MachineryFailed(Reason.GIT_FAILED, f"git cannot read {path} at {commit[:12]}: {last_words(done.stderr)}")

    def remote_url(self, name: str = "origin") -> str | None:
        """Address of a remote, None where there is none."""
        done = self.git.attempt(["config", "--get", f"remote.{name}.url"])
        return os.fsdecode(done.stdout).strip() or None if done.returncode == 0 else None

    def is_plainly_whole(self) -> bool:
        """Whether the files of `.git` alone say that no tag is missing, so that git need not be asked.

        False where it is not plain: linked worktrees, bare repositories, settings of a kind that might matter.
        """
        place = _found_upwards(self.git.directory)
        if place is None or "GIT_CONFIG_COUNT" in self.git.environment or "GIT_CONFIG_PARAMETERS" in os.environ:
            return False
        if os.path.exists(f"{place}/shallow"):
            return False
        try:
            own = _text(f"{place}/config")
            others = [_text(path) for path in _personal_settings(self.git.environment) if os.path.exists(path)]
        except OSError:
            return False
        if any(word in own for word in _TELLING) or any(
            word in text for word in (*_TELLING, "[remote") for text in others
        ):
            return False
        fetched = [line.strip() for line in own.splitlines() if "fetch" in line]
        return all(line == "[fetch]" or _ALL_BRANCHES.fullmatch(line) for line in fetched)

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


def _record(
    peeled: str | None,
    _newline: str,
    name: str,
    inner: str,
    target: str,
    target_type: str,
    date: str,
    object_id: str = "",
    kind: str = "",
    tagger: str = "",
    email: str = "",
    message: str = "",
    signature: str = "",
) -> TagRecord:
    """A tag from git's words for it; `peeled` is the commit behind a tag of a tag."""
    if not target_type:  # no tag object
        return TagRecord(name, object_id, annotated=False, commit=object_id if kind == "commit" else None)
    nested = target_type == "tag"
    commit = peeled if nested else (target if target_type == "commit" else None)
    seconds, _, zone = date.partition(" ")
    time = int(seconds) if seconds.isdigit() or seconds[1:].isdigit() else None
    words = message.removesuffix(signature).strip()  # git counts the signature to the contents
    return TagRecord(name, object_id, True, commit, time, intern(zone), tagger, email, words, inner, nested)


def _found_upwards(directory: str | os.PathLike[str]) -> str | None:
    """The repository's own directory, at or above a directory; None where it is no plain clone or bare repository."""
    here = os.path.realpath(directory)
    while True:
        if os.path.isdir(f"{here}/.git"):
            return f"{here}/.git"
        if os.path.exists(f"{here}/.git"):
            return None  # a linked worktree or a submodule
        if os.path.exists(f"{here}/HEAD") and os.path.isdir(f"{here}/objects"):
            return None if os.path.exists(f"{here}/commondir") else here
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def _personal_settings(environment: Mapping[str, str]) -> list[str]:
    home = environment.get("HOME", "")
    machine = [] if "GIT_CONFIG_NOSYSTEM" in environment else [environment.get("GIT_CONFIG_SYSTEM", "/etc/gitconfig")]
    if "GIT_CONFIG_GLOBAL" in environment:
        return [*machine, environment["GIT_CONFIG_GLOBAL"]]
    return [*machine, f"{home}/.gitconfig", f"{environment.get('XDG_CONFIG_HOME') or f'{home}/.config'}/git/config"]


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().lower()


def _rows(pieces: Iterator[str], width: int) -> Iterator[Sequence[str]]:
    """Fields of one ref each, from NUL-ended ones in pieces of any size; the first is git's newline between refs."""
    rest = ""
    for piece in pieces:
        fields = (rest + piece).split("\0")
        whole = (len(fields) - 1) // width * width
        rest = "\0".join(fields[whole:])
        yield from zip(*[iter(fields[:whole])] * width, strict=True)


def tag_patterns(model: str | None) -> list[str]:
    """for-each-ref patterns of one model's tags: a literal prefix lets git seek; `*` does not match `/` there."""
    if model is None:
        return ["refs/tags"]
    return [f"refs/tags/{tag_artifact(model)}[#@]*", f"refs/tags/{tag_artifact(model)}[#@]*/**"]
