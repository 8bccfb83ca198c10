"""What a clone lacks of its remote's tags: asked beside the pages, so that none waits for it, and fetched on demand."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from model_stage_deploy.adapters.git_clone_remote import CloneRemote
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.tags import NotGtoTag, parse_tag
from model_stage_deploy.faces.keeping import Background
from model_stage_deploy.faces.kept_registry import ClonePlace
from model_stage_deploy.faces.opening import token_for

EVERY = 30.0
"""Seconds between two questions to the remote."""
_NAMED = 3  # tags that a sentence names


class Difference(NamedTuple):
    """Names of tags that the clone lacks, of those that are others on the remote, and of those that it lacks."""

    lacking: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()


class News:
    """Compares a clone with its remote. For several threads."""

    def __init__(self, place: ClonePlace, environ: Mapping[str, str]) -> None:
        self._place = place
        self._remote = CloneRemote(GitRepository(place.plain), lambda url: token_for(url, environ))
        self._there = Background(self._remote.tags, EVERY)
        self._lock = threading.Lock()
        self._compared: tuple[object, str, Difference] | None = None

    @property
    def lacks(self) -> bool:
        """Whether there is something to fetch. It waits for nobody."""
        return bool(self._difference().lacking)

    def sentences(self) -> tuple[str, ...]:
        """Where the two have other tags; () where they have the same, or nobody can say. It waits for nobody."""
        lacking, others, alone = self._difference()
        found = []
        if lacking:
            found.append(f"The remote has {_counted(lacking)} that this clone lacks: {_named(lacking)}.")
        if others:
            found.append(f"The remote has {_counted(others)} that this clone has otherwise: {_named(others)}.")
        if alone:
            told = f"This clone has {_counted(alone)} that the remote has not: {_named(alone)}"
            found.append(f"{told}. Not pushed, or deleted there.")
        return tuple(found)

    def _difference(self) -> Difference:
        try:
            there = self._there.latest()
            if not there or not self._place.is_whole():  # else the page shows the remote's tags
                return Difference()
            here = self._place.fingerprint()
            with self._lock:
                known = self._compared
                if known is None or known[0] is not there or known[1] != here:
                    known = self._compared = (there, here, _compared(there, self._remote.tags_here()))
                return known[2]
        except ModelStageError:
            return Difference()

    def fetch(self) -> str:
        """Fetch what is lacking; a sentence. Raises MachineryFailed (git-failed)."""
        before = self._remote.tags_here()
        others = self._remote.fetch()
        self._there.forget()
        new = sum(name not in before for name in self._remote.tags_here())
        said = f"{new} new tag{'s' * (new != 1)} came from the remote" if new else "the remote has no new tags"
        if others:
            said += (
                f"; of {_named(others)} it has another one than this clone, which was left as it is "
                "(git fetch --tags --force takes the remote's)"
            )
        return said


def _compared(there: Mapping[str, str], here: Mapping[str, str]) -> Difference:
    lacking = sorted(name for name in there.keys() - here.keys() if _is_ours(name))
    others = sorted(name for name in there.keys() & here.keys() if there[name] != here[name] and _is_ours(name))
    alone = sorted(name for name in here.keys() - there.keys() if _is_ours(name))
    return Difference(tuple(lacking), tuple(others), tuple(alone))


def _is_ours(name: str) -> bool:
    try:
        parse_tag(name)
    except NotGtoTag:
        return False
    return True


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} tag{'s' * (len(names) != 1)}"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(one_line(name, 120) for name in names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
