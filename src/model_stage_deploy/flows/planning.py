"""From a decision to a plan: the mapping's settings for this model and stage, with every template filled in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.errors import Invalid, NothingToDo, Refused
from model_stage_deploy.core.mapping import StageSettings, unmapped_stage
from model_stage_deploy.core.mapping_targets import read_targets
from model_stage_deploy.core.plan import Decision, Plan
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.policy_mirrors import Mirror
from model_stage_deploy.core.policy_targets import Strategy
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.rendering import render_options, render_text
from model_stage_deploy.core.targets import Target, Wave, digest_for, digest_of_all, waves_of
from model_stage_deploy.deployers.contract import Deployer
from model_stage_deploy.deployers.settings import options_of
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.flows.mirror_settings import described, happened_by, mirrors_of
from model_stage_deploy.flows.variables import (
    annotation_of,
    check_of,
    decided,
    model_facts,
    model_variables,
    require_secrets,
    url_of,
    variables_of,
)
from model_stage_deploy.ports import DocumentProblem


@dataclass(frozen=True, slots=True)
class Fan:
    """The targets of a stage. `of` makes the same for one of them, for the decision of the stage or for another."""

    targets: tuple[Target, ...]
    strategy: Strategy
    of: Callable[[Target, Decision], Prepared]
    digest: Callable[[Target], str]
    """That of one target's plan, without rendering it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with the deployer that carries it out and its checked options.

    `verify` gives the rendered checks once it is known where the deployed model can be reached (None: where the
    mapping says). With `fan` the plan is that of the stage as a whole, whose options nobody can render: each target has
    its own.
    """

    plan: Plan
    settings: StageSettings
    deployer: Deployer
    options: Any
    configuration: Configuration
    env: Mapping[str, str]
    verify: Callable[[str | None, str], tuple[Check, ...]]
    fan: Fan | None = None
    mirrors: tuple[Mirror, ...] = ()


def settings_for(configuration: Configuration, model: str, stage: str) -> StageSettings:
    """The mapping's settings. Raises NothingToDo (unmapped-ignored) or Invalid (unmapped-stage)."""
    settings = configuration.mapping.settings(model, stage)
    if settings is not None:
        return settings
    if configuration.mapping.unmapped == "ignore":
        raise NothingToDo(
            Reason.UNMAPPED_IGNORED, f"the mapping does not name stage {stage} for {model} and says `unmapped: ignore`"
        )
    raise unmapped_stage(configuration.mapping, model, stage)


def environment_of(context: Context, settings: StageSettings, model: str, stage: str) -> str:
    """The environment of a model's stage. Raises Invalid (template-error).

    It is rendered from what never changes from one deployment to the next, so that the records of one model and
    stage stay together.
    """
    variables = {
        "model": model_variables(model),
        "stage": stage,
        "repository": context.repository_name,
        "vars": settings.vars,
    }
    environment = render_text(
        settings.environment, variables, context.templates, at=("environment",), origins=settings.origins
    ).strip()
    if not environment or not environment.isprintable():
        raise Invalid(
            Reason.TEMPLATE_ERROR,
            f"environment: {environment!r} is empty, or holds characters that cannot be printed",
            hint="an environment may use model.name, model.slug, model.dir, stage, repository and vars",
        )
    return environment


def prepare(context: Context, configuration: Configuration, decision: Decision, notes: tuple[str, ...]) -> Prepared:
    """Make the plan.

    Raises NothingToDo, Invalid (unmapped-stage, template-error, secret-missing, mapping-invalid),
    Refused (unregistered-commit), MachineryFailed (git-failed).
    """
    settings = settings_for(configuration, decision.model, decision.stage)
    if not decision.registered and not settings.allow_unregistered:
        raise Refused(
            Reason.UNREGISTERED_COMMIT,
            f"{decision.tag} is on commit {decision.commit[:12]}, where no version of {decision.model} is registered",
            hint=f"register it (python -m model_stage_deploy register {decision.model} {decision.commit[:12]}), "
            "or set `allow-unregistered: true` for this stage to deploy bare commits",
        )
    maker = _maker(context, configuration, settings, decision, notes)
    targets = targets_of(context, configuration, settings)
    made = maker.for_all(targets) if targets else maker.made(None)
    return replace(made, mirrors=mirrors_of(context, settings, maker.variables))


def _maker(
    context: Context, configuration: Configuration, settings: StageSettings, decision: Decision, notes: tuple[str, ...]
) -> _Maker:
    environment = environment_of(context, settings, decision.model, decision.stage)
    annotation = annotation_of(context, decision.model, decision.commit)
    variables = variables_of(context, settings, decision, environment, annotation)
    deployer = context.deployer(settings.deployer, configuration.files)
    require_secrets(context, settings, deployer)
    digest = digest_of(settings, environment)
    return _Maker(
        context, configuration, settings, decision, notes, environment, annotation, variables, deployer, digest
    )


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes plans of one decision: that of the stage, or those of its targets."""

    context: Context
    configuration: Configuration
    settings: StageSettings
    decision: Decision
    notes: tuple[str, ...]
    environment: str
    annotation: Annotation | None
    variables: Mapping[str, Any]
    deployer: Deployer
    digest: str
    """That of the settings, without the targets."""

    def for_all(self, targets: tuple[Target, ...]) -> Prepared:
        """The stage as a whole: nothing is rendered but its environment."""
        settings = self.settings
        # One of many jobs sees a part of the targets only: going back is for `finish`.
        back = settings.strategy.on_failure == "rollback-all" and not self.context.wishes.scope.is_part
        selectors = () if self.decision.rollback or self.decision.action == "undeploy" else settings.strategy.waves
        plan = replace(
            self._plan(),
            variables=settings.vars,
            verify=settings.verify,
            on_failure="rollback" if back else "stop",
            digest=digest_of_all(self.digest, targets),
            strategy=settings.strategy,
            waves=_waves(self.configuration, targets, selectors),
        )
        makers = {self.decision: self}

        def of(target: Target, decision: Decision) -> Prepared:
            if decision not in makers:
                makers[decision] = self._for(decision)
            return makers[decision].made(target)

        fan = Fan(targets, settings.strategy, of, lambda target: digest_for(self.digest, target))
        return Prepared(
            plan, settings, self.deployer, None, self.configuration, {}, lambda _url, _id: settings.verify, fan
        )

    def made(self, target: Target | None) -> Prepared:
        """The plan of one target; None where the stage has none."""
        context, settings = self.context, self.settings
        variables = self.variables
        if target is not None:
            over = {**settings.vars, **target.vars}
            variables = {**variables, "vars": over, "target": {"name": target.name}}
        options = render_options(
            settings.options,
            variables,
            context.templates,
            self.deployer.url_options,
            verbatim=self.deployer.verbatim_options,
            origins=settings.origins,
        )
        env = render_options(
            settings.env, variables, context.templates, frozenset(), origins=settings.origins, at=("deploy", "env")
        )
        url = url_of(context, settings, variables)

        def verify(reported: str | None, attempt: str) -> tuple[Check, ...]:
            known = {**variables, "environment_url": reported or url, "attempt": attempt or "<attempt>"}
            return tuple(check_of(context, settings, number, known) for number in range(len(settings.verify)))

        plan = replace(
            self._plan(),
            environment_url=url,
            options=options,
            variables=variables["vars"],
            verify=verify(None, ""),
            digest=self.digest if target is None else digest_for(self.digest, target),
            target="" if target is None else target.name,
        )
        checked = options_of(type(self.deployer), options)
        return Prepared(plan, settings, self.deployer, checked, self.configuration, env, verify)

    def _for(self, decision: Decision) -> _Maker:
        """The same for another decision of the same model and stage; nothing is read again that is known."""
        if decision.commit != self.decision.commit:
            return _maker(self.context, self.configuration, self.settings, decision, ())
        return replace(self, decision=decision, variables={**self.variables, **decided(decision)}, notes=())

    def _plan(self) -> Plan:
        settings = self.settings
        return Plan(
            decision=self.decision,
            model=model_facts(self.decision.model, self.annotation),
            environment=self.environment,
            production=settings.production,
            deployer=settings.deployer,
            timeout=settings.timeout,
            repository=self.context.repository_name,
            run=self.context.run,
            config=self.configuration.label,
            on_failure=settings.on_failure,
            origins=settings.origins,
            notes=self.notes,
        )


def targets_of(context: Context, configuration: Configuration, settings: StageSettings) -> tuple[Target, ...]:
    """The stage's targets: those that the mapping lists, or those of the file that it names; none for most stages.

    Raises Invalid (mapping-invalid), MachineryFailed (git-failed).
    """
    if not settings.targets_from:
        return settings.targets
    path = settings.targets_from
    text = configuration.read(path)
    if text is None or context.documents is None:
        raise Invalid(
            Reason.MAPPING_INVALID,
            f"there is no file {path} with the targets of the stage, where the mapping is read ({configuration.label})",
            hint="commit it there, beside the mapping",
        )
    try:
        return read_targets(context.documents(text, path), path)
    except DocumentProblem as problem:
        raise Invalid(Reason.MAPPING_INVALID, f"{path} cannot be read: {problem}") from problem


def _waves(configuration: Configuration, targets: tuple[Target, ...], selectors: Sequence[str]) -> tuple[Wave, ...]:
    try:
        return waves_of(targets, selectors)
    except ValueError as problem:
        raise Invalid(Reason.MAPPING_INVALID, f"{configuration.mapping.file}: strategy.waves: {problem}") from problem


def digest_of(settings: StageSettings, environment: str) -> str:
    """SHA-256, in hexadecimal digits, of the settings that make a deployment what it is, templates not rendered.

    Gates, locks, and what the scripts hold that the settings name, are not in it.
    """
    parts = {
        "environment": environment,
        "deployer": settings.deployer,
        "options": settings.options,
        "env": settings.env,
        "url": settings.url,
        "vars": settings.vars,
        "timeout": settings.timeout,
        "verify": [check.model_dump(by_alias=True, exclude_none=True) for check in settings.verify],
    }
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def sample(prepared: Prepared) -> Prepared:
    """The plan itself, or that of the first target where the stage has some: what one deployment looks like."""
    if prepared.fan is None:
        return prepared
    return prepared.fan.of(prepared.fan.targets[0], prepared.plan.decision)


def is_spread(settings: StageSettings) -> bool:
    """Whether the stage has targets."""
    return bool(settings.targets or settings.targets_from)


def stage_digest(context: Context, configuration: Configuration, settings: StageSettings, environment: str) -> str:
    """The digest that the plan of a stage has, its targets among it. Raises as `targets_of`."""
    digest, targets = digest_of(settings, environment), targets_of(context, configuration, settings)
    return digest_of_all(digest, targets) if targets else digest


def actions_of(prepared: Prepared, context: Context) -> tuple[str, ...]:
    """Lines that say what the deployer would do, and how its work would be verified; for targets, at the first one."""
    if prepared.fan is not None:
        first = actions_of(sample(prepared), context)
        return (*_spread(prepared.plan, prepared.fan.strategy), *(f"  {line}" for line in first))
    plan = prepared.plan
    retries = prepared.settings.retries
    again = f"up to {retries} {'retry' if retries == 1 else 'retries'}, where a failure is worth it" if retries else ""
    told = (*_told_by(prepared), *([again] if again else []))
    mirrored = tuple(described(context, prepared.mirrors, happened_by(plan.decision)))
    if plan.decision.action == "undeploy":
        return (*told, *mirrored)
    verified = [
        f"verify {check.name or check.kind}: {line}"
        for check in plan.verify
        for line in context.verifier(check.kind).describe(check)
    ]
    if plan.on_failure == "rollback" and not plan.decision.rollback:
        verified.append("on failure: roll back to the version that was verified last")
    return (*told, *verified, *mirrored)


def _spread(plan: Plan, strategy: Strategy) -> Iterator[str]:
    """Lines on the targets of a stage."""
    count = sum(len(wave.targets) for wave in plan.waves)
    waves = "; ".join(f"wave {wave.number} ({wave.name}): {len(wave.targets)}" for wave in plan.waves)
    yield f"{count} targets, up to {strategy.max_parallel} at a time: {waves}"
    if not plan.decision.rollback:
        pause = f"; {format_duration(round(strategy.pause))} between waves" if strategy.pause else ""
        yield f"after a target failed: {strategy.on_failure}{pause}"
    yield f"at {plan.waves[0].targets[0].name}" + (f", and likewise at {count - 1} others:" if count > 1 else ":")


def _told_by(prepared: Prepared) -> tuple[str, ...]:
    deployer: Any = prepared.deployer
    describe = deployer.describe if prepared.plan.decision.action == "deploy" else deployer.describe_undeploy
    try:
        return tuple(str(line) for line in describe(prepared.plan, prepared.options))
    except Exception as defect:  # noqa: BLE001 - a deployer of the user's own; its plan is no reason to fail
        return (f"{prepared.plan.deployer} cannot say what it would do: {type(defect).__name__}: {defect}",)
