"""From a decision to a plan: the mapping's settings for this model and stage, with every template filled in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model_stage_deploy.core.annotations import Annotation, AnnotationProblem
from model_stage_deploy.core.errors import Invalid, NothingToDo, Refused
from model_stage_deploy.core.mapping import StageSettings, unmapped_stage
from model_stage_deploy.core.plan import Decision, ModelFacts, Plan
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import STARS
from model_stage_deploy.core.rendering import render_options, render_text
from model_stage_deploy.core.tags import slug, split_model
from model_stage_deploy.core.templates import TemplateProblem
from model_stage_deploy.deployers.contract import Deployer
from model_stage_deploy.deployers.settings import options_of
from model_stage_deploy.flows.context import Configuration, Context


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with the deployer that carries it out and its checked options.

    `verify` gives the rendered checks once it is known where the deployed model can be reached (None: where the
    mapping says).
    """

    plan: Plan
    settings: StageSettings
    deployer: Deployer
    options: Any
    configuration: Configuration
    env: Mapping[str, str]
    verify: Callable[[str | None, str], tuple[Check, ...]]


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
        "model": _model_variables(model),
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
    environment = environment_of(context, settings, decision.model, decision.stage)
    annotation = _annotation(context, decision.model, decision.commit)
    variables = _variables(context, settings, decision, environment, annotation)
    deployer = context.deployer(settings.deployer, configuration.files)
    _require_secrets(context, settings, deployer)
    options = render_options(
        settings.options,
        variables,
        context.templates,
        deployer.url_options,
        verbatim=deployer.verbatim_options,
        origins=settings.origins,
    )
    env = render_options(
        settings.env, variables, context.templates, frozenset(), origins=settings.origins, at=("deploy", "env")
    )
    url = _url(context, settings, variables)

    def verify(reported: str | None, attempt: str) -> tuple[Check, ...]:
        known = {**variables, "environment_url": reported or url, "attempt": attempt or "<attempt>"}
        return tuple(_check(context, settings, number, known) for number in range(len(settings.verify)))

    plan = Plan(
        decision=decision,
        model=_model_facts(decision.model, annotation),
        environment=environment,
        environment_url=url,
        production=settings.production,
        deployer=settings.deployer,
        options=options,
        timeout=settings.timeout,
        variables=settings.vars,
        repository=context.repository_name,
        run=context.run,
        config=configuration.label,
        verify=verify(None, ""),
        on_failure=settings.on_failure,
        digest=digest_of(settings, environment),
        origins=settings.origins,
        notes=notes,
    )
    return Prepared(plan, settings, deployer, options_of(type(deployer), options), configuration, env, verify)


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


def _check(context: Context, settings: StageSettings, number: int, variables: Mapping[str, Any]) -> Check:
    """One check with its templates rendered; `run` is a program's text, and never a template."""
    written = settings.verify[number]
    kind = written.kind
    part = getattr(written, kind)
    if kind == "run":
        return written
    rendered = render_options(
        part.model_dump(by_alias=True, exclude_none=True),
        variables,
        context.templates,
        frozenset({"url", "prometheus"}),
        verbatim=frozenset({"threshold"}),
        origins=settings.origins,
        at=("verify", number, kind),
    )
    return written.model_copy(update={kind: type(part).model_validate(rendered)})


def facts_of(context: Context, model: str, commit: str) -> ModelFacts:
    """The model's name and annotation at a commit. Raises MachineryFailed (git-failed)."""
    return _model_facts(model, _annotation(context, model, commit))


def actions_of(prepared: Prepared, context: Context) -> tuple[str, ...]:
    """Lines that say what the deployer would do, and how its work would be verified."""
    plan = prepared.plan
    if plan.decision.action == "undeploy":
        return _told_by(prepared)
    verified = [
        f"verify {check.name or check.kind}: {line}"
        for check in plan.verify
        for line in context.verifier(check.kind).describe(check)
    ]
    if plan.on_failure == "rollback" and not plan.decision.rollback:
        verified.append("on failure: roll back to the version that was verified last")
    return (*_told_by(prepared), *verified)


def _told_by(prepared: Prepared) -> tuple[str, ...]:
    deployer: Any = prepared.deployer
    describe = deployer.describe if prepared.plan.decision.action == "deploy" else deployer.describe_undeploy
    try:
        return tuple(str(line) for line in describe(prepared.plan, prepared.options))
    except Exception as defect:  # noqa: BLE001 - a deployer of the user's own; its plan is no reason to fail
        return (f"{prepared.plan.deployer} cannot say what it would do: {type(defect).__name__}: {defect}",)


def _annotation(context: Context, model: str, commit: str) -> Annotation | None:
    """The artifact's annotation at a commit, from dvc.yaml or artifacts.yaml in the model's directory."""
    directory, name = split_model(model)
    prefix = f"{directory}/" if directory else ""
    dvc, gto = (context.repository.read_file(commit, f"{prefix}{file}") for file in ("dvc.yaml", "artifacts.yaml"))
    try:
        return context.annotation(dvc, gto, name)
    except AnnotationProblem as problem:
        context.announcer.note("warning", f"{model} has no usable annotation: {problem}")
        return None


def _variables(
    context: Context, settings: StageSettings, decision: Decision, environment: str, annotation: Annotation | None
) -> dict[str, Any]:
    previous, run = decision.previous, context.run
    return {
        "model": _model_variables(decision.model) | _annotated(annotation),
        "version": decision.version,
        "stage": decision.stage,
        "environment": environment,
        "tag": decision.tag,
        "commit": decision.commit,
        "previous": {"version": previous.version, "tag": previous.tag, "commit": previous.commit} if previous else None,
        "repository": context.repository_name,
        "run": {"id": run.id, "attempt": run.attempt, "url": run.url, "actor": run.actor},
        "vars": settings.vars,
        "secrets": dict(_secrets(context, settings)),
    }


def _secrets(context: Context, settings: StageSettings) -> Iterator[tuple[str, str]]:
    """Values of the listed secrets that are set, each masked before anything else sees it."""
    for name in settings.secrets:
        value = context.secret(name)
        if value:
            context.announcer.mask(value)
            yield name, value
        elif context.dry_run:
            yield name, STARS  # a plan can be shown where the secrets are not


def _require_secrets(context: Context, settings: StageSettings, deployer: Deployer) -> None:
    """Raise Invalid (secret-missing) for a listed secret that a template of this stage reads and nobody set."""
    used: set[str] = set()
    rendered = {name: value for name, value in settings.options.items() if name not in deployer.verbatim_options}
    checks = [check.model_dump(exclude={"run"}) for check in settings.verify]
    for template in _texts([rendered, settings.env, settings.url or "", checks]):
        try:
            used |= context.templates.names(template)
        except TemplateProblem:
            continue  # rendering it will say what is wrong, and where
    for name in settings.secrets:
        if f"secrets.{name}" in used and not context.secret(name) and not context.dry_run:
            raise Invalid(
                Reason.SECRET_MISSING,
                f"the mapping uses secrets.{name}, and {name} is not in the environment",
                hint=f"add to the step: env: {{{name}: ${{{{ secrets.{name} }}}}}}, or to its input `secrets` a line "
                f"{name}=VALUE",
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _url(context: Context, settings: StageSettings, variables: Mapping[str, Any]) -> str | None:
    if settings.url is None:
        return None
    return render_text(settings.url, variables, context.templates, at=("url",), origins=settings.origins, url=True)


def _model_variables(model: str) -> dict[str, str]:
    return {"name": model, "slug": slug(model), "dir": split_model(model)[0]}


def _annotated(annotation: Annotation | None) -> dict[str, str]:
    """The annotation's fields that are there: a template that reads another one is told so."""
    if annotation is None:
        return {}
    fields = {"path": annotation.path, "type": annotation.type, "description": annotation.description}
    return {name: value for name, value in fields.items() if value is not None}


def _model_facts(model: str, annotation: Annotation | None) -> ModelFacts:
    return ModelFacts(**_model_variables(model), **_annotated(annotation))
