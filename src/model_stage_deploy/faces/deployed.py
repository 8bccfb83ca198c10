"""Deployments joined with tags, as pages show them: what is known and fresh at once, the rest where somebody waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from model_stage_deploy.core.dashboard import PAST
from model_stage_deploy.core.errors import Invalid, ModelStageError
from model_stage_deploy.core.lifecycle import Lifecycle
from model_stage_deploy.core.model import Model
from model_stage_deploy.faces.glancing import Glance
from model_stage_deploy.faces.hosting import Books
from model_stage_deploy.faces.joining import has_told
from model_stage_deploy.faces.keeping import Background, Remembered
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.browsing import Joined
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.status import status
from model_stage_deploy.report.lifecycle import NOT_ASKED

ASKED_AGAIN = 60.0
"""Seconds for which a code host's answer is good."""
_TOO_OLD = 2 * ASKED_AGAIN  # seconds after which an answer is none any more
_PATIENCE = 6.0  # seconds for which a model's page waits for it


class Deployments:
    """Asks where deployments are recorded, and keeps the answers for a while. For several threads.

    `books` is where, None for nowhere; `opened` opens a context; `patient` lets whoever asks wait, and keeps answers
    for good.
    """

    def __init__(
        self,
        settings: Settings,
        books: Books | None,
        files: Glance,
        opened: Callable[[], AbstractContextManager[Context]],
        *,
        patient: bool,
    ) -> None:
        self._books = books
        self._files = files
        self._opened = opened
        self._patient = patient
        self._unasked = "" if settings.no_github else NOT_ASKED
        self._rows: Remembered[str, _Rows] = Remembered(5_000)
        self._under_way: Remembered[tuple[int, ...], Background[Joined]] = Remembered(100)

    @property
    def is_local(self) -> bool:
        """Whether what is told changes with the tags and the files here alone."""
        return self._books in (None, Books.LOG)

    def forget(self) -> None:
        """What was said does not count any more."""
        self._rows.clear()
        self._under_way.clear()

    def at_once(self, models: Sequence[Model]) -> tuple[Joined, bool]:
        """What can be had without letting a page wait for a code host, and whether that is all."""
        if self.is_local or self._patient:
            return self.of(models, past=PAST if self._patient else 0), True
        now = self._files.stamp(sure=False)  # what a code host says is a minute old anyway
        known = [self._fresh(model, now, 0) for model in models]
        rows = [row for found in known if found is not None for row in found]
        return Joined(rows, str(self._books)), None not in known

    def soon(self, models: Sequence[Model], *, past: int = 0, within: Context | None = None) -> Joined:
        """The same as `of`, but no page waits for long for a code host that does not answer."""
        if self.is_local or self._patient:
            return self.of(models, past=past, within=within)
        key = (past, *(_signature(model) for model in models))
        asked = self._under_way.get(key)
        if asked is None:
            asked = self._under_way[key] = Background(lambda: self.of(models, past=past), ASKED_AGAIN)
        answer = asked.latest(_PATIENCE)
        if answer is None or asked.is_older_than(_TOO_OLD):  # what it said then may be otherwise now
            return Joined(unasked="deployments are not shown: who records them has not answered yet")
        if answer.rows is None:
            asked.forget()  # that was no answer
        return answer

    def of(self, models: Sequence[Model], *, past: int = 0, within: Context | None = None) -> Joined:
        """These models with their deployments; asked for where they are not known or not fresh."""
        if self._books is None:
            return Joined(unasked=self._unasked)
        stamp = self._files.stamp(sure=self.is_local and not self._patient)
        known = {model.name: self._fresh(model, stamp, past) for model in models}
        missing = [model for model in models if known[model.name] is None]
        try:
            if missing:
                known |= self._asked(missing, past, stamp, within)
            rows = [row for one in known.values() for row in one or ()]
            if not has_told(self._books, rows) and not self._files.log_tells():  # the log of others tells of these, too
                return Joined(unasked=self._unasked)
        except ModelStageError as problem:
            is_log = self._books is Books.LOG and isinstance(problem, Invalid)
            return Joined(unasked=self._unasked if is_log else problem.message)
        return Joined(rows, str(self._books))

    def _asked(
        self, models: Sequence[Model], past: int, stamp: object, within: Context | None
    ) -> dict[str, tuple[Lifecycle, ...]]:
        if within is None:
            with self._opened() as context:
                return self._asked(models, past, stamp, context)
        if within.host is None:
            raise within.hostless or AssertionError("nobody records deployments")
        begun = time.monotonic()
        told = by_model(status(within, within.host, models, past=past))
        found = {model.name: tuple(told.get(model.name, ())) for model in models}
        for model in models:
            self._rows[model.name] = _Rows(begun, (stamp, _signature(model)), past, found[model.name])
        return found

    def _fresh(self, model: Model, stamp: object, past: int) -> tuple[Lifecycle, ...] | None:
        """The rows of a model as they were read, None where that is too long ago, or something has changed."""
        known = self._rows.get(model.name)
        if known is None or known.past < past or stamp is None:
            return None
        is_old = not self._patient and time.monotonic() - known.begun > ASKED_AGAIN
        return None if is_old or known.key != (stamp, _signature(model)) else known.rows


class _Rows(NamedTuple):
    """Rows of a model as they were read. `key` changes with whatever they depend on, besides the code host."""

    begun: float
    key: object
    past: int
    rows: tuple[Lifecycle, ...]


def by_model(rows: Iterable[Lifecycle]) -> dict[str, list[Lifecycle]]:
    """Rows by the name of their model, in their order."""
    found: dict[str, list[Lifecycle]] = {}
    for row in rows:
        found.setdefault(row.model, []).append(row)
    return found


def _signature(model: Model) -> int:
    return hash(tuple((event.tag.text, event.commit, event.time) for event in model.events))
