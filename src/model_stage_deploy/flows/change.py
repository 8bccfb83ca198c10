"""Changing the registry: read the tags, decide, make them; where somebody was quicker, look again and decide anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import random
from typing import Any, NamedTuple, Protocol

from model_stage_deploy.core.errors import ModelStageError, Refused
from model_stage_deploy.core.gto_config import FILE, read_config
from model_stage_deploy.core.ledger import Ledger
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event, GtoTag, NotGtoTag, parse_tag
from model_stage_deploy.core.writing import Change, Written, push_command, quoted
from model_stage_deploy.ports import Clock, TagClash, TagStore, WorkflowStarter

TRIES = 40
PATIENCE = 60.0
"""Seconds after which no further try is made."""
_SHORTEST_WAIT, _LONGEST_WAIT = 0.05, 1.5
_MOST_TAGS = 3  # T18: GitHub starts nothing for more tags in one push
_UNKNOWN = (Reason.UNKNOWN_MODEL, Reason.UNKNOWN_VERSION, Reason.NEVER_IN_STAGE, Reason.NOT_IN_STAGE)


class Asked(Protocol):
    """A change as somebody asks for it: core/writing_versions.py and core/writing_stages.py have them."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def ref(self) -> str:
        """The commit that the change speaks of, as a branch, tag or commit; "" for none."""
        ...

    def check(self) -> Asked:
        """The same with a clean message. Raises Invalid (usage)."""
        ...

    def decide(self, ledger: Ledger, commit: str) -> Change:
        """What is to be done. Raises Refused, Invalid."""
        ...


class World(NamedTuple):
    """What a change needs of the world. `parse` reads the text of `.gto`; `random` gives numbers from 0 to 1."""

    store: TagStore
    clock: Clock
    environ: Mapping[str, str]
    parse: Callable[[bytes], Any]
    random: Callable[[], float] = random


class Start(NamedTuple):
    """A workflow to start once the tags are pushed (T20)."""

    workflow: str
    starter: WorkflowStarter


def carry_out(
    world: World,
    asked: Asked,
    *,
    push: bool = False,
    dry_run: bool = False,
    sign: bool = False,
    start: Start | None = None,
    advise: bool = True,
    stands: Callable[[Change], None] = lambda _change: None,
) -> Written:
    """Make the change that is asked for, or with `dry_run` only decide it.

    `advise`: notes say what whoever typed a command must do now, so that something is deployed. `stands` is asked of
    every change that was decided, before it is made, and raises where that is not what was meant: others may have
    changed the registry, so that it was decided anew. Raises what `stands` and the decision raise; Refused (not-pushed,
    push-clash, unknown-ref, incomplete-tags), Invalid (gto-config-invalid,
    identity-missing), MachineryFailed (git-failed, permission-missing). A workflow that cannot be started is no
    exception but the reason of the result: the tags are made.
    """
    asked = asked.check()
    commit = world.store.commit_of(asked.ref) if asked.ref else ""
    stages = allowed_stages(world)
    for _ in _tries(world):
        change, here = _decide(world, asked, commit, stages, push=push)
        notes = [*change.notes, *here]
        if dry_run:
            return Written(change, Reason.DRY_RUN, notes=tuple(notes))
        stands(change)
        try:
            world.store.make(change.tags, sign=sign)
        except TagClash as clash:
            names = clash.names
            continue
        notes += _after(world, change, push=push, start=start) if advise else _by_now(world, change)
        return _started(Written(change, change.reason, pushed=push, notes=tuple(notes)), start)
    raise Refused(
        Reason.PUSH_CLASH,
        f"others changed {asked.model} at the same time, again and again; taken in the end: {quoted(*names)}",
        hint="nothing was made: try again in a moment",
    )


def allowed_stages(world: World) -> tuple[str, ...] | None:
    """The stages that `.gto` or GTO_STAGES allow (R61), None for all. Raises Invalid (gto-config-invalid)."""
    text = world.store.read_file(FILE)
    return read_config(None if text is None else world.parse(text), world.environ).stages


def _tries(world: World) -> Iterator[int]:
    """Once, and then again after waits that grow and are never alike, so that two who clash do not go on so."""
    begun = world.clock.monotonic()
    for number in range(TRIES):
        if number:
            world.clock.sleep(min(_SHORTEST_WAIT * 1.5**number, _LONGEST_WAIT) * (0.25 + world.random()))
        if world.clock.monotonic() - begun >= PATIENCE:
            return
        yield number


def _decide(
    world: World, asked: Asked, commit: str, stages: tuple[str, ...] | None, *, push: bool
) -> tuple[Change, list[str]]:
    """The change by the tags of this moment, and notes about tags that the remote does not have."""
    records = world.store.tags(asked.model)
    here = tuple(world.store.only_here(asked.model)) if push else ()
    ledger = Ledger(asked.model, records, now=world.clock.now(), stages=stages, elsewhere=here)
    try:
        change = asked.decide(ledger, commit)
    except Refused as refusal:
        if here and refusal.reason in _UNKNOWN:
            raise _unpushed(asked.model, here, refusal.message) from refusal
        raise
    local = {tag.version: tag.text for tag in _parsed(here) if tag.event is Event.REGISTRATION}
    if change.registered is not None and local and (change.chosen or change.registered in local):
        raise _unpushed(asked.model, tuple(local.values()), "a registration may be there that the remote does not have")
    return change, _unseen(here)


def _unseen(here: tuple[str, ...]) -> list[str]:
    if not here:
        return []
    return [f"tags that are in this clone only do not count on the remote: {quoted(*here)}; {push_command(here)}"]


def _unpushed(model: str, names: tuple[str, ...], message: str) -> Refused:
    return Refused(
        Reason.NOT_PUSHED,
        f"the change would be made on the remote, which lacks tags of {model} that are in this clone only "
        f"({quoted(*names)}): {message}",
        hint=f"push them first: {push_command(names)}; or delete those that are not meant: git tag -d {quoted(*names)}",
    )


def _parsed(names: tuple[str, ...]) -> Iterator[GtoTag]:
    for name in names:
        try:
            yield parse_tag(name)
        except NotGtoTag:
            continue


def _after(world: World, change: Change, *, push: bool, start: Start | None) -> Iterator[str]:
    """What a person must know or do now."""
    names = tuple(tag.name for tag in change.tags)
    if not push:
        yield f"not pushed: nobody else sees it yet, and nothing is deployed; to push: {push_command(names)}"
        return
    if len(names) > _MOST_TAGS:
        yield f"GitHub starts no workflow for more than three tags in a push; these are {len(names)}{_rather(start)}"
    elif world.environ.get("GITHUB_ACTIONS") == "true":
        yield (
            "tags that a workflow pushes with its own GITHUB_TOKEN start no workflow; "
            f"those of a GitHub App or of a personal token do{_rather(start)}"
        )
    elif start is not None:
        yield "the push may have started the workflow as well: --dispatch is for tags that start none"
    yield from _by_now(world, change)


def _rather(start: Start | None) -> str:
    return "" if start is not None else "; --dispatch WORKFLOW starts one"


def _by_now(world: World, change: Change) -> Iterator[str]:
    """What others pushed in the same moment: names that do not clash may still change what a stage has."""
    if change.stage is None:
        return
    try:
        model = Ledger(change.model, world.store.tags(change.model), now=0).model
        holder = model.holder(change.stage)
    except ModelStageError as problem:
        yield f"what {change.stage} has by now cannot be told: {problem.message}"
        return
    found = None if holder is None else holder.version.commit
    if change.stage_tag is not None and found != change.commit:
        now = "nothing" if holder is None else f"{holder.version.name}, by {quoted(holder.event.tag.text)}"
        yield f"somebody else changed {change.stage} in the same moment: it has {now}"


def _started(written: Written, start: Start | None) -> Written:
    tag = written.change.stage_tag
    if start is None or tag is None:
        return written
    try:
        return written._replace(started=start.starter.start(start.workflow, {"tag": tag}))
    except ModelStageError as problem:
        return written._replace(reason=problem.reason, message=problem.message, hint=problem.hint)
