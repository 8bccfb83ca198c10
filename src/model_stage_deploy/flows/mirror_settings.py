"""A stage's mirrors with their templates rendered, and what they would be told, for a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from model_stage_deploy.core.errors import Invalid, Mistake
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.mapping_document import Origin
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.policy_mirrors import URLS, Mirror, WrongOnceRendered
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.rendering import render_options
from model_stage_deploy.flows.context import Context
from model_stage_deploy.mirrors.contract import Happened


def mirrors_of(context: Context, settings: StageSettings, variables: Mapping[str, Any]) -> tuple[Mirror, ...]:
    """The mirrors as they are for one decision. Raises Invalid (template-error, mapping-invalid)."""
    return tuple(_rendered(context, settings, number, variables) for number in range(len(settings.mirrors)))


def happened_by(decision: Decision) -> Happened:
    """What a mirror is told once the decision was carried out."""
    deploys = decision.action == "deploy"
    return Happened("live" if deploys else "taken-out", decision.model, decision.version, decision.stage)


def described(context: Context, mirrors: tuple[Mirror, ...], happened: Happened) -> Iterator[str]:
    """Lines that say what each mirror would do."""
    for settings in mirrors:
        for line in context.mirror(settings.uses).describe(happened, settings):
            yield f"then {settings.uses}: {line}"


def _rendered(context: Context, settings: StageSettings, number: int, variables: Mapping[str, Any]) -> Mirror:
    written = settings.mirrors[number]
    rendered = render_options(
        dict(written.templates()),
        variables,
        context.templates,
        URLS,
        origins=settings.origins,
        at=("mirrors", number),
    )
    try:
        return written.rendered(rendered)
    except WrongOnceRendered as problem:
        where = f"mirrors[{number}].{problem.key}"
        origin = settings.origins.get("mirrors", "")
        raise Invalid(
            Reason.MAPPING_INVALID,
            f"{where}{f' ({origin})' if origin else ''}: {problem}",
            hint=f"name another `{problem.key}`",
            mistakes=_places(origin, where, str(problem)),
        ) from None


def _places(origin: str, where: str, why: str) -> tuple[Mistake, ...]:
    """The line of the setting, where it is known."""
    if not isinstance(origin, Origin):
        return ()
    return (Mistake(origin.file, origin.place.line, origin.place.column, where, why),)
