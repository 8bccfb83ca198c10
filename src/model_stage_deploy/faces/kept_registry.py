"""The registry that pages show: kept as it was read, and read again when its tags have changed."""

from __future__ import annotations

import gc
import hashlib
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from model_stage_deploy.adapters.git_clone_remote import CloneRemote
from model_stage_deploy.adapters.git_kept_clone import KeptClone
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_tag_look import TagLook
from model_stage_deploy.core.browsing import Listed, Words, listed
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.model import Model, TagRecord
from model_stage_deploy.core.registry import Finding, Registry
from model_stage_deploy.faces.keeping import Background, Remembered
from model_stage_deploy.faces.opening import folded, is_whole, read_tags, token_for

EVERY = 4.0
"""Seconds between two looks at a remote, where the tags are read there."""
PATIENCE = 3.0
"""Seconds for which a page waits for such a look."""
_OLD = 30.0  # seconds after which it is said that the remote did not answer
_SURE = 5.0  # seconds for which a clone that was whole is not asked again
_MODELS = 200  # whose tags are kept with all their words


class Place(Protocol):
    """Where the tags are read. `git` reads objects there."""

    git: Git
    kept: GitRepository | None
    """A clone of a URL, for who reads more of it than tags."""

    def fingerprint(self) -> str:
        """Changes whenever tags do. Raises ModelStageError."""
        ...

    def tags(self, model: str | None, *, details: bool) -> Iterable[TagRecord]:
        """See GitRepository. Raises ModelStageError."""
        ...

    def is_whole(self) -> bool:
        """Whether all tags, and the files of their commits, are there."""
        ...

    def changed(self) -> None:
        """Somebody here has changed tags."""
        ...

    def problem(self) -> str:
        """Why what is shown may be old, "" where it is not."""
        ...

    def close(self) -> None: ...


class ClonePlace:
    """A clone: its own tags where they are all there, else those of its remote, as `show` reads them."""

    kept: GitRepository | None = None

    def __init__(self, repo: str, environ: Mapping[str, str]) -> None:
        self._repo = repo
        self._environ = environ
        self._local = GitRepository.open(repo or ".")
        self.plain = self._local.git
        # A partial clone would fetch what it lacks by itself, without our token.
        self.git = Git(self._local.git.directory, {"GIT_NO_LAZY_FETCH": "1"})
        self._look = TagLook(self._local.git, self._local.common_directory)
        self._there = Background(self._asked, EVERY)
        self._whole = True
        self._until = 0.0

    def is_whole(self) -> bool:
        """See Place."""
        if self._local.is_plainly_whole():
            return True
        if time.monotonic() >= self._until:
            self._whole, self._until = is_whole(self._local), time.monotonic() + _SURE
        return self._whole

    def fingerprint(self) -> str:
        """See Place."""
        if self.is_whole():
            return self._look.fingerprint()
        there = self._there.latest(PATIENCE if self._there.answered else None)
        return there[0] if there else ""

    def tags(self, model: str | None, *, details: bool) -> Iterable[TagRecord]:
        """See Place."""
        if self.is_whole():
            return self._local.read_tags(model, details=details)
        there = self._there.latest()
        records = there[1] if there else ()
        return records if model is None else _of(model, records)

    def _asked(self) -> tuple[str, Sequence[TagRecord]]:
        """All tags of the remote, and a digest that changes with them."""
        remote = CloneRemote(self._local, lambda url: token_for(url, self._environ))
        before = self._there.answer
        try:
            digest = _digest(remote.tags())
        except MachineryFailed:
            digest = ""  # reading them says it in full
        if before is not None and before[0] == digest:
            return before
        records = list(read_tags(self._repo, None, self._environ, details=True))
        return digest or _digest(records), records

    def changed(self) -> None:
        """See Place."""
        self._there.forget()

    def problem(self) -> str:
        """See Place."""
        return "" if self.is_whole() else _why_old(self._there)

    def close(self) -> None:
        """Nothing is to be removed."""


class UrlPlace:
    """A URL, by way of a clone that is kept of it."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        self._clone = KeptClone(url, token_for(url, environ))
        self.kept: GitRepository | None = self._clone
        self.git = self._clone.git
        self._have = ""
        self._there = Background(self._asked, EVERY)

    def fingerprint(self) -> str:
        """See Place."""
        return self._there.latest(PATIENCE if self._there.answered else None) or ""

    def _asked(self) -> str:
        listing = self._clone.listing()
        if listing.all != self._have:
            self._clone.refresh(listing)
            self._have = listing.all
        return listing.tags

    def tags(self, model: str | None, *, details: bool) -> Iterable[TagRecord]:
        """See Place."""
        return self._clone.read_tags(model, details=details)

    def is_whole(self) -> bool:
        """It is."""
        return True

    def changed(self) -> None:
        """See Place."""
        self._there.forget()

    def problem(self) -> str:
        """See Place."""
        return _why_old(self._there)

    def close(self) -> None:
        """Remove the clone."""
        self._clone.close()


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode(errors="replace")).hexdigest()


def _why_old(there: Background[Any]) -> str:
    if there.problem is not None:
        said = getattr(there.problem, "message", there.problem)
        return f"the remote does not answer, so newer tags may be missing here: {said}"
    if there.answered and there.is_older_than(_OLD):
        return "the remote has not answered yet, so newer tags may be missing here"
    return ""


class Kept(NamedTuple):
    """The registry at one moment, and what was read of it since: words of tags, models with all their words."""

    fingerprint: str
    registry: Registry
    listed: Mapping[str, Listed]
    stages: tuple[str, ...]
    words: Remembered[str, Words]
    models: Remembered[str, tuple[Model, tuple[Finding, ...]]]


class KeptRegistry:
    """Reads the registry of a place when it has changed. For several threads."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._kept: Kept | None = None

    def now(self) -> Kept:
        """The registry as it is. Raises ModelStageError."""
        seen = self.place.fingerprint()
        kept = self._kept
        if kept is not None and kept.fingerprint == seen:
            return kept
        with self._lock:
            kept = self._kept
            if kept is None or kept.fingerprint != seen:
                kept = self._kept = self._read(seen)
            return kept

    def _read(self, seen: str) -> Kept:
        """What is read stays, and holds no cycles: the garbage collector is told never to look at it.

        With 100,000 tags each of its rounds would take half a second, whoever's request it hits.
        """
        collecting = gc.isenabled()
        gc.collect()
        gc.disable()
        try:
            return self._read_now(seen)
        finally:
            gc.freeze()
            if collecting:
                gc.enable()

    def _read_now(self, seen: str) -> Kept:
        registry = folded(self.place.tags(None, details=False))
        entries = {entry.name: entry for entry in listed(registry)}
        stages = tuple(sorted({stage for model in registry for stage in model.stages}))
        return Kept(seen, registry, entries, stages, Remembered(20_000), Remembered(_MODELS))

    def model(self, kept: Kept, name: str) -> tuple[Model, tuple[Finding, ...]]:
        """One model with the words of its tags, and what is odd about them. Raises Refused (unknown-model)."""
        found = kept.models.get(name)
        if found is None:
            kept.registry.model(name)  # raises, with the names that there are
            registry = folded(self.place.tags(name, details=True))
            found = kept.models[name] = (registry.model(name), registry.findings)
        return found


def _of(model: str, records: Iterable[TagRecord]) -> list[TagRecord]:
    from model_stage_deploy.core.tags import tag_artifact

    beginnings = tuple(f"{tag_artifact(model)}{mark}" for mark in "#@")
    return [record for record in records if record.name.startswith(beginnings)]
