"""The model registry: tag records folded, in order, into models.

Rules R18-R25 and R40 of docs/reference/tags.md and the reference algorithm there. What one tag's text means is
next door, in tags.py; what a model's versions and stages are, in model.py; where tags come from is a port.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import NamedTuple

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.model import Model, RegistryEvent, TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import RESERVED, NotGtoTag, parse_tag

_TAG = itemgetter(1)
_new = tuple.__new__  # a NamedTuple's own constructor takes twice as long


class Finding(NamedTuple):
    """Something odd about a tag that a person should know; never a reason to hide other models."""

    code: str
    tag: str
    message: str


class Registry:
    """Models by name, and what was odd about the tags."""

    __slots__ = ("findings", "models")

    def __init__(self, models: Mapping[str, Model], findings: tuple[Finding, ...] = ()) -> None:
        self.models = models
        self.findings = findings

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def model(self, name: str) -> Model:
        """The model of that name. Raises Refused (unknown-model) with the nearest names."""
        found = self.models.get(name)
        if found is not None:
            return found
        import difflib

        near = difflib.get_close_matches(name, self.models, n=3)
        known = ", ".join(near or sorted(self.models)[:5])
        raise Refused(
            Reason.UNKNOWN_MODEL,
            f"the registry has no model {name!r}",
            # Where only this model's tags were read, no others are known of.
            hint=f"models that it has: {known}" if known else "see what it has: python -m model_stage_deploy show",
        )


def fold(records: Iterable[TagRecord]) -> Registry:
    """Fold tags into the registry. Tags that are not GTO's are passed over silently (R13).

    A tag that cannot count is reported as a finding and hides nothing else (B1, B2, B6, B7).
    """
    collecting = gc.isenabled()
    gc.disable()  # all that is made here stays; looking for garbage among it would double the time
    try:
        return _fold(records)
    finally:
        if collecting:
            gc.enable()


def _fold(records: Iterable[TagRecord]) -> Registry:
    findings: list[Finding] = []
    events: dict[str, list[RegistryEvent]] = {}
    for record in records:
        event = _event(record, findings)
        if event is not None:
            model = event.tag.model
            if model in events:
                events[model].append(event)
            else:
                events[model] = [event]
    findings.sort(key=_TAG)  # tags come in an order that depends on how they were read
    models: dict[str, Model] = {}
    for name in sorted(events):
        models[name] = folded = Model(name, events.pop(name))
        findings.extend(_model_findings(folded))
    return Registry(models, tuple(findings))


def why_not_an_event(record: TagRecord) -> tuple[Reason, str] | None:
    """Why a GTO-named tag does not count, or None where it does (R18, B6, B7)."""
    if not record.annotated:
        return (
            Reason.LIGHTWEIGHT_TAG,
            "it is a lightweight tag: it holds no time and no author, and GTO ignores it",
        )
    if record.inner_name is not None and record.inner_name != record.name:
        return (
            Reason.MISMATCHED_TAG,
            f"the tag object inside is named {record.inner_name!r}: the ref was made by hand or by an attacker",
        )
    if record.commit is None:
        return (Reason.UNUSABLE_TAG, "it points at no commit")
    if record.time is None:
        return (Reason.UNUSABLE_TAG, "it has no tagger line, so its time is unknown")
    return None


def _event(record: TagRecord, findings: list[Finding]) -> RegistryEvent | None:
    name, _, _, commit, time, _, _, _, _, inner_name, nested = record
    try:
        tag = parse_tag(name)
    except NotGtoTag as problem:
        if problem.why == RESERVED:
            findings.append(Finding("reserved-tag", name, problem.why))
        return None
    if inner_name != name or commit is None or time is None:
        refusal = why_not_an_event(record)
        if refusal is not None:
            reason, why = refusal
            findings.append(Finding(reason.value, name, why))
        if refusal is not None or commit is None or time is None:
            return None
    if nested:
        findings.append(Finding("nested-tag", name, "it tags another tag; the commit behind that counts"))
    return _new(RegistryEvent, (tag, record, commit, time))


def _model_findings(model: Model) -> Iterator[Finding]:
    if model.ambiguous:
        staged = {event.commit: event.tag.text for event in reversed(model.events) if event.tag.stage is not None}
        for commit, versions in model.ambiguous.items():
            held = f"commit {commit[:12]} holds versions {', '.join(versions)}"
            yield Finding(Reason.AMBIGUOUS_VERSION.value, staged[commit], held)
    for version in model.versions:
        if not version.direct:
            first = min(events[0].order for events in version.assignments.values())[1]
            yield Finding(
                Reason.UNREGISTERED_COMMIT.value, first, f"commit {version.commit[:12]} has no registered version"
            )
    if not (model.ambiguous or model.has_ties):
        return
    newest: dict[str, RegistryEvent] = {}
    for event in model.events:
        if (stage := event.tag.stage) is None:
            continue
        earlier = newest.get(stage)
        if earlier is None or earlier.time != event.time:
            newest[stage] = event
        else:
            yield Finding(
                "ambiguous-order",
                event.tag.text,
                f"made in the same second as {earlier.tag.text}: which one wins follows GTO's rule, not the counter",
            )
