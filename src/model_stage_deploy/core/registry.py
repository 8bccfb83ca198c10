"""The model registry: tag records folded, in order, into models.

Rules R18-R25 and R40 of docs/reference/tags.md and the reference algorithm there. What one tag's text means is
next door, in tags.py; what a model's versions and stages are, in model.py; where tags come from is a port.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.model import Model, ModelVersion, RegistryEvent, TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import RESERVED, NotGtoTag, parse_tag


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd about a tag that a person should know; never a reason to hide other models."""

    code: str
    tag: str
    message: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Models by name, and what was odd about the tags."""

    models: Mapping[str, Model]
    findings: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def model(self, name: str) -> Model:
        """The model of that name. Raises Refused (unknown-model) with the nearest names."""
        found = self.models.get(name)
        if found is not None:
            return found
        import difflib

        near = difflib.get_close_matches(name, self.models, n=3)
        known = ", ".join(near or sorted(self.models)[:5]) or "none at all"
        raise Refused(
            Reason.UNKNOWN_MODEL,
            f"the registry has no model {name!r}",
            hint=f"models that it has: {known}",
        )


def fold(records: Iterable[TagRecord]) -> Registry:
    """Fold tags into the registry. Tags that are not GTO's are passed over silently (R13).

    A tag that cannot count is reported as a finding and hides nothing else (B1, B2, B6, B7).
    """
    findings: list[Finding] = []
    events: dict[str, list[RegistryEvent]] = {}
    for record in records:
        event = _event(record, findings)
        if event is not None:
            events.setdefault(event.tag.model, []).append(event)
    models = {name: _model(name, events[name], findings) for name in sorted(events)}
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
    try:
        tag = parse_tag(record.name)
    except NotGtoTag as problem:
        if problem.why == RESERVED:
            findings.append(Finding("reserved-tag", record.name, problem.why))
        return None
    refusal = why_not_an_event(record)
    if refusal is not None:
        reason, why = refusal
        findings.append(Finding(reason.value, record.name, why))
    if refusal is not None or record.commit is None or record.time is None:
        return None
    if record.nested:
        findings.append(Finding("nested-tag", record.name, "it tags another tag; the commit behind that counts"))
    return RegistryEvent(tag, record, record.commit, record.time)


def _model(name: str, events: list[RegistryEvent], findings: list[Finding]) -> Model:
    events.sort(key=lambda event: event.order)
    model = Model(name, events)
    registered: dict[tuple[str, str], ModelVersion] = {}
    by_commit: dict[str, list[ModelVersion]] = {}
    for event in events:
        if event.tag.version is not None:
            key = (event.tag.version, event.commit)
            if key not in registered:
                registered[key] = ModelVersion(*key)
                by_commit.setdefault(event.commit, []).append(registered[key])
            registered[key].direct.append(event)
    for event in events:
        if event.tag.stage is not None:
            candidates = by_commit.setdefault(event.commit, [])
            if len(candidates) > 1:
                model.ambiguous[event.commit] = [version.name for version in candidates]
                continue
            if not candidates:  # R23; one object per commit, however many tags (B3)
                candidates.append(ModelVersion(event.commit, event.commit))
            candidates[0].assignments.setdefault(event.tag.stage, []).append(event)
    model.versions = sorted(
        (version for versions in by_commit.values() for version in versions),
        key=lambda version: version.first_seen,
    )
    findings.extend(_model_findings(model))
    return model


def _model_findings(model: Model) -> Iterator[Finding]:
    for commit, versions in model.ambiguous.items():
        first = next(event.tag.text for event in model.events if event.commit == commit and event.tag.stage)
        yield Finding(
            Reason.AMBIGUOUS_VERSION.value, first, f"commit {commit[:12]} holds versions {', '.join(versions)}"
        )
    for version in model.versions:
        if not version.registered:
            first = next(event.tag.text for event in model.events if event.commit == version.commit)
            yield Finding(
                Reason.UNREGISTERED_COMMIT.value, first, f"commit {version.commit[:12]} has no registered version"
            )
    staged: dict[tuple[str | None, int], str] = {}
    for event in model.events:
        if event.tag.stage is None:
            continue
        earlier = staged.setdefault((event.tag.stage, event.time), event.tag.text)
        if earlier != event.tag.text:
            yield Finding(
                "ambiguous-order",
                event.tag.text,
                f"made in the same second as {earlier}: which one wins follows GTO's rule, not the counter",
            )
