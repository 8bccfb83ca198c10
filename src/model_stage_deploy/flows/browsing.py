"""One model with all that is known of it: each part is asked for by itself, and what fails is said on the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.browsing import commit_shown, stages_of
from model_stage_deploy.core.dashboard import ModelPage
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import Lifecycle
from model_stage_deploy.core.locks import ALL, is_unreadable, key_of, locked_by, place_of
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.registry import Finding
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.core.timeline import Span, decided_spans, ran_spans
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.measuring import Cache, measure
from model_stage_deploy.flows.status import decided
from model_stage_deploy.flows.variables import annotation_of

_LONGEST = 500  # characters of a problem
T = TypeVar("T")


class Joined(NamedTuple):
    """Deployments of some models. `rows` is None where nobody tells; `unasked` says why, in one sentence."""

    rows: Sequence[Lifecycle] | None = None
    recorded_in: str = ""
    unasked: str = ""

    def of(self, model: Model) -> list[Lifecycle]:
        """The rows of one model; its decided side alone where nobody tells."""
        if self.rows is None:
            return decided([model])
        return [row for row in self.rows if row.model == model.name]


class _Parts:
    """Tries one part after another, and keeps what was wrong."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.problems: list[str] = []

    def of(self, what: str, ask: Callable[[], T], otherwise: T) -> T:
        """What `ask` says; `otherwise` where it fails, with a sentence that begins with `what`."""
        try:
            return ask()
        except ModelStageError as problem:
            said = problem.message.split("\n")[0]
        except Exception as problem:  # noqa: BLE001 - a defect in one part hides no other
            said = f"a defect in model-stage-deploy ({type(problem).__name__})"
        self.problems.append(one_line(self._context.scrub(f"{what}: {said}"), _LONGEST))
        return otherwise


def model_page(
    context: Context,
    model: Model,
    findings: Sequence[Finding],
    joined: Callable[[], Joined],
    locks: Callable[[], Sequence[LockEntry]],
    *,
    annotation: Callable[[], Annotation | None] | None = None,
    cache: Cache | None = None,
) -> ModelPage:
    """The page of a model whose tags were read with details. Never fails for a part of it.

    `joined` are its deployments, `locks` all that there are, `annotation` where that is known already. `cache` keeps
    what was read of commits.
    """
    parts = _Parts(context)
    known = parts.of("the deployments are not shown", joined, Joined())
    mapped = _mapped(context, model)
    stages = stages_of(model, mapped)
    rows = sorted(known.of(model), key=lambda row: _place(stages, row.stage))
    told = known.recorded_in != ""

    def in_order(spans: Sequence[Span]) -> tuple[Span, ...]:
        return tuple(sorted(spans, key=lambda span: _place(stages, span.stage)))

    return ModelPage(
        model=model,
        annotation=parts.of(
            "the annotation cannot be read",
            annotation or (lambda: annotation_of(context, model.name, commit_shown(model))),
            None,
        ),
        stages=stages,
        mapped=tuple(mapped),
        rows=tuple(rows),
        decided=in_order(parts.of("the timeline cannot be drawn", lambda: decided_spans(model), ())),
        ran=in_order(parts.of("the timeline of deployments cannot be drawn", lambda: ran_spans(rows), ()))
        if told
        else (),
        measured=parts.of("the metrics cannot be read", lambda: measure(context, model, rows, cache=cache), None),
        locks=parts.of("whether something is locked is not known", lambda: _locks(locks(), model, stages), ()),
        findings=tuple(findings),
        recorded_in=known.recorded_in,
        unasked=known.unasked,
        problems=tuple(parts.problems),
        now=context.clock.now(),
    )


def mapped_stages(context: Context) -> tuple[str, ...]:
    """All stages of the mapping in its order; none where there is no mapping, or none that can be read."""
    try:
        return tuple(context.configuration(None).mapping.stages())
    except ModelStageError:
        return ()


def _mapped(context: Context, model: Model) -> list[str]:
    try:
        return list(context.configuration(None).mapping.mapped_stages(model.name))
    except ModelStageError:  # the rows say so
        return []


def _place(stages: Sequence[str], stage: str) -> int:
    return stages.index(stage) if stage in stages else len(stages)


def _locks(entries: Sequence[LockEntry], model: Model, stages: Sequence[str]) -> tuple[LockEntry, ...]:
    """Those that stop deployments of the model. One that cannot be read stops what its place is of, and has its key."""
    places = {place_of(key): key for key in (ALL, key_of(model.name), *(key_of(model.name, one) for one in stages))}
    found = []
    for entry in entries:
        if is_unreadable(entry.key):
            key = places.get(place_of(entry.key), "")
            if key:
                why = (
                    f"what is there cannot be read ({entry.reason})" if entry.reason else "what is there cannot be read"
                )
                found.append(replace(entry, key=key, reason=why))
        elif locked_by(entry.key).model in ("", model.name):
            found.append(entry)
    return tuple(found)
