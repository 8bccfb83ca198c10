"""Checking the mapping: is it right, and what would each model and stage do with it?"""

from __future__ import annotations

from dataclasses import dataclass

from model_stage_deploy.core.errors import Invalid, MachineryFailed, Mistake, ModelStageError
from model_stage_deploy.core.lifecycle import Records
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Registry, fold
from model_stage_deploy.core.targets import Target, waves_of
from model_stage_deploy.core.verdict import Verdict
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.flows.decide import previous_of
from model_stage_deploy.flows.deploy import LOOK_BACK
from model_stage_deploy.flows.gating import judge
from model_stage_deploy.flows.planning import Prepared, actions_of, prepare, settings_for, targets_of

MOST_TARGETS = 1000
"""Targets of a stage whose plans are made."""


@dataclass(frozen=True, slots=True)
class StageCheck:
    """One model and stage: what a deployment there would do, or what is wrong. `version` is the one there now.

    `targets` is how many targets the stage has, `looked_at` how many of their plans were made.
    """

    model: str
    stage: str
    version: str
    environment: str = ""
    deployer: str = ""
    actions: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""
    gates: tuple[Verdict, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    targets: int = 0
    looked_at: int = 0


def check(context: Context, *, only: str = "") -> tuple[Configuration, list[StageCheck]]:
    """Check the mapping against every model (or one) of the registry.

    Raises Invalid for a mapping that is missing or wrong in itself; what is wrong with one stage is in its row.
    """
    configuration = context.configuration(None)
    registry = fold(context.repository.tags(only or None))
    models = [registry.model(only)] if only else list(registry)
    rows = [
        _row(context, configuration, model, stage)
        for model in models
        for stage in _stages(configuration, registry, model)
    ]
    return configuration, rows


def _stages(configuration: Configuration, registry: Registry, model: Model) -> list[str]:
    """Mapped stages first, then those that tags use and the mapping does not name."""
    mapped = list(configuration.mapping.mapped_stages(model.name))
    return mapped + [stage for stage in registry.model(model.name).stages if stage not in mapped]


def _row(context: Context, configuration: Configuration, model: Model, stage: str) -> StageCheck:
    version = ""
    try:
        holder = model.holder(stage)
        if holder is None:
            settings = settings_for(configuration, model.name, stage)
            count = len(_in_waves(targets_of(context, configuration, settings), settings))
            return StageCheck(model.name, stage, "", settings.environment, settings.deployer, targets=count)
        version = holder.version.name
        decision = Decision(
            model=model.name,
            version=version,
            stage=stage,
            tag=holder.event.tag.text,
            commit=holder.version.commit,
            previous=previous_of(model.holder(stage, before=holder.event.order)),
            registered=holder.version.registered,
            proof=holder.event.record,
        )
        prepared = prepare(context, configuration, decision, ())
        actions = actions_of(prepared, context)
        targets, looked_at = _plan_targets(prepared)
    except ModelStageError as problem:
        ignored = problem.exit_code == 0
        return StageCheck(
            model.name,
            stage,
            version,
            actions=(f"nothing: {problem.message}",) if ignored else (),
            problem="" if ignored else problem.message,
            hint=problem.hint,
            mistakes=problem.mistakes,
        )
    gates = judge(context, prepared, _records(context, prepared), "assignment")
    return StageCheck(
        model.name,
        stage,
        version,
        prepared.plan.environment,
        prepared.plan.deployer,
        actions,
        gates=gates,
        targets=targets,
        looked_at=looked_at,
    )


def _plan_targets(prepared: Prepared) -> tuple[int, int]:
    """How many targets a stage has, and of how many of them the plan was made: of a large number those at even steps.

    Raises Invalid for the first whose plan cannot be made, naming it.
    """
    if prepared.fan is None:
        return 0, 0
    targets, decision = prepared.fan.targets, prepared.plan.decision
    looked_at = [targets[place * len(targets) // MOST_TARGETS] for place in range(MOST_TARGETS)]
    for target in looked_at if len(targets) > MOST_TARGETS else targets:
        try:
            prepared.fan.of(target, decision)
        except ModelStageError as problem:
            raise Invalid(problem.reason, f"target {target.name}: {problem.message}", hint=problem.hint) from None
    return len(targets), min(len(targets), MOST_TARGETS)


def _in_waves(targets: tuple[Target, ...], settings: StageSettings) -> tuple[Target, ...]:
    """The targets, if each is in a wave. Raises Invalid (mapping-invalid)."""
    try:
        waves_of(targets, settings.strategy.waves)
    except ValueError as problem:
        raise Invalid(Reason.MAPPING_INVALID, f"strategy.waves: {problem}") from None
    return targets


def _records(context: Context, prepared: Prepared) -> Records | None:
    """The stage's records, where somebody can be asked and a gate may need them."""
    plan = prepared.plan
    if context.host is None or not prepared.settings.gates.asked:
        return None
    try:
        return context.host.records(plan.decision.model, plan.decision.stage, plan.environment, limit=LOOK_BACK)
    except MachineryFailed:
        return None  # gates that need them say so
