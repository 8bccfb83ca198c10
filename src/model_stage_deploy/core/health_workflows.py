"""Checks of the workflows that use this action or gto-action: do the registry's tags start them, may they deploy?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from model_stage_deploy.core.health import HealthFinding, found, listed, quoted
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.workflow_filters import PatternUnclear
from model_stage_deploy.core.workflows import Job, Workflow, those_that_use_us

_ENOUGH = {"read": ("read", "write"), "write": ("write",)}
_ALL = {"read-all": "read", "write-all": "write"}
_EVERY_STAGE_TAG = "tags: ['**#**']"


def workflow_findings(workflows: Iterable[Workflow], stage_tags: Sequence[str]) -> Iterator[HealthFinding]:
    """What is wrong with workflows that use us (T17, T28, T39). `stage_tags` are the registry's assignments."""
    ours = those_that_use_us(workflows)
    if ours:
        yield from _triggers(ours, stage_tags)
    for workflow in ours:
        seen: set[tuple[str, str]] = set()
        for job in workflow.jobs:
            for finding in (*_permissions(workflow, job), *_concurrency(workflow, job)):
                if (finding.code, finding.message) not in seen:
                    seen.add((finding.code, finding.message))
                    yield finding


def starts(ours: Iterable[Workflow], tag: str) -> bool | None:
    """Whether pushing the tag starts any of these workflows; None where that cannot be known."""
    unclear = False
    for workflow in ours:
        try:
            if workflow.tags is not None and workflow.tags.starts(tag):
                return True
        except PatternUnclear:
            unclear = True
    return None if unclear else False


def commits_without(
    pushed: Iterable[tuple[str, str, str]],
    at: Mapping[str, Sequence[Workflow] | None],
    now: Sequence[Workflow],
) -> Iterator[HealthFinding]:
    """Versions whose own commit has no workflow that a stage tag on it would start (T21).

    `pushed` are model, version's commit and a stage tag that one could push; `at` the workflows of each commit, None
    for what cannot be read; `now` those of today: what they miss is a finding of its own. One finding a commit.
    """
    told: dict[str, tuple[str, str, list[str]]] = {}
    today = those_that_use_us(now)
    then = {commit: None if found is None else those_that_use_us(found) for commit, found in at.items()}
    for model, commit, tag in pushed:
        ours = then.get(commit)
        if ours is not None and starts(ours, tag) is False and starts(today, tag) is not False:
            told.setdefault(commit, (model, tag, []))[2].append(tag)
    for commit, (model, tag, tags) in told.items():
        reason = (
            "it has no workflow that uses this action"
            if not then[commit]
            else ("the workflows that it has do not listen to it")
        )
        yield found(
            "no-workflow-at-commit",
            f"a stage tag such as {listed(dict.fromkeys(tags))} on commit {commit[:12]} starts no workflow: GitHub "
            f"takes the workflow from the tag's own commit, and {reason}",
            f"deploy it by hand (Actions > Run workflow, or: gh workflow run WORKFLOW -f {quoted(f'tag={tag}')}), "
            "or register a version on a newer commit",
            tag=tag,
            model=model,
        )


def _triggers(ours: Sequence[Workflow], stage_tags: Sequence[str]) -> Iterator[HealthFinding]:
    listening = [workflow for workflow in ours if workflow.tags is not None]
    if not listening:
        yield found(
            "no-tag-trigger",
            f"{listed(workflow.path for workflow in ours)} is not started by pushed tags",
            f"add `on: push: {_EVERY_STAGE_TAG}` to the one that deploys",
        )
        return
    unclear = [(workflow.path, words) for workflow in listening if workflow.tags for words in workflow.tags.unclear()]
    for path, words in unclear:
        yield found(
            "filter-unclear",
            f"{path}: {one_line(words)}; whether stage tags start it is not known",
            f"write it plainly, such as {_EVERY_STAGE_TAG}",
        )
    missed = [tag for tag in stage_tags if starts(listening, tag) is False]
    if missed and not unclear:
        patterns = "; ".join(f"{workflow.path} has {one_line(_shown(workflow), 300)}" for workflow in listening[:3])
        yield found(
            "filter-misses-tags",
            f"{len(missed)} of {len(stage_tags)} stage tags start no workflow: {listed(missed)}; {patterns}",
            f"write {_EVERY_STAGE_TAG} (`*` does not match `/`, `**` does)",
            tag=missed[0],
        )


def _shown(workflow: Workflow) -> str:
    if workflow.tags is None or workflow.tags.patterns is None:
        return "no filter"
    kind = "tags-ignore" if workflow.tags.ignore else "tags"
    return f"{kind}: [{', '.join(quoted(pattern) for pattern in workflow.tags.patterns)}]"


def _permissions(workflow: Workflow, job: Job) -> Iterator[HealthFinding]:
    wanted = ", ".join(f"{name}: {level}" for name, level in job.needs.items())
    if job.permissions is None:
        if job.needs.get("deployments"):
            yield found(
                "permissions-unset",
                f"{workflow.path}: job {one_line(job.name, 100)} deploys, and neither it nor the workflow says "
                "`permissions:`",
                f"add `permissions: {{{wanted}}}`",
            )
        return
    missing = [
        f"{name}: {level}" for name, level in job.needs.items() if _level(job.permissions, name) not in _ENOUGH[level]
    ]
    if missing:
        yield found(
            "permissions-missing",
            f"{workflow.path}: job {one_line(job.name, 100)} lacks {', '.join(missing)}",
            f"write `permissions: {{{wanted}}}` (what is not named there is `none`)",
        )


def _level(permissions: Mapping[str, str] | str, name: str) -> str:
    if isinstance(permissions, str):
        return _ALL.get(permissions, "none")
    return permissions.get(name, "none")


def _concurrency(workflow: Workflow, job: Job) -> Iterator[HealthFinding]:
    if not job.deploys:
        return
    for setting in job.concurrency:
        group = one_line(setting.group, 100)
        if setting.one_per_tag:
            continue
        if setting.cancels:
            yield found(
                "concurrency-cancels",
                f"{workflow.path}: job {one_line(job.name, 100)} is in the group {group!r} with cancel-in-progress: "
                "the next tag cancels a deployment that is running",
                "remove `cancel-in-progress`, or the group",
            )
        elif setting.queue != "max":
            yield found(
                "concurrency-drops",
                f"{workflow.path}: job {one_line(job.name, 100)} is in the group {group!r}: of runs that wait, only "
                "the newest is kept, so stage tags can be lost",
                "remove the group, put ${{ github.ref }} into its name, or add `queue: max` where GitHub knows it",
            )
