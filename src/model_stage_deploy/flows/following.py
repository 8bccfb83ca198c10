"""Telling the mirrors without deploying: what is live already, and tags that take away what the mapping lets run on.

Each takes the stage's lock, so that nothing is told that another run is just about to change.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from model_stage_deploy.core.errors import ModelStageError, NothingToDo, Refused
from model_stage_deploy.core.lifecycle import SUCCESS, Records, now_running
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.mirrored import Mirrored
from model_stage_deploy.core.outcome import Journal, Outcome, Subject, subject_of
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.policy_mirrors import Mirror
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import require_model_name, require_stage_name
from model_stage_deploy.flows.attempt import new_id
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.flows.hold import Hold
from model_stage_deploy.flows.mirror_settings import described, happened_by, mirrors_of
from model_stage_deploy.flows.mirroring import mirror, tell, with_told
from model_stage_deploy.flows.planning import Prepared, environment_of, settings_for
from model_stage_deploy.flows.stage_lock import stage_held
from model_stage_deploy.flows.variables import annotation_of, variables_of

_LOOK_BACK = 30


@dataclass(frozen=True, slots=True)
class News:
    """What the mirrors are to be told, and of what: the decision that stands, or stood, in the stage."""

    decision: Decision
    settings: StageSettings
    mirrors: tuple[Mirror, ...]


def follow(context: Context, model: str, stage: str, journal: Journal) -> Outcome:
    """Tell the mirrors what is live by the records (`mirror MODEL STAGE`), or what was taken away there last.

    Raises NothingToDo (nothing-left) where nothing is recorded or mirrored, Refused (locked), Invalid,
    ModelStageError (mirror-failed) where what runs failed its verification, MachineryFailed.
    """
    require_model_name(model)
    require_stage_name(stage)
    journal.subject = Subject(model=model, stage=stage)
    with journal.step("read the records"):
        news = _news(context, model, stage)
    journal.subject = subject_of(news.decision)
    if context.dry_run:
        return _planned(context, news, journal)
    with _locked(context, news, journal) as hold:
        with journal.step("last look"):
            again = _news(context, model, stage)
        return _told(context, again, journal, hold)


def tell_again(context: Context, prepared: Prepared, outcome: Outcome, journal: Journal) -> Outcome:
    """The outcome of a run that found its version live (or gone) already, once the mirrors were told (again) of that.

    A run before this one may have died in between. Never raises but Cancelled, before anything was told.
    """
    decision = prepared.plan.decision
    news = News(decision, prepared.settings, prepared.mirrors)
    if not news.mirrors or context.dry_run or context.wishes.scope.is_part:
        return outcome
    try:
        with _locked(context, news, journal) as hold:
            live = now_running(_records(context, decision.model, decision.stage, prepared.plan.environment))
            runs = live is not None and (live.version, live.commit) == (decision.version, decision.commit)
            if runs != (decision.action == "deploy"):
                return outcome  # whoever changed it since has told the mirrors
            return mirror(context, prepared, outcome, journal, hold.require)
    except Refused as refusal:  # who has the stage now tells the mirrors at the end
        journal.warnings.append(f"the mirrors were not told again: {refusal.message}")
        return replace(outcome, warnings=tuple(journal.warnings), steps=tuple(journal.steps))
    except ModelStageError as problem:
        told = [Mirrored(one.uses, False, False, problem.message, problem.hint) for one in news.mirrors]
        return with_told(outcome, told, journal)


def follow_removal(
    context: Context,
    decision: Decision,
    configuration: Configuration,
    stands: Callable[[], None],
    journal: Journal,
    tag: str,
) -> Outcome | None:
    """Tell the mirrors of a version that was taken out of a stage, though what runs is left alone; None for no mirrors.

    `stands` is asked under the lock; `tag` is the tag that took it out. Raises ModelStageError.
    """
    settings = settings_for(configuration, decision.model, decision.stage)
    if not settings.mirrors:
        return None
    news = _made(context, settings, decision)
    if context.dry_run:
        return _planned(context, news, journal)
    with _locked(context, news, journal) as hold:
        with journal.step("last look"):
            stands()
        told = _told(context, news, journal, hold, again=f"python -m model_stage_deploy deploy '{tag}'")
    return replace(told, subject=replace(told.subject, tag=tag))


def _told(context: Context, news: News, journal: Journal, hold: Hold, *, again: str = "") -> Outcome:
    decision = news.decision
    what, rest = "is live in", "nothing was deployed"
    if decision.action == "undeploy":
        what, rest = "was taken out of", "what runs was left alone"
    outcome = Outcome(
        reason=Reason.MIRRORED,
        message=f"{decision.model} {decision.version} {what} {decision.stage}; {rest}",
        subject=subject_of(decision),
        way=journal.way,
    )
    told = tell(context, news.settings, news.mirrors, happened_by(decision), journal, hold.require)
    names = ", ".join(dict.fromkeys(one.mirror for one in told if one.ok))
    if names:
        outcome = replace(outcome, message=f"{outcome.message}; {names} follows")
    return with_told(outcome, told, journal, again=again)


def _planned(context: Context, news: News, journal: Journal) -> Outcome:
    lines = described(context, news.mirrors, happened_by(news.decision))
    return Outcome(
        reason=Reason.DRY_RUN,
        message="\n".join(["would deploy nothing, and tell the mirrors:", *lines]),
        subject=subject_of(news.decision),
        steps=tuple(journal.steps),
        warnings=tuple(journal.warnings),
    )


def _news(context: Context, model: str, stage: str) -> News:
    """What the records say of the stage, for the mirrors."""
    configuration = context.configuration(None)
    settings = settings_for(configuration, model, stage)
    if not settings.mirrors:
        raise NothingToDo(
            Reason.NOTHING_LEFT,
            f"no registry follows {stage} of {model}, by {configuration.label}",
            hint="add `mirrors: [{uses: mlflow}]` to the stage",
            doubtful=True,
        )
    environment = environment_of(context, settings, model, stage)
    if context.host is None:
        raise context.hostless or NothingToDo(Reason.NOTHING_LEFT, "there are no records of what runs", doubtful=True)
    records = _records(context, model, stage, environment)
    live = now_running(records)
    settled = live or next((record for record in records.newest_first if record.settles), None)
    if settled is None:
        raise NothingToDo(Reason.NOTHING_LEFT, f"nothing was ever deployed to {stage} of {model}", doubtful=True)
    if live is not None and live.outcome != SUCCESS:
        raise ModelStageError(
            Reason.MIRROR_FAILED,
            f"{live.version} runs in {stage} of {model}, and its verification did not pass: no mirror is told of it",
            hint="deploy a good version, or roll back: the mirrors are told then",
        )
    decision = Decision(
        model=model,
        version=settled.version,
        stage=stage,
        tag=settled.tag,
        commit=settled.commit,
        action="deploy" if live is not None else "undeploy",
    )
    return _made(context, settings, decision)


def _records(context: Context, model: str, stage: str, environment: str) -> Records:
    assert context.host is not None  # noqa: S101 - for the type checker
    return context.host.records(model, stage, environment, limit=_LOOK_BACK)


def _made(context: Context, settings: StageSettings, decision: Decision) -> News:
    environment = environment_of(context, settings, decision.model, decision.stage)
    annotation = annotation_of(context, decision.model, decision.commit)
    variables = variables_of(context, settings, decision, environment, annotation)
    return News(decision, settings, mirrors_of(context, settings, variables))


def _locked(context: Context, news: News, journal: Journal) -> AbstractContextManager[Hold]:
    decision = news.decision
    reason = f"tell the mirrors of {decision.version} ({decision.tag})"
    return stage_held(context, news.settings, decision, journal, claim=new_id(), reason=reason)
