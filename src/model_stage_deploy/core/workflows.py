"""GitHub workflows as far as deployments depend on them: what starts them, what they may do, what they use.

Facts only; what is wrong with them is next door, in health_workflows.py. The text is read in
adapters/workflow_files_yaml.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from model_stage_deploy.core.permissions import DEPLOYS, READS, needed_by
from model_stage_deploy.core.workflow_filters import TagFilter

_OURS = re.compile(r"(?:^|/)model-stage-deploy(?:/[^@]*)?(?:@|:|$)")
_GTO = re.compile(r"(?:^|/)gto-action@")
_READS_ONLY = ("resolve", "check", "plan")
_UNSET = object()
Permissions = Mapping[str, str] | str | None


class NotAWorkflow(Exception):
    """The document has not the shape of a workflow; the message says where."""


class Concurrency(NamedTuple):
    """A `concurrency` setting. `cancels` is what stands under `cancel-in-progress`, "" for nothing."""

    group: str
    cancels: str = ""
    queue: str = ""

    @property
    def one_per_tag(self) -> bool:
        """Whether every tag has a group of its own, or even every run."""
        return re.search(r"github\.(?:ref|ref_name|run_id|run_number)\b", self.group) is not None


class Job(NamedTuple):
    """A job that uses this action or gto-action. `permissions` and `concurrency` are its own or the workflow's.

    `deploys`: it can deploy, and not only say what a tag means. `needs` are permissions of the job's own token.
    """

    name: str
    deploys: bool
    needs: Mapping[str, str]
    permissions: Permissions
    concurrency: tuple[Concurrency, ...]


class Workflow(NamedTuple):
    """One file. `tags` is None where no pushed tag starts it; `calls` are reusable workflows of the same repository."""

    path: str
    tags: TagFilter | None
    jobs: tuple[Job, ...]
    calls: tuple[str, ...]


def understood(path: str, document: object) -> Workflow:
    """The workflow in a document of mappings, lists, texts and nulls. Raises NotAWorkflow."""
    whole = _mapping(document, "the file")
    if "on" not in whole or "jobs" not in whole:
        message = "it has no `on` or no `jobs`"
        raise NotAWorkflow(message)
    jobs, calls = [], []
    for name, value in _mapping(whole["jobs"], "`jobs`").items():
        job = _mapping(value, f"`jobs.{name}`")
        called = job.get("uses")
        if isinstance(called, str) and called.startswith("./"):
            calls.append(called.removeprefix("./"))
        concurrency = tuple(found for part in (whole, job) if (found := _concurrency(part)) is not None)
        jobs += [Job(name, deploys, needs, _permissions(whole, job), concurrency) for deploys, needs in _used(job)]
    return Workflow(path, _tag_filter(whole["on"]), tuple(jobs), tuple(calls))


def those_that_use_us(workflows: Iterable[Workflow]) -> list[Workflow]:
    """Workflows with a job that uses this action or gto-action, and those that call such a one of the repository."""
    every = {workflow.path: workflow for workflow in workflows}
    found = {path for path, workflow in every.items() if workflow.jobs}
    while True:
        callers = {path for path, workflow in every.items() if found & set(workflow.calls)} - found
        if not callers:
            return [workflow for path, workflow in every.items() if path in found]
        found |= callers


def _used(job: Mapping[str, Any]) -> Iterator[tuple[bool, Mapping[str, str]]]:
    """For each use of ours or of GTO's: whether it deploys, and the permissions that it needs of the job's token."""
    called = job.get("uses")
    if isinstance(called, str) and _OURS.search(called):
        yield True, DEPLOYS
    steps = job.get("steps")
    for step in steps if isinstance(steps, list) else ():
        uses = step.get("uses") if isinstance(step, Mapping) else None
        if not isinstance(uses, str):
            continue
        given = step.get("with")
        inputs = given if isinstance(given, Mapping) else {}
        if _GTO.search(uses):
            yield False, READS
        elif _OURS.search(uses):
            token = str(inputs.get("token") or "")
            command = inputs.get("command")
            deploys = command not in (*_READS_ONLY, "promote")
            if token and "github.token" not in token and "GITHUB_TOKEN" not in token:
                yield deploys, {}  # a token of its own: `permissions` say nothing about that
            elif command == "promote":
                yield False, needed_by("promote")
            elif deploys and "true" not in (inputs.get("no-github"), inputs.get("dry-run")):
                yield True, DEPLOYS
            else:
                yield deploys, READS


def _tag_filter(on: object) -> TagFilter | None:
    """Which pushed tags start a workflow; None for none.

    `create` takes no filter. With a filter for branches alone, pushed tags start nothing (GitHub's workflow syntax).
    """
    if isinstance(on, str):
        return TagFilter(None) if on in ("push", "create") else None
    if isinstance(on, list):
        return TagFilter(None) if "push" in on or "create" in on else None
    events = _mapping(on, "`on`")
    if "create" in events:
        return TagFilter(None)
    if "push" not in events:
        return None
    push = _mapping(events["push"] or {}, "`on.push`")
    for key, ignore in (("tags", False), ("tags-ignore", True)):
        if key in push:
            return TagFilter(tuple(_texts(push[key], f"`on.push.{key}`")), ignore)
    return None if {"branches", "branches-ignore"} & push.keys() else TagFilter(None)


def _permissions(*parts: Mapping[str, Any]) -> Permissions:
    """What the innermost part says that says anything; None where none does."""
    value = next((part["permissions"] for part in reversed(parts) if "permissions" in part), _UNSET)
    if value is _UNSET:
        return None
    if isinstance(value, Mapping):
        return {str(key): str(item) for key, item in value.items()}
    return str(value) if isinstance(value, str) else {}


def _concurrency(part: Mapping[str, Any]) -> Concurrency | None:
    value = part.get("concurrency")
    if isinstance(value, str):
        return Concurrency(value)
    if isinstance(value, Mapping):
        group, cancels, queue = (str(value.get(key) or "") for key in ("group", "cancel-in-progress", "queue"))
        return Concurrency(group, "" if cancels == "false" else cancels, queue)
    return None


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        message = f"{what} is no mapping"
        raise NotAWorkflow(message)
    return value


def _texts(value: object, what: str) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    message = f"{what} is no list of texts"
    raise NotAWorkflow(message)
