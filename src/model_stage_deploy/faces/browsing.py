"""The registry as the pages show it: for the server and the static report. What changed is read again, only that."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

from model_stage_deploy.adapters.git_annotations import Annotated, annotations_at, annotations_of
from model_stage_deploy.adapters.git_batch import tag_words
from model_stage_deploy.adapters.silent_announcer import SilentAnnouncer
from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.browsing import Words, cell_of, choose, commit_shown, holding_tags, row_of, with_rows
from model_stage_deploy.core.dashboard import PAST, Cell, ModelPage, Overview, Query
from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError
from model_stage_deploy.core.lifecycle import Lifecycle, unknown
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.registry import Finding
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.core.tags import NotGtoTag, parse_tag
from model_stage_deploy.faces.deployed import ASKED_AGAIN, Deployments, by_model
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.faces.glancing import Glance
from model_stage_deploy.faces.joining import books_to_ask
from model_stage_deploy.faces.keeping import Background, Once, Remembered
from model_stage_deploy.faces.kept_registry import ClonePlace, Kept, KeptRegistry, Place, UrlPlace
from model_stage_deploy.faces.news import News
from model_stage_deploy.faces.opening import folded, is_url
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.faces.wiring import open_locks, open_source, working
from model_stage_deploy.flows.browsing import mapped_stages, model_page
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.measuring import Found, Key

_LOCKS_EVERY = 5.0
_LOCKS_OLD = 30.0  # seconds after which locks are not known any more
_PATIENCE = 2.0  # seconds for which a page waits for locks
_MOST_CELLS = 200
T = TypeVar("T")


class Browser:
    """Looks at one registry, from several threads.

    `patient` is for who asks once for everything, as the static report does: deployments are joined at once, wherever
    they are recorded.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], *, patient: bool = False) -> None:
        """Raises Invalid (not-a-repository, usage, event-invalid)."""
        self._settings = replace(settings, command="status")
        self._environ = environ
        self._patient = patient
        self._event = read_event(environ)
        books = books_to_ask(self._settings, self._event)
        is_remote = is_url(settings.repo)
        self._place: Place = UrlPlace(settings.repo, environ) if is_remote else ClonePlace(settings.repo, environ)
        self._registry = KeptRegistry(self._place)
        self._files = Glance(self._settings, self._place, from_commit=is_remote or self._event.in_job)
        self._deployments = Deployments(self._settings, books, self._files, self._opened, patient=patient)
        self._commits: Remembered[Key, Found] = Remembered(5_000)
        self._overviews: Remembered[object, tuple[float, Overview]] = Remembered(50)
        self._described: Remembered[tuple[str, str], Annotated] = Remembered(2_000)
        self._annotated: Remembered[tuple[str, str], Annotated] = Remembered(8)
        self._mapped: Remembered[object, tuple[str, ...]] = Remembered(8)
        self._locks = Background(self._read_locks, _LOCKS_EVERY)
        self._news = News(self._place, environ) if isinstance(self._place, ClonePlace) and not patient else None

    def overview(self, query: Query) -> Overview:
        """One page of the table of models. Raises ModelStageError where the tags cannot be read."""
        kept = self._registry.now()
        key = (kept.fingerprint, self._files.stamp(), self._files.head(), query)
        known = self._overviews.get(key)
        if known is not None and time.monotonic() - known[0] < ASKED_AGAIN:
            return known[1]
        found = self._overview(kept, query)
        if key[1] is not None and self._deployments.is_local:
            self._overviews[key] = (time.monotonic(), found)
        return found

    def _overview(self, kept: Kept, query: Query) -> Overview:
        types = self._types(kept)
        chosen = choose(kept.listed.values(), query, lambda name: types.get(name, ""))
        models = [kept.registry.models[name] for name in chosen.names]
        words = self._words(kept, models)
        rows = [row_of(model, kept.listed[model.name], types.get(model.name, ""), words) for model in models]
        joined, is_whole = self._deployments.at_once(models)
        if joined.rows is not None:
            known = by_model(joined.rows)
            rows = [
                with_rows(row, model, known.get(model.name, ()), words) for row, model in zip(rows, models, strict=True)
            ]
        return Overview(
            query=chosen.query,
            rows=tuple(rows),
            stages=tuple(dict.fromkeys([*self._mapping(), *kept.stages])),
            types=tuple(sorted(set(types.values()))),
            total=len(kept.listed),
            matching=chosen.matching,
            deprecated=sum(entry.deprecated for entry in kept.listed.values()),
            pages=chosen.pages,
            findings=kept.registry.findings,
            recorded_in=joined.recorded_in,
            unasked=joined.unasked,
            stages_asked=is_whole,
        )

    def cells(self, names: Sequence[str]) -> list[tuple[str, Cell]]:
        """The stages of these models joined with their deployments, with each one's model. Unknown names are left out.

        Raises ModelStageError where the tags cannot be read.
        """
        kept = self._registry.now()
        wanted = [name for name in dict.fromkeys(names) if name in kept.registry.models][:_MOST_CELLS]
        models = [kept.registry.models[name] for name in wanted]
        words = self._words(kept, models)
        joined = self._deployments.of(models)
        known = by_model(joined.rows or ())
        if joined.rows is None and not self._deployments.is_local:  # an empty place would look like "nobody was asked"
            problem = MachineryFailed(Reason.GITHUB_FAILED, joined.unasked)
            known = {model.name: [unknown(model, stage, problem) for stage in model.stages] for model in models}
        return [
            (model.name, cell_of(model, stage, words, row))
            for model in models
            for stage, row in _stages(model, known.get(model.name, ())).items()
        ]

    def model(self, name: str) -> ModelPage:
        """One model. Raises Refused (unknown-model), ModelStageError where the tags cannot be read."""
        kept = self._registry.now()
        model, findings = self._registry.model(kept, name)
        described = self._annotation(model)
        with self._context() as (context, announcer):
            page = model_page(
                context,
                model,
                findings,
                lambda: self._deployments.soon([model], past=PAST, within=context),
                self._entries,
                annotation=None if described is None else partial(_given, described.found.get(name)),
                cache=self._commits,
            )
        old = self._place.problem()
        told = [*([old] if old else []), *page.problems, *announcer.heard, *(described.problems if described else ())]
        return page._replace(problems=tuple(dict.fromkeys(told)))

    def pages(self, names: Sequence[str] | None = None) -> Iterator[ModelPage]:
        """The pages of these models, of all for None, in order of their names; tags and records are read once.

        An annotation is the one at the default branch, where that has one. Raises as `model` does.
        """
        kept = self._registry.now()
        for name in names or ():
            kept.registry.model(name)
        registry = folded(self._place.tags(None, details=True))
        models = [registry.models[name] for name in sorted(registry.models) if names is None or name in names]
        odd: dict[str, list[Finding]] = {}
        for finding in registry.findings:
            odd.setdefault(model_of(finding.tag), []).append(finding)
        described = self._all_annotations(kept, models)
        with self._context() as (context, announcer):
            joined = self._deployments.of(models, past=PAST, within=context)
            rows = by_model(joined.rows or ())
            entries = Once(self._entries)
            for model in models:
                mine = joined if joined.rows is None else joined._replace(rows=rows.get(model.name, ()))
                page = model_page(
                    context,
                    model,
                    odd.get(model.name, ()),
                    partial(_given, mine),
                    entries,
                    annotation=None if described is None else partial(_given, described.get(model.name)),
                    cache=self._commits,
                )
                yield page._replace(problems=tuple(dict.fromkeys([*page.problems, *announcer.heard])))
                announcer.heard.clear()

    def fingerprint(self) -> str:
        """Changes whenever tags do: one cheap look. Raises ModelStageError."""
        return self._place.fingerprint()

    def changed(self) -> None:
        """Somebody here has changed tags, locks or deployments: what a remote said before does not count any more."""
        self._place.changed()
        self._locks.forget()
        self._deployments.forget()
        self._overviews.clear()

    def news(self) -> tuple[str, ...]:
        """Sentences on tags that the remote has and this clone lacks; () where it has all, or nobody can say."""
        old = self._place.problem()
        told = self._news.sentences() if self._news else ()
        return (old, *told) if old else told

    @property
    def can_fetch(self) -> bool:
        """Whether the remote has tags that `fetch` would bring, as far as one knows without asking it now."""
        return self._news is not None and self._news.lacks

    def fetch(self) -> str:
        """Fetch the remote's tags into this clone, moving none that is here; what came of it, in a sentence.

        Raises Invalid (usage) where there is no clone, MachineryFailed.
        """
        if self._news is None:
            raise Invalid(Reason.USAGE, "there is no clone here to fetch tags into", hint="reload the page")
        said = self._news.fetch()
        self.changed()
        return said

    def close(self) -> None:
        """Remove what was made in temporary places."""
        self._place.close()

    @contextmanager
    def _opened(self) -> Iterator[Context]:
        with self._context() as (context, _):
            yield context

    @contextmanager
    def _context(self) -> Iterator[tuple[Context, SilentAnnouncer]]:
        scrubber = Scrubber()
        announcer = SilentAnnouncer(scrubber)
        with working(self._settings, self._event, self._environ, announcer, scrubber, self._place.kept) as context:
            yield context, announcer

    def _words(self, kept: Kept, models: Sequence[Model]) -> Mapping[str, Words]:
        """Who made the tags that hold stages, and why; nothing where that cannot be read."""
        needed = holding_tags(models)
        missing = [name for name, words in needed.items() if not any(words) and name not in kept.words]
        if missing:
            try:
                found = tag_words(self._place.git, missing)
            except ModelStageError:
                found = {}
            for name in missing:
                kept.words[name] = found.get(name, Words())
        return {name: words if any(words) else kept.words.get(name, words) for name, words in needed.items()}

    def _annotations(self, kept: Kept) -> Annotated:
        """What the files of the newest commit say of all models; it never stops a page."""
        head = self._files.head()
        if not head:
            return Annotated({})
        found = self._annotated.get((head, kept.fingerprint))
        if found is None:
            try:
                found = annotations_at(self._place.git, head, kept.registry.models)
            except ModelStageError as problem:
                found = Annotated({}, (problem.message,))
            self._annotated[head, kept.fingerprint] = found
        return found

    def _annotation(self, model: Model) -> Annotated | None:
        """What the files of the version that the page describes say; None where they may not be here."""
        if not self._place.is_whole():
            return None
        key = (commit_shown(model), model.name)
        found = self._described.get(key)
        if found is None:
            try:
                found = self._described[key] = annotations_at(self._place.git, key[0], [model.name])
            except ModelStageError:
                return None
        return found

    def _all_annotations(self, kept: Kept, models: Sequence[Model]) -> Mapping[str, Annotation] | None:
        """Those of the newest commit, and where it has none of the versions that pages describe; None as above."""
        if not self._place.is_whole():
            return None
        newest = self._annotations(kept).found
        missing = [(model.name, commit_shown(model)) for model in models if model.name not in newest]
        try:
            return {**newest, **annotations_of(self._place.git, missing).found}
        except ModelStageError:
            return newest

    def _types(self, kept: Kept) -> dict[str, str]:
        return {name: found.type for name, found in self._annotations(kept).found.items() if found.type}

    def _mapping(self) -> tuple[str, ...]:
        """The stages of the mapping."""
        stamp = self._files.stamp()
        found = None if stamp is None else self._mapped.get(stamp)
        if found is None:
            try:
                with self._opened() as context:
                    found = mapped_stages(context)
            except ModelStageError:
                found = ()
            if stamp is not None:
                self._mapped[stamp] = found
        return found

    def _entries(self) -> Sequence[LockEntry]:
        found = self._locks.latest(None if self._patient else _PATIENCE)
        if self._locks.problem is not None:
            raise self._locks.problem
        if found is None or self._locks.is_older_than(_LOCKS_OLD):
            raise MachineryFailed(Reason.LOCK_FAILED, "the remote has not answered yet")
        return found

    def _read_locks(self) -> Sequence[LockEntry]:
        with open_source(self._settings, self._event, self._environ, kept=self._place.kept) as source:
            return tuple(open_locks(source).entries())


def _given(value: T) -> T:
    return value


def model_of(tag: str) -> str:
    """The model that a tag is about, "" where that cannot be told."""
    try:
        return parse_tag(tag).model
    except NotGtoTag:
        return tag.partition("#")[0].partition("@")[0].replace("=", ":", 1)


def _stages(model: Model, rows: Sequence[Lifecycle]) -> dict[str, Lifecycle | None]:
    """Stages that tags name or deployments know of, each with its row."""
    found: dict[str, Lifecycle | None] = dict.fromkeys([] if model.ambiguous and not rows else model.stages)
    for row in rows:
        found[row.stage] = row
    return found
