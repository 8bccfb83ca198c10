"""What templates of the mapping may read, for one decision: model and annotation, version, run, secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from model_stage_deploy.core.annotations import Annotation, AnnotationProblem
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.plan import Decision, ModelFacts
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import STARS
from model_stage_deploy.core.rendering import render_options, render_text
from model_stage_deploy.core.tags import slug, split_model
from model_stage_deploy.core.templates import TemplateProblem
from model_stage_deploy.deployers.contract import Deployer
from model_stage_deploy.flows.context import Context


def variables_of(
    context: Context, settings: StageSettings, decision: Decision, environment: str, annotation: Annotation | None
) -> dict[str, Any]:
    run = context.run
    return {
        **decided(decision),
        "model": model_variables(decision.model) | _annotated(annotation),
        "environment": environment,
        "repository": context.repository_name,
        "run": {"id": run.id, "attempt": run.attempt, "url": run.url, "actor": run.actor},
        "vars": settings.vars,
        "secrets": dict(_secrets(context, settings)),
    }


def decided(decision: Decision) -> dict[str, Any]:
    """The variables that are the decision's own."""
    previous = decision.previous
    return {
        "version": decision.version,
        "stage": decision.stage,
        "tag": decision.tag,
        "commit": decision.commit,
        "previous": {"version": previous.version, "tag": previous.tag, "commit": previous.commit} if previous else None,
    }


def require_secrets(context: Context, settings: StageSettings, deployer: Deployer) -> None:
    """Raise Invalid (secret-missing) for a listed secret that a template of this stage reads and nobody set."""
    used: set[str] = set()
    rendered = {name: value for name, value in settings.options.items() if name not in deployer.verbatim_options}
    checks = [check.model_dump(exclude={"run"}) for check in settings.verify]
    mirrors = [dict(mirror.templates()) for mirror in settings.mirrors]
    for template in _texts([rendered, settings.env, settings.url or "", checks, mirrors]):
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


def annotation_of(context: Context, model: str, commit: str) -> Annotation | None:
    """The artifact's annotation at a commit, from dvc.yaml or artifacts.yaml in the model's directory."""
    directory, name = split_model(model)
    prefix = f"{directory}/" if directory else ""
    dvc, gto = (context.repository.read_file(commit, f"{prefix}{file}") for file in ("dvc.yaml", "artifacts.yaml"))
    try:
        return context.annotation(dvc, gto, name)
    except AnnotationProblem as problem:
        context.announcer.note("warning", f"{model} has no usable annotation: {problem}")
        return None


def facts_of(context: Context, model: str, commit: str) -> ModelFacts:
    """The model's name and annotation at a commit. Raises MachineryFailed (git-failed)."""
    return model_facts(model, annotation_of(context, model, commit))


def url_of(context: Context, settings: StageSettings, variables: Mapping[str, Any]) -> str | None:
    if settings.url is None:
        return None
    return render_text(settings.url, variables, context.templates, at=("url",), origins=settings.origins, url=True)


def check_of(context: Context, settings: StageSettings, number: int, variables: Mapping[str, Any]) -> Check:
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


def model_variables(model: str) -> dict[str, str]:
    return {"name": model, "slug": slug(model), "dir": split_model(model)[0]}


def model_facts(model: str, annotation: Annotation | None) -> ModelFacts:
    return ModelFacts(**model_variables(model), **_annotated(annotation))


def _annotated(annotation: Annotation | None) -> dict[str, str]:
    """The annotation's fields that are there: a template that reads another one is told so."""
    if annotation is None:
        return {}
    fields = {"path": annotation.path, "type": annotation.type, "description": annotation.description}
    return {name: value for name, value in fields.items() if value is not None}


def _secrets(context: Context, settings: StageSettings) -> Iterator[tuple[str, str]]:
    """Values of the listed secrets that are set, each masked before anything else sees it."""
    for name in settings.secrets:
        value = context.secret(name)
        if value:
            context.announcer.mask(value)
            yield name, value
        elif context.dry_run:
            yield name, STARS  # a plan can be shown where the secrets are not


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
