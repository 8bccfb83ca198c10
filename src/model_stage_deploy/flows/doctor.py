"""The registry's health: every check in turn, each for itself, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from model_stage_deploy.core import health_clone, health_stages, health_tags, health_workflows
from model_stage_deploy.core.errors import Invalid, ModelStageError
from model_stage_deploy.core.health import (
    Checked,
    Examination,
    HealthFinding,
    NotChecked,
    Severity,
    found,
    next_stage_tag,
)
from model_stage_deploy.core.mapping import StageMap
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Registry, fold
from model_stage_deploy.core.tags import Event, NotGtoTag, parse_tag
from model_stage_deploy.core.workflows import Workflow, those_that_use_us


class Surroundings(Protocol):
    """What stands around the tags. Each raises NotChecked where there is nothing to look at, MachineryFailed."""

    def remote_tags(self) -> Mapping[str, str]:
        """Object ids of the remote's tags, by name."""
        ...

    def commit_times(self, commits: Iterable[str], /) -> Mapping[str, int]:
        """Committer times in unix seconds, of those commits that are known."""
        ...

    def workflows(self) -> tuple[Sequence[Workflow], Sequence[str]]:
        """The workflows that are there now, and complaints about files that cannot be read."""
        ...

    def workflows_at(self, commits: Sequence[str], /) -> Mapping[str, Sequence[Workflow] | None]:
        """The workflows of each commit, None for one that is not known."""
        ...


Check = Callable[[], tuple[Iterable[HealthFinding], str]]
AllowedStages = Callable[[], Collection[str] | None]
"""The stages that `.gto` allows, None for any. Raises NotChecked, Invalid (gto-config-invalid)."""
ReadMapping = Callable[[], StageMap]
"""The mapping. Raises NotChecked, Invalid (mapping-invalid)."""


def examine(
    records: Sequence[TagRecord],
    around: Surroundings,
    *,
    now: float,
    allowed_stages: AllowedStages,
    mapping: ReadMapping,
    model: str = "",
) -> Examination:
    """Look at everything. `now` is in unix seconds; with `model` the records are that model's alone.

    Raises nothing of its own: what keeps one check from being made is told, and the others are made.
    """
    rounds = _Rounds(records, around, now, model)
    checks: Mapping[str, Check] = {
        "tags": rounds.tags,
        "times": rounds.times,
        "commit-times": rounds.commit_times,
        "stages": rounds.stages,
        "clone": rounds.clone,
        "gto": lambda: rounds.gto(allowed_stages),
        "mapping": lambda: rounds.mapping(mapping),
        "workflows": rounds.workflows,
        "commits": rounds.commits,
    }
    findings: list[HealthFinding] = []
    checked = [_made(name, check, findings) for name, check in checks.items()]
    findings.sort(key=lambda finding: finding.severity is not Severity.ERROR)
    return Examination(tuple(findings), tuple(checked))


def _made(name: str, check: Check, findings: list[HealthFinding]) -> Checked:
    try:
        more, note = check()
        findings.extend(more)
    except NotChecked as reason:
        return Checked(name, False, reason.why)
    except (ModelStageError, OSError) as problem:
        why = problem.message if isinstance(problem, ModelStageError) else str(problem)
        hint = problem.hint if isinstance(problem, ModelStageError) else ""
        findings.append(found("check-failed", f"{name}: {why}", hint or "mend that, and run doctor again"))
        return Checked(name, False, why)
    return Checked(name, True, note)


class _Rounds:
    """The checks, each with what it looks at."""

    def __init__(self, records: Sequence[TagRecord], around: Surroundings, now: float, model: str) -> None:
        self._records = records
        self._around = around
        self._now = now
        self._model = model
        self._registry: Registry = fold(records)
        self._workflows: Sequence[Workflow] | None = None

    def tags(self) -> tuple[Iterable[HealthFinding], str]:
        """Tags that do not count, or that were meant to."""
        known = {event.tag.text for model in self._registry for event in model.events}
        odd = {finding.tag for finding in self._registry.findings}
        others = (record.name for record in self._records if record.name not in known and record.name not in odd)
        commits = {record.name: record.commit for record in self._records if record.name in odd}
        findings = [*health_tags.odd_tags(self._registry, commits), *health_tags.near_misses(others, self._registry)]
        return findings, f"{len(self._records)} tags, {len(self._registry.models)} models"

    def times(self) -> tuple[Iterable[HealthFinding], str]:
        """Times that cannot be right, or that leave the order open."""
        return health_tags.times(self._registry, self._now), "the newest tags of each stage, version and model"

    def commit_times(self) -> tuple[Iterable[HealthFinding], str]:
        """Tags that are older than their commits."""
        commits = {event.commit for model in self._registry for event in model.events if event.tag.stage}
        found = self._around.commit_times(sorted(commits))
        missing = len(commits) - len(found)
        note = f"{len(found)} commits" + (f"; {missing} are not in this clone" if missing else "")
        return health_tags.back_dated(self._registry, found), note

    def stages(self) -> tuple[Iterable[HealthFinding], str]:
        """Stages and deprecations that mislead."""
        held = sum(1 for _ in health_stages.held_stages(self._registry))
        return health_stages.misleading_stages(self._registry), f"{held} stages have a version"

    def clone(self) -> tuple[Iterable[HealthFinding], str]:
        """The clone against its remote."""
        there = self._around.remote_tags()
        if self._model:
            there = {name: object_id for name, object_id in there.items() if _model_of(name) == self._model}
        here = {record.name: record.object_id for record in self._records}
        return health_clone.clone_against_remote(here, there), f"{len(there)} tags of the remote"

    def gto(self, allowed_stages: AllowedStages) -> tuple[Iterable[HealthFinding], str]:
        """`.gto`, and stages that it does not allow."""
        try:
            allowed = allowed_stages()
        except Invalid as problem:
            fix = problem.hint or "put the file right: gto reads it before every command"
            return [found("gto-config", _first(problem), fix)], "it is wrong"
        if allowed is None:
            return (), "it allows every stage"
        held = health_stages.held_stages(self._registry)
        return health_clone.stages_not_allowed(held, allowed), f"it allows {len(allowed)} stages"

    def mapping(self, read: ReadMapping) -> tuple[Iterable[HealthFinding], str]:
        """The mapping, and stages that it does not know."""
        try:
            stages = read()
            if stages.unmapped == "ignore":
                return (), f"{stages.file}, which passes over stages that it does not name"
            held = health_stages.held_stages(self._registry)
            return list(health_clone.unmapped_stages(held, stages.mapped_stages, stages.file)), stages.file
        except Invalid as problem:
            if problem.reason is not Reason.MAPPING_INVALID:
                raise
            fix = "python -m model_stage_deploy check lists every mistake, with its line"
            return [found("mapping-invalid", _first(problem), fix)], "it is wrong"

    def workflows(self) -> tuple[Iterable[HealthFinding], str]:
        """Workflows that use us."""
        workflows, complaints = self._around.workflows()
        self._workflows = workflows
        unreadable = [
            found("workflow-unreadable", words, "put the file right: GitHub does not run it either")
            for words in complaints
        ]
        if not workflows and not complaints:
            raise NotChecked("there is no workflow in .github/workflows")
        ours = those_that_use_us(workflows)
        if not ours:
            return unreadable, f"none of {len(workflows)} uses model-stage-deploy or gto-action"
        tags = [
            event.tag.text for model in self._registry for event in model.events if event.tag.event is Event.ASSIGNMENT
        ]
        findings = [*unreadable, *health_workflows.workflow_findings(workflows, tags)]
        return findings, f"{', '.join(workflow.path for workflow in ours)}, against {len(tags)} stage tags"

    def commits(self) -> tuple[Iterable[HealthFinding], str]:
        """The workflows of the commits that hold stages, or a model's latest version."""
        if not any(workflow.tags for workflow in those_that_use_us(self._workflows or ())):
            raise NotChecked("no workflow that uses this action is started by tags")
        pushed = [
            (model.name, version.commit, next_stage_tag(model, stage))
            for model in self._registry
            if not model.ambiguous
            for stage in model.stages
            for version in {
                version.commit: version
                for version in (getattr(model.holder(stage), "version", None), model.latest())
                if version is not None
            }.values()
        ]
        at = self._around.workflows_at(sorted({commit for _, commit, _ in pushed}))
        missing = sum(found is None for found in at.values())
        note = f"{len(at)} commits" + (f"; {missing} are not in this clone" if missing else "")
        return health_workflows.commits_without(pushed, at, self._workflows or ()), note


def _first(problem: Invalid) -> str:
    """The first of the mistakes, and how many more there are."""
    first, *more = problem.message.split("\n")
    return f"{first} (and {len(more)} more)" if more else first


def _model_of(tag: str) -> str | None:
    try:
        return parse_tag(tag).model
    except NotGtoTag:
        return None
