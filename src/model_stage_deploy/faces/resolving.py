"""`resolve TAG --show --history`: what a tag means, the whole table and the model's events, from one reading of tags.

gto-action runs a process for each. The road of a plain `resolve TAG` is in conduct.py; it reads annotations as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any

from model_stage_deploy.core.errors import Invalid, ModelStageError
from model_stage_deploy.core.outcome import Journal, Outcome, Subject, document, from_error
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Registry, fold
from model_stage_deploy.core.shortcuts import Shortcut
from model_stage_deploy.core.tags import is_tag_ref
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.faces.opening import open_source
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.flows.decide import Pushed, read_tag
from model_stage_deploy.flows.meaning import meaning_of
from model_stage_deploy.report import registry as view
from model_stage_deploy.report.columns import Block, Table
from model_stage_deploy.report.pages import show_page
from model_stage_deploy.report.text import describe


def require_tag(shortcut: Shortcut | None) -> None:
    """Raise Invalid (usage) for a shortcut: it is no event."""
    if shortcut is not None:
        raise Invalid(
            Reason.USAGE,
            f"--show and --history go with a tag, and {shortcut.text!r} is a shortcut here",
            hint=f"name the tag in full: 'refs/tags/{shortcut.text}'",
        )


def resolve_at_once(given: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Resolve, and print what else was asked for; the exit code is that of resolving.

    Where the tag is refused, the registry is still shown if it could be read. Raises Invalid (usage, event-invalid).
    """
    event = read_event(environ)
    ref, by_hand = (given.tag, True) if given.tag else (event.ref, event.by_hand)
    if not given.tag and not is_tag_ref(ref):
        raise Invalid(Reason.USAGE, "resolve needs a tag", hint="name one, such as churn#prod#4")
    journal = Journal(monotonic)
    registry: Registry | None = None
    try:
        tag = read_tag(ref, by_hand=by_hand)
        journal.subject = Subject(tag.text, tag.event.value, tag.model, tag.version or "", tag.stage or "")
        with open_source(given.repo, environ, journal.warnings.append) as source:
            source.read_all_at_once()
            with journal.step("read the tags"):
                registry = fold(source.tags(None, wanted=tag.text))
            outcome = meaning_of(source, ref, Pushed() if by_hand else event.pushed, journal, by_hand=by_hand)
            outcome = replace(outcome, warnings=(*journal.warnings, *outcome.warnings))
    except ModelStageError as problem:
        outcome = from_error(problem, journal)
    if given.json:
        print_page(document(outcome) | dict(_keys(registry, outcome, given)), (), as_json=True)
    else:
        print_page({}, _page(registry, outcome, given), as_json=False)
    return outcome.exit_code


def _keys(registry: Registry | None, outcome: Outcome, given: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """What is added to the outcome's document: null where the tags could not be read."""
    if given.show:
        yield "show", view.shown(registry) if registry is not None else None
    if given.history:
        yield "history", _history(registry, outcome.subject.model) if registry is not None else None


def _page(registry: Registry | None, outcome: Outcome, given: argparse.Namespace) -> Iterator[Block]:
    yield from (f"warning: {note}" for note in outcome.warnings)
    yield from describe(outcome)
    if registry is None:
        return
    if given.show:
        yield ""
        yield from show_page(registry)
    if given.history:
        yield ""
        yield Table(view.history_rows(_history(registry, outcome.subject.model)))


def _history(registry: Registry, model: str) -> list[dict[str, Any]]:
    found = registry.models.get(model)
    return view.history(reversed(found.events), registry.models) if found is not None else []
