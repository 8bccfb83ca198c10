"""What a change, a rollback or a deployment would do, before a person says yes: decided, planned, judged, not done.

A tag that is not there yet is judged as though it were: the very flows that would deploy it make a dry run on the
registry with that tag in it (foreseeing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from model_stage_deploy.core.errors import ModelStageError, Refused
from model_stage_deploy.core.locks import freezes_over, key_of
from model_stage_deploy.core.model import Model, RegistryEvent, TagRecord
from model_stage_deploy.core.outcome import Journal, Outcome
from model_stage_deploy.core.planned import promise_of
from model_stage_deploy.core.proposal import Proposal, Refusal, StagePlan, refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.tags import Event, NotGtoTag, parse_tag
from model_stage_deploy.core.verdict import Verdict
from model_stage_deploy.core.writing import Change, Made, NewTag, Written
from model_stage_deploy.flows.change import Asked, Start, World, carry_out
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.decide import Pushed
from model_stage_deploy.flows.deploy import deploy_tag
from model_stage_deploy.flows.foreseeing import AsThough, GatesBefore, Hand, as_made
from model_stage_deploy.flows.removal import REMOVALS, take_away
from model_stage_deploy.flows.rollback import roll_back
from model_stage_deploy.ports import TagStore
from model_stage_deploy.report.locks import frozen


def propose_change(context: Context, world: World, asked: Asked, *, push: bool, hand: Hand) -> Proposal:
    """What a change would make, and what the deployment would do that its tags start.

    Nothing is made. What forbids the change is the `refusal` of the proposal; nothing is raised for it. `context` is
    of a dry run.
    """
    heard = _Heard(world.store)
    try:
        if not hand.known:
            raise Refused(
                Reason.IDENTITY_MISSING,
                "no tag can be made: Git does not know who makes it",
                hint='git config user.name "Your Name" && git config user.email "you@example.com"',
            )
        written = carry_out(world._replace(store=heard), asked, push=push, dry_run=True)
    except ModelStageError as problem:
        return Proposal(refusal=refused(problem, context.scrub), newest=_newest(asked.model, heard.records))
    change, notes = written.change, list(written.notes)
    plan = _plan_after(context, heard.records, change, hand, notes)
    return _proposal(context, plan, notes, change=change, newest=_newest(change.model, heard.records))


def make_proposed(
    world: World,
    asked: Asked,
    proposal: Proposal,
    *,
    push: bool,
    sign: bool = False,
    start: Start | None = None,
) -> Written:
    """Make the change that was proposed, and no other.

    Raises Refused (superseded) where others changed the registry, so that it would be another one, and what
    `carry_out` raises.
    """

    def stands(change: Change) -> None:
        if not proposal.still(change):
            raise Refused(
                Reason.SUPERSEDED,
                f"{change.model} was changed by somebody else in the meantime; nothing was made",
                hint="look at what would happen now, and confirm that",
            )

    return carry_out(world, asked, push=push, sign=sign, start=start, advise=False, stands=stands)


def propose_rollback(context: Context, model: str, stage: str, to: str = "") -> Proposal:
    """What a rollback would do, with what the gates that count for one say. Nothing is done; nothing is raised."""
    context = replace(context, dry_run=True)
    return _run(context, stage, lambda journal: roll_back(context, model, stage, journal, to=to), model=model)


def propose_deploy(context: Context, tag: str) -> Proposal:
    """What a deployment of a tag that is there would do: superseded, live already, held as a dry run says it.

    Nothing is done; nothing is raised.
    """
    context = replace(context, dry_run=True)
    try:
        parsed = parse_tag(tag)
    except NotGtoTag as problem:
        return Proposal(refusal=refused(problem, context.scrub))

    def act(journal: Journal) -> Outcome:
        if parsed.event in REMOVALS:
            return take_away(context, parsed, Pushed(), journal)
        return deploy_tag(context, tag, Pushed(), journal)

    return _run(context, parsed.stage or "", act, model=parsed.model)


def news_since(world: World, model: str, newest: str) -> tuple[str, ...]:
    """What others did since a tag was the newest of the model, a sentence each in order; () where nobody can say."""
    try:
        found = fold(world.store.tags(model)).model(model)
    except ModelStageError:
        return ()
    events = found.events
    at = next((at for at, event in enumerate(events) if event.tag.text == newest), None if newest else -1)
    return () if at is None else tuple(_happened(found, event) for event in events[at + 1 :])


def _happened(model: Model, event: RegistryEvent) -> str:
    version = model.version_of(event)
    name = version.name if version is not None else ""
    did = {
        Event.REGISTRATION: f"registered {name}",
        Event.DEREGISTRATION: f"deregistered {name}",
        Event.ASSIGNMENT: f"assigned {name} to {event.tag.stage}",
        Event.UNASSIGNMENT: f"took {name} out of {event.tag.stage}",
        Event.DEPRECATION: "deprecated the model",
    }[event.tag.event]
    return f"{event.record.tagger or 'Somebody'} {did} ({event.tag.text})."


def _run(context: Context, stage: str, act: Callable[[Journal], Outcome], *, model: str) -> Proposal:
    """A proposal of a run by hand: what would end it is its refusal."""
    journal, notes = Journal(context.clock.monotonic), list[str]()
    try:
        outcome = act(journal)
    except ModelStageError as problem:
        return Proposal(refusal=refused(problem, context.scrub), notes=_told(context, journal.warnings))
    notes += outcome.warnings
    plan = _planned(context, stage, outcome)
    _add_freezes(context, model, plan.stage, notes)
    return _proposal(context, plan, notes)


def _proposal(
    context: Context, plan: StagePlan | None, notes: Sequence[str], *, change: Change | None = None, newest: str = ""
) -> Proposal:
    return Proposal(change, plan, _told(context, notes), newest=newest)


def _told(context: Context, notes: Sequence[str]) -> tuple[str, ...]:
    return tuple(context.scrub(note) for note in dict.fromkeys(notes))


def _plan_after(
    context: Context, records: Sequence[TagRecord], change: Change, hand: Hand, notes: list[str]
) -> StagePlan | None:
    """What would be deployed once the tags are there: by the one that gives the stage, else by those that take away."""
    after = [*records, *(as_made(made.tag, hand) for made in change.made)]
    context = replace(
        context,
        repository=AsThough(context.repository, after),
        gate=GatesBefore(context.gate, hand),
        dry_run=True,
    )
    found: StagePlan | None = None
    for made in sorted(change.made, key=lambda made: made.event is not Event.ASSIGNMENT):
        if made.event is Event.REGISTRATION:
            continue
        said: list[str] = []
        plan = _plan_of(context, made, said)
        if found is None or (found.ignored and not plan.ignored):
            found, told = plan, said
        if not found.ignored:
            break
    if found is not None:
        notes += told
        if not found.ignored:
            _add_freezes(context, change.model, found.stage, notes)
    return found


def _plan_of(context: Context, made: Made, notes: list[str]) -> StagePlan:
    """The plan of the deployment that one tag would start; what would end it is the plan's problem."""
    stage, journal = made.stage or "", Journal(context.clock.monotonic)
    tag = parse_tag(made.tag.name)
    try:
        if made.event is Event.ASSIGNMENT:
            outcome = deploy_tag(context, tag.text, Pushed(), journal)
        else:
            outcome = take_away(context, tag, Pushed(), journal)
    except ModelStageError as problem:
        notes += journal.warnings
        nothing = problem.exit_code == 0 or problem.reason is Reason.MAPPING_NOT_FOUND  # plain GTO is no mistake
        return StagePlan(stage, problem=refused(problem, context.scrub), ignored=nothing)
    notes += outcome.warnings
    return _planned(context, stage, outcome)


def _planned(context: Context, stage: str, outcome: Outcome) -> StagePlan:
    """What a dry run says."""
    plan, scrub = outcome.plan, context.scrub
    if plan is None:
        problem = Refusal(outcome.reason, scrub(outcome.message), scrub(outcome.hint))
        return StagePlan(stage, problem=problem, ignored=outcome.exit_code == 0)
    decision = plan.decision
    gone = decision.action == "undeploy"
    return StagePlan(
        stage=decision.stage,
        environment=plan.environment,
        deployer=plan.deployer,
        replacing=decision.previous.version if decision.previous and not gone else "",
        actions=tuple(scrub(action) for action in outcome.actions),
        gates=tuple(_scrubbed(verdict, scrub) for verdict in outcome.gates),
        config=plan.config,
        version=decision.version,
        action=decision.action,
        planned=promise_of(plan),
        digest=plan.digest,
    )


def _scrubbed(verdict: Verdict, scrub: Callable[[str], str]) -> Verdict:
    return verdict._replace(sentence=scrub(verdict.sentence), hint=scrub(verdict.hint), facts={})


def _add_freezes(context: Context, model: str, stage: str, notes: list[str]) -> None:
    """A person's lock does not stop a tag, but the deployment that it starts."""
    if context.locks is None or not stage:
        return
    key = key_of(model, stage)
    try:
        entries = freezes_over(key, context.locks.entries())
    except ModelStageError as problem:
        notes.append(f"whether {stage} is locked cannot be told: {problem.message}")
        return
    notes += [f"nothing is deployed now: {frozen(key, entry).message}" for entry in entries[:1]]


def _newest(model: str, records: Sequence[TagRecord]) -> str:
    found = fold(records).models.get(model)
    return found.events[-1].tag.text if found is not None and found.events else ""


class _Heard:
    """A store that remembers which tags the decision was made on."""

    def __init__(self, store: TagStore) -> None:
        self._store = store
        self.records: Sequence[TagRecord] = ()

    def tags(self, model: str) -> Sequence[TagRecord]:
        """See the port."""
        self.records = tuple(self._store.tags(model))
        return self.records

    def only_here(self, model: str) -> Sequence[str]:
        """See the port."""
        return self._store.only_here(model)

    def commit_of(self, ref: str) -> str:
        """See the port."""
        return self._store.commit_of(ref)

    def read_file(self, path: str) -> bytes | None:
        """See the port."""
        return self._store.read_file(path)

    def make(self, tags: Sequence[NewTag], *, sign: bool) -> None:
        """A proposal makes none."""
        raise AssertionError((tags, sign))
