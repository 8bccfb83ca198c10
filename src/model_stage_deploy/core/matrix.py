"""A plan for later jobs: matrices of a workflow, with an entry for each job, and the plan's document.

A deployment is one job. That of a stage with targets may be many: a matrix for each wave of them, with a job for each
shard of the wave, and a last job that joins what they did.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.outcome import Outcome, document
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.planned import promise_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import STARS
from model_stage_deploy.core.tags import slug
from model_stage_deploy.core.targets import Shard, Wave

SCHEMA = "model-stage-deploy/plan/v1"
MOST_ENTRIES = 256
"""Jobs that GitHub makes of one matrix at most."""
LARGEST = 500_000
"""Characters of all matrices together; GitHub keeps 1 MB of a job's outputs, which it counts in UTF-16."""
MOST_JOBS = 400
"""Jobs for targets, in all waves together, where nobody says how many; fewer where they would not fit in LARGEST."""
_MORE = 250  # characters that an entry has for its part of a wave, with some to spare

Entry = dict[str, Any]


class Spread(NamedTuple):
    """How the targets of a stage go over many jobs: `waves` is how many matrices, one after the other, the workflow has
    for them (0: none, so the whole stage is one job), `shards` how many jobs a wave has (0: as many as are of use)."""

    waves: int = 0
    shards: int = 0


class Jobs(NamedTuple):
    """The jobs of a plan: `single` has deployments of one job each; `waves` the matrices for targets, to be carried out
    one after the other; `finish` one job for each stage that has some there.

    `keep_going` says that a wave begins even if one before failed.
    """

    single: tuple[Entry, ...] = ()
    waves: tuple[tuple[Entry, ...], ...] = ()
    finish: tuple[Entry, ...] = ()
    keep_going: bool = False

    @property
    def all(self) -> Iterable[Entry]:
        """Every entry, in the order in which they are carried out."""
        yield from self.single
        for wave in self.waves:
            yield from wave
        yield from self.finish

    @property
    def deployments(self) -> int:
        """How many deployments that are."""
        return len(self.single) + len(self.finish)


def jobs_of(outcome: Outcome, tag: str = "", spread: Spread = Spread()) -> Jobs:  # noqa: B008 - never changes
    """What a dry run would deploy; nothing where it ended otherwise than with a plan.

    `tag` is the one that a person named, "" for the one that was pushed: whoever deploys must be told the same way, for
    a tag that is named by hand is judged otherwise. Raises Invalid (usage) for more than matrices hold.
    """
    parts = outcome.parts or (outcome,)
    plans = [part.plan for part in parts if part.plan is not None and part.reason is Reason.DRY_RUN]
    if outcome.exit_code:
        return Jobs()
    wide = [plan for plan in plans if spread.waves and plan.waves]
    single = [plan for plan in plans if not spread.waves or not plan.waves]
    if len(plans) > MOST_ENTRIES:
        raise Invalid(
            Reason.USAGE,
            f"{outcome.subject.tag or 'this'} asks for {len(plans)} deployments, and a matrix holds {MOST_ENTRIES}",
            hint="deploy without a plan: command `deploy` carries out all of them in one job",
        )
    _require_room(wide, spread)
    return Jobs(
        tuple(_entry(index, plan, tag) for index, plan in enumerate(single)),
        _waves(wide, tag, spread),
        tuple(_finish(index, plan, tag) for index, plan in enumerate(wide)),
        bool(wide) and all(plan.strategy is not None and plan.strategy.on_failure == "continue" for plan in wide),
    )


def matrix_of(entries: Sequence[Entry]) -> str:
    """The matrix as one line of ASCII JSON."""
    return json.dumps({"include": list(entries)}, ensure_ascii=True)


def waves_of_jobs(jobs: Jobs) -> str:
    """The matrices of the waves, as one line of ASCII JSON: a list, empty where there are none."""
    return json.dumps([{"include": list(wave)} for wave in jobs.waves], ensure_ascii=True)


def require_small(*outputs: str) -> None:
    """Raises Invalid (usage) where what goes from job to job is more than GitHub keeps."""
    length = sum(map(len, outputs))
    if length > LARGEST:
        raise Invalid(
            Reason.USAGE,
            f"the plan's matrices have {length} characters, and GitHub keeps {LARGEST} of a job's outputs",
            hint="make fewer jobs of the targets (input `shards`), or shorten what the mapping makes of `environment` "
            "and `url`",
        )


def plan_document(outcome: Outcome, jobs: Jobs) -> dict[str, Any]:
    """The versioned document of `plan` (docs/reference/json.md). Not yet scrubbed of secrets."""
    return {
        "schema": SCHEMA,
        "count": len(jobs.single),
        "matrix": {"include": list(jobs.single)},
        "waves": [{"include": list(wave)} for wave in jobs.waves],
        "finish": {"include": list(jobs.finish)},
        "spread": len(jobs.finish),
        "keep_going": jobs.keep_going,
        "outcome": document(outcome),
    }


def group_of(model: str, stage: str, *, rollback: bool = False) -> str:
    """The concurrency group of a model's stage: letters, digits and hyphens, at most 78 of them.

    GitHub compares groups without regard to case (T28), and those of different stages differ all the same. Rollbacks
    have a group of their own: in an emergency none waits for a deployment that waits for somebody's approval.
    """
    return f"model-{'rollback' if rollback else 'deploy'}-{slug(key_of(model, stage))}"


def _require_room(wide: Sequence[Plan], spread: Spread) -> None:
    for plan in wide:
        if len(plan.waves) > spread.waves:
            raise Invalid(
                Reason.USAGE,
                f"{plan.decision.stage} has {len(plan.waves)} waves of targets, and the workflow has jobs for "
                f"{spread.waves} (input `spread`)",
                hint="make fewer waves in the mapping, or deploy all in one job: leave the input `spread` out",
            )
    jobs = spread.shards * len(wide)
    if jobs > MOST_ENTRIES:
        raise Invalid(
            Reason.USAGE,
            f"{jobs} jobs for a wave are asked for, and a matrix holds {MOST_ENTRIES}",
            hint=f"ask for fewer shards, {MOST_ENTRIES // len(wide)} at most, or make more waves in the mapping",
        )


def _waves(plans: Sequence[Plan], tag: str, spread: Spread) -> tuple[tuple[Entry, ...], ...]:
    """A matrix for each wave, with the jobs of every plan that has that many."""
    common = [_entry(0, plan, tag) for plan in plans]
    longest = max((len(json.dumps(entry)) for entry in common), default=0)
    shards = _shards(plans, spread, min(MOST_JOBS, LARGEST // (longest + _MORE)))
    index, waves = 0, []
    for at in range(max((len(plan.waves) for plan in plans), default=0)):
        entries: list[Entry] = []
        for number, plan in enumerate(plans):
            if at >= len(plan.waves):
                continue
            of = shards[number, at]
            for shard in (Shard(one, of) for one in range(1, of + 1)):
                part = _part(index, common[number], plan.waves[at], shard)
                entries.append({**part, "pause": _pause(plan) if at else 0})
                index += 1
        waves.append(tuple(entries))
    return tuple(waves)


def _shards(plans: Sequence[Plan], spread: Spread, room: int) -> dict[tuple[int, int], int]:
    """How many jobs each wave (by its place) of each plan gets: one for as many targets as it works at at a time, or
    fewer where there is no room for that many in all. What a small wave leaves, the larger ones share."""
    wanted = {}
    for number, plan in enumerate(plans):
        at_a_time = plan.strategy.max_parallel if plan.strategy is not None else 1
        for at, wave in enumerate(plan.waves):
            most = spread.shards or min(-(-len(wave.targets) // at_a_time), MOST_ENTRIES // len(plans))
            wanted[number, at] = max(1, min(len(wave.targets), most))
    if spread.shards:
        return wanted
    left, given = room, {}
    for done, (key, want) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        given[key] = max(1, min(want, left // (len(wanted) - done)))
        left -= given[key]
    return given


def _entry(index: int, plan: Plan, tag: str) -> Entry:
    """One deployment: plain facts, and under `with` the inputs of the job that carries it out."""
    decision = plan.decision
    url = plan.environment_url or ""
    return {
        "model": decision.model,
        "version": decision.version,
        "stage": decision.stage,
        "action": "rollback" if decision.rollback else decision.action,
        "tag": decision.tag,
        "environment": plan.environment,
        "url": "" if STARS in url else url,  # an address with a secret in it is not known before the deployment
        "previous": decision.previous.version if decision.previous else "",
        "production": plan.production,
        "group": group_of(decision.model, decision.stage, rollback=decision.rollback),
        "index": index,
        "targets": sum(len(wave.targets) for wave in plan.waves),
        "with": _inputs(plan, tag),
    }


def _part(index: int, common: Entry, wave: Wave, shard: Shard) -> Entry:
    """A job for a part of a wave. It has a group of its own: the parts go on at the same time."""
    return {
        **common,
        "group": f"{common['group']}-w{wave.number}-{shard.number}of{shard.of}",
        "index": index,
        "targets": len(shard.part(wave.targets)),
        "wave": wave.number,
        "shard": str(shard),
        "with": {**common["with"], "wave": str(wave.number), "shard": str(shard)},
    }


def _pause(plan: Plan) -> int:
    """Whole seconds that each job of a wave waits before it begins, but those of the first."""
    return math.ceil(plan.strategy.pause) if plan.strategy is not None else 0


def _finish(index: int, plan: Plan, tag: str) -> Entry:
    entry = _entry(index, plan, tag)
    return {**entry, "with": {**entry["with"], "command": "finish"}}


def _inputs(plan: Plan, tag: str) -> dict[str, str]:
    """Inputs that bring about this and no other deployment: what somebody approves is what is then done.

    A version that was never registered cannot be named; a rollback to one is decided again. The stage is named even
    where a tag concerns one only: by then it could concern another as well, in an environment of its own.
    """
    decision, planned = plan.decision, promise_of(plan)
    if decision.rollback:
        to = decision.version if decision.registered else ""
        named = {"command": "rollback", "tag": "", "model": decision.model, "stage": decision.stage, "to": to}
        return {**named, "planned": planned}
    return {"command": "deploy", "tag": tag, "model": "", "stage": decision.stage, "to": "", "planned": planned}
