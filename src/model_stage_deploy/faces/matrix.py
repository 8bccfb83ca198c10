"""`plan`: what is to be deployed, as a matrix for later jobs: a dry run of what the event or the inputs ask for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.matrix import (
    Entry,
    Jobs,
    Spread,
    jobs_of,
    matrix_of,
    plan_document,
    require_small,
    waves_of_jobs,
)
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.asking import planned_command
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import Announcer


class Planned(NamedTuple):
    """A dry run's outcome, the jobs that follow from it, and the document of both."""

    outcome: Outcome
    jobs: Jobs
    document: dict[str, Any]

    @property
    def outputs(self) -> dict[str, str]:
        """What later jobs are made of. An expression reads `waves` only where `spread` is not 0."""
        return {
            "matrix": matrix_of(self.jobs.single),
            "count": str(len(self.jobs.single)),
            "waves": waves_of_jobs(self.jobs),
            "finish": matrix_of(self.jobs.finish),
            "spread": str(len(self.jobs.finish)),
            "keep-going": str(self.jobs.keep_going).lower(),
        }


def planned(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> Planned:
    """What a deployment would do, for the tag that the settings or the event name, or a rollback; nothing is touched.

    Matrices are empty where nothing is to be deployed, and where something may not be: then the exit code of the
    outcome says so, before anybody is asked to approve. Raises Invalid (usage).
    """
    from model_stage_deploy.faces.conduct import conduct

    asked = next((name for name in ("target", "wave", "shard") if getattr(settings, name)), "")
    if asked:
        raise Invalid(
            Reason.USAGE,
            f"`{asked}` means nothing to the command plan",
            hint="a plan is of the whole stage; its jobs take a part each (input `spread`)",
        )
    dry = replace(settings, command=planned_command(settings), dry_run=True)
    outcome = conduct(dry, environ, announcer, scrubber)
    jobs = _without_secrets(jobs_of(outcome, settings.tag, Spread(settings.spread, settings.shards)), scrubber)
    found = Planned(outcome, jobs, scrubber.value(plan_document(outcome, jobs)))
    require_small(*found.outputs.values())
    return found


def plan_for_action(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> int:
    """`command: plan` in a workflow: the outputs of a dry run, and those of the plan; `json` is the plan's document.

    Raises ModelStageError.
    """
    from model_stage_deploy.faces.action import tell
    from model_stage_deploy.faces.signals import undisturbed

    found = planned(settings, environ, announcer, scrubber)
    with undisturbed():
        tell(found.outcome, announcer, scrubber)
        announcer.say(counted(found.jobs))
        announcer.outputs({**found.outputs, "json": json.dumps(found.document, ensure_ascii=True)})
    return found.outcome.exit_code


def _without_secrets(jobs: Jobs, scrubber: Scrubber) -> Jobs:
    """Jobs that can be shown. Raises Invalid (usage): an environment with stars in it would be another one."""

    def shown(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return tuple(
            {**entry, "url": entry["url"] if scrubber.text(entry["url"]) == entry["url"] else ""} for entry in entries
        )

    safe = jobs._replace(single=shown(jobs.single), waves=tuple(map(shown, jobs.waves)), finish=shown(jobs.finish))
    plain = list(safe.all)
    if scrubber.value(plain) != plain:
        raise Invalid(
            Reason.USAGE,
            "the plan holds a text that is also the value of a secret, so no matrix can be made of it",
            hint="a secret must not be a word such as `production`; and the plan needs no secret of the mapping",
        )
    return safe


def counted(jobs: Jobs) -> str:
    """How much is to be deployed, in words."""
    count, parts = jobs.deployments, sum(map(len, jobs.waves))
    told = f"{count} deployment{'' if count == 1 else 's'} for the jobs that follow"
    if not jobs.finish:
        return told
    targets = sum(entry["targets"] for entry in jobs.finish)
    waves = f"{len(jobs.waves)} wave{'' if len(jobs.waves) == 1 else 's'}"
    return f"{told}: {targets} targets in {parts} job{'' if parts == 1 else 's'}, in {waves}, and then `finish`"
