"""Rolling back: which earlier version comes back, or why none does. The deployment itself is deploy.py's."""

from __future__ import annotations

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.lifecycle import Recorded, Records, now_running
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.model import Model, ModelVersion, RegistryEvent
from model_stage_deploy.core.outcome import Journal, Outcome
from model_stage_deploy.core.plan import Decision, Previous
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.tags import Event, require_model_name, require_stage_name
from model_stage_deploy.flows.context import Configuration, Context, Scope
from model_stage_deploy.flows.deploy import LOOK_BACK, Order, carry_out
from model_stage_deploy.flows.planning import environment_of, settings_for
from model_stage_deploy.flows.registry_tag import BACK, write_tag
from model_stage_deploy.flows.target_gaps import versions_at_targets


def roll_back(context: Context, name: str, stage: str, journal: Journal, *, to: str) -> Outcome:
    """Bring an earlier version back. Raises ModelStageError where that may not be, and Cancelled."""
    require_model_name(name)
    require_stage_name(stage)
    with journal.step("resolve the version"):
        decision, settings, decided = _decided(context, name, stage, to)

    def stands() -> None:
        """While we waited for the lock, somebody may have deployed something else."""
        now, _, _ = _decided(context, name, stage, to, fresh=True)
        if now != decision:
            raise Refused(
                Reason.SUPERSEDED,
                f"{stage} of {name} was changed in the meantime: a rollback would now go "
                f"from {now.previous.version if now.previous else 'nothing'} to {now.version}",
                hint="look at it again (python -m model_stage_deploy status), then roll back",
            )

    def afterwards(outcome: Outcome) -> Outcome:
        wanted = context.wishes.tag if context.wishes.tag is not None else settings.rollback.tag is not False
        if not wanted or outcome.reason is not Reason.ROLLED_BACK or decided == decision.version:
            return outcome
        left = decision.previous.version if decision.previous else "nothing"
        why = f"Roll {name} back from {left} to {decision.version} in {stage}\n\n{BACK}{left}"
        return write_tag(context, decision, why, outcome, journal)

    order = Order(decision, stands, kind="rollback", success=Reason.ROLLED_BACK, afterwards=afterwards)
    return carry_out(context, order, journal)


def _decided(
    context: Context, name: str, stage: str, to: str, *, fresh: bool = False
) -> tuple[Decision, StageSettings, str]:
    """The decision, the stage's settings, and the version that the registry gives the stage to."""
    model = fold(context.repository.tags(name, fresh=fresh)).model(name)
    holder = model.holder(stage)
    configuration = context.configuration(holder.version.commit if holder else None)
    settings = settings_for(configuration, name, stage)
    if context.host is None and context.hostless is not None and not context.dry_run:
        raise context.hostless
    recorded, bad, tried = None, frozenset[str](), ""
    if context.host is not None:
        environment = environment_of(context, settings, name, stage)
        records = context.host.records(name, stage, environment, limit=LOOK_BACK, past=LOOK_BACK)
        recorded, bad = now_running(records), _failed_here(records)
        if context.wishes.scope != Scope() and records.newest_first:
            tried = records.newest_first[0].version  # other jobs of the same rollback may have taken it away meanwhile
    there = _there(context, configuration, settings, name, stage)
    decision = decide_rollback(
        model, stage, to=to, force=context.wishes.force, recorded=recorded, bad=bad, there=there, tried=tried
    )
    return decision, settings, holder.version.name if holder else ""


def _there(
    context: Context, configuration: Configuration, settings: StageSettings, name: str, stage: str
) -> frozenset[str]:
    """Versions that the stage's targets have."""
    place = (name, stage, environment_of(context, settings, name, stage))
    return versions_at_targets(context, configuration, settings, place)


def _failed_here(records: Records) -> frozenset[str]:
    """Versions that were live in the stage and failed their verification, and were not verified there since."""
    newest = {record.version: record for record in reversed(records.newest_first) if record.placed}
    return frozenset(version for version, record in newest.items() if record.failed_here)


def decide_rollback(
    model: Model,
    stage: str,
    *,
    to: str,
    force: bool,
    recorded: Recorded | None,
    bad: frozenset[str] = frozenset(),
    there: frozenset[str] = frozenset(),
    tried: str = "",
) -> Decision:
    """The decision to bring an earlier version back into a stage.

    `recorded` is what the code host says is live; without it the registry's holder counts. `to` names a version,
    "" means the one that was there before; versions that are `bad` are passed over then. `there` are the versions that
    targets of the stage have: of those, one that was assigned later is what is left, as it got to some of them only;
    `tried` is the last one that was to get there. Raises Refused (unknown-version, inactive-version, never-in-stage,
    already-live, no-earlier-version, ambiguous-version).
    """
    live = _newest(model, stage, _live(model, stage, recorded), there)
    target = _named(model, stage, to, force=force) if to else _earlier(model, stage, live, bad)
    if live is not None and target.name == live.version:
        live = _newest(model, stage, None, (there | {tried}) - {target.name, ""})
        if live is None:
            raise Refused(
                Reason.ALREADY_LIVE,
                f"{model.name} {target.name} is what {stage} has now",
                hint="name another version with --to",
            )
    event = target.assigned(stage) or _registration(target)
    return Decision(
        model=model.name,
        version=target.name,
        stage=stage,
        tag=event.tag.text,
        commit=target.commit,
        previous=live,
        rollback=True,
        registered=target.registered,
        registry=model,
    )


def _registration(version: ModelVersion) -> RegistryEvent:
    """The newest registration; the last event of a version that only ever was deregistered."""
    registrations = [event for event in version.direct if event.tag.event is Event.REGISTRATION]
    return (registrations or version.direct)[-1]


def _live(model: Model, stage: str, recorded: Recorded | None) -> Previous | None:
    if recorded is not None and recorded.version:
        return Previous(recorded.version, recorded.tag, recorded.commit)
    holder = model.holder(stage)
    return None if holder is None else Previous(holder.version.name, holder.event.tag.text, holder.version.commit)


def _newest(model: Model, stage: str, live: Previous | None, there: frozenset[str]) -> Previous | None:
    """What was assigned last of what is live and what targets have: that is what one goes back from."""
    if not there or (live is not None and there == {live.version}):
        return live
    for event, version in reversed(_assignments(model, stage)):
        if live is not None and version.name == live.version:
            return live
        if version.name in there:
            return Previous(version.name, event.tag.text, version.commit)
    return live


def _named(model: Model, stage: str, name: str, *, force: bool) -> ModelVersion:
    found = model.find(name)
    if found is None or not found.registered:
        known = ", ".join(version.name for version in model.versions if version.registered) or "none"
        raise Refused(
            Reason.UNKNOWN_VERSION,
            f"{model.name} {name[:80]} was never registered",
            hint=f"registered versions: {known}",
        )
    if not found.is_active() and not force:
        raise Refused(
            Reason.INACTIVE_VERSION, f"{model.name} {name} was deregistered", hint="to deploy it anyway, use --force"
        )
    if found.assigned(stage) is None and not force:
        been = ", ".join(dict.fromkeys(version.name for _, version in _assignments(model, stage))) or "none"
        raise Refused(
            Reason.NEVER_IN_STAGE,
            f"{model.name} {name} was never in {stage}",
            hint=f"versions that were: {been}; to deploy it anyway, use --force",
        )
    return found


def _earlier(model: Model, stage: str, live: Previous | None, bad: frozenset[str]) -> ModelVersion:
    """The newest active version that was assigned before the live one last was, and did not fail here."""
    assignments = _assignments(model, stage)
    if live is not None:
        last = max((at for at, (_, version) in enumerate(assignments) if version.name == live.version), default=None)
        assignments = assignments if last is None else assignments[:last]
    for _, version in reversed(assignments):
        if version.is_active() and version.name not in bad and (live is None or version.name != live.version):
            return version
    now = f"{live.version} is there now" if live is not None else "nothing is there now"
    raise Refused(
        Reason.NO_EARLIER_VERSION,
        f"{model.name} has no earlier version in {stage} to go back to ({now})",
        hint="name a version with --to (with --force, one that was never in this stage)",
    )


def _assignments(model: Model, stage: str) -> list[tuple[RegistryEvent, ModelVersion]]:
    """Assignments of the stage, oldest first; what a rollback left behind is not among them any more.

    The tag that a rollback wrote takes its version's place of old: going back twice goes two versions back, and never
    to the one that was left.
    """
    model.require_unambiguous()
    found: list[tuple[RegistryEvent, ModelVersion]] = []
    for event in model.events:
        if event.tag.event is Event.ASSIGNMENT and event.tag.stage == stage:
            version = model.version_of(event)
            if version is None:
                continue
            before = [at for at, (_, one) in enumerate(found) if one is version]
            if before and BACK in event.record.message:
                del found[before[-1] :]
            found.append((event, version))
    return found
