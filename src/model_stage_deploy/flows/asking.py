"""Asking each stage's deployer what runs: beside what was decided, and what the records say. Changes nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, get_args

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import Lifecycle
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.reported import plain_facts
from model_stage_deploy.core.seen import Seen
from model_stage_deploy.deployers.contract import Job, State, Status, can_tell_status
from model_stage_deploy.deployers.environment import child_environment, msd_variables
from model_stage_deploy.deployers.reported_url import usable_url
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.flows.overheard import overheard
from model_stage_deploy.flows.planning import Prepared, prepare, settings_for

LONGEST = 60.0
"""Seconds that one look may take, where `deploy.timeout` is not even shorter."""
_ALL = 10_000  # characters; a short cut could halve a secret, which the scrubber would not know


def ask(context: Context, rows: Sequence[Lifecycle]) -> list[Seen]:
    """What runs in each stage, by its deployer, in the order of the rows. Never raises for one stage: it says why."""
    return [_seen(context, row) for row in rows]


def _seen(context: Context, row: Lifecycle) -> Seen:
    seen = Seen(row.model, row.stage)
    decision = _decision(row)
    if decision is None:
        return seen._replace(problem="no version was ever decided or deployed here, so there is nothing to ask about")
    if row.running is not None or (row.holder is not None and not row.running_known):
        seen = seen._replace(expected=decision.version)
    try:
        configuration = context.configuration(decision.commit)
        settings = settings_for(configuration, row.model, row.stage)
        seen = seen._replace(deployer=settings.deployer)
        if settings.targets or settings.targets_from:
            look = f"python -m model_stage_deploy targets {row.model} {row.stage}"
            return seen._replace(problem=f"it has targets, which are not asked; what is recorded of them: {look}")
        prepared = prepare(context, configuration, decision, ())
        why_not = can_tell_status(prepared.deployer, prepared.options)
        if why_not:
            return seen._replace(problem=f"the deployer {settings.deployer} cannot tell: {why_not}")
        return _told(seen, _asked(context, prepared, configuration))
    except ModelStageError as problem:
        return seen._replace(problem=one_line(problem.message, _ALL))
    except (Exception, SystemExit) as defect:  # noqa: BLE001 - a deployer of the user's own may raise anything
        told = one_line(f"{type(defect).__name__}: {defect}", _ALL)
        return seen._replace(problem=f"the deployer {seen.deployer} broke: {told}")


def _decision(row: Lifecycle) -> Decision | None:
    """A version to plan with, as some settings name it: what runs by the records, else what the tags say."""
    running, holder = row.running, row.holder
    if running is not None:
        return Decision(row.model, running.version, row.stage, running.tag, running.commit)
    if holder is not None:
        version = holder.version
        return Decision(row.model, version.name, row.stage, holder.event.tag.text, version.commit)
    newest = row.newest
    if newest is None:
        return None
    return Decision(row.model, newest.version, row.stage, newest.tag, newest.commit)


def _asked(context: Context, prepared: Prepared, configuration: Configuration) -> object:
    plan, deployer = prepared.plan, prepared.deployer
    files = configuration.files() if deployer.needs_files else None
    model_dir = context.repository.checkout(plan.decision.commit) if deployer.needs_files else None
    attempt = uuid.uuid4().hex
    handed = {name: value for name in prepared.settings.secrets if (value := context.handed.get(name))}
    values = msd_variables(plan, attempt, model_dir=model_dir, action="status")
    job = Job(
        plan=plan,
        attempt=attempt,
        env=child_environment(context.environ) | handed | dict(prepared.env) | values,
        timeout=min(LONGEST, plan.timeout),
        output=_unheard,
        files=files,
        model_dir=model_dir,
    )
    asked: Any = deployer
    with overheard(job.output):
        return asked.status(job, prepared.options)


def _unheard(_text: str) -> None:
    """What it prints while it looks is for nobody: its answer is what it returns."""


def _told(seen: Seen, status: object) -> Seen:
    if not isinstance(status, Status):
        return seen._replace(problem=f"the deployer {seen.deployer} returned no Status ({type(status).__name__})")
    return seen._replace(
        state=status.state if status.state in get_args(State) else "unknown",
        sentence=one_line(str(status.sentence), _ALL),
        version=one_line(str(status.version or ""), _ALL),
        url=usable_url(status.url),
        facts=plain_facts(status.facts),
    )
