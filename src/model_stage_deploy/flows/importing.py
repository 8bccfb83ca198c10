"""Importing another registry: read it, weigh it against the tags that are here, and write what is new; or only tell.

A model is imported whole or not at all: its tags are made in one step, and a contradiction keeps all of them out unless
`skip_conflicts` says otherwise. A second import finds everything there and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError, Refused
from model_stage_deploy.core.importing import Foreign, Wanted, Weighed, decide, refusal, weigh
from model_stage_deploy.core.ledger import Ledger
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.tags import Event, tag_artifact
from model_stage_deploy.core.writing import Change, push_command, quoted
from model_stage_deploy.flows.change import World, carry_out
from model_stage_deploy.mirrors.mlflow_api import MlflowProblem
from model_stage_deploy.mirrors.mlflow_import import VERSION_TAG, Reader, Rules, read
from model_stage_deploy.mirrors.mlflow_values import RegisteredModel
from model_stage_deploy.ports import Clock

_T = TypeVar("_T")
_MOST_TAGS = 3  # T18: GitHub starts nothing for more tags in one push
_TRIES = 4
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds


class Server(Reader, Protocol):
    """What an import does with MLflow: it reads, and where that is asked for, tags versions."""

    def set_version_tag(self, model: str, version: str, key: str, value: str) -> None:
        """Set a tag of a version. Raises MlflowProblem."""


class Manner(NamedTuple):
    """How an import is carried out. Without `write` everything is only told.

    `may_deploy`: a push that is small enough to start workflows is meant. `name_versions`: versions in MLflow get the
    tag `gto_version`, by which a mirror finds them.
    """

    write: bool = False
    push: bool = False
    skip_conflicts: bool = False
    may_deploy: bool = False
    sign: bool = False
    name_versions: bool = False


class Part(NamedTuple):
    """How the import of one model ended. `reason` is dry-run or imported, or why nothing of it was written."""

    wanted: Wanted
    weighed: Weighed
    reason: Reason
    result: Result
    message: str = ""
    hint: str = ""
    change: Change | None = None
    notes: tuple[str, ...] = ()


class Imported(NamedTuple):
    """How an import ended. `named` counts the versions in MLflow that were given their names here."""

    place: str
    manner: Manner
    parts: tuple[Part, ...]
    named: int = 0
    problem: ModelStageError | None = None

    @property
    def _worst(self) -> tuple[Reason, Result]:
        if self.problem is not None:
            return self.problem.reason, self.problem.result
        for part in self.parts:
            if part.result.exit_code:
                return part.reason, part.result
        if not self.manner.write:
            return Reason.DRY_RUN, Result.PLANNED
        written = any(part.change is not None for part in self.parts) or self.named
        return Reason.IMPORTED, Result.WRITTEN if written else Result.NOTHING_TO_DO

    @property
    def reason(self) -> Reason:
        """Why it ended so: that of the first thing that went wrong, if any did."""
        return self._worst[0]

    @property
    def result(self) -> Result:
        """The result that goes with it."""
        return self._worst[1]


def import_models(
    world: World, server: Server, names: Sequence[str], rules: Rules, manner: Manner, *, page: str = ""
) -> Imported:
    """Import the models of these names in MLflow, or all. `page` is the address of MLflow's pages, "" for untold.

    Raises MachineryFailed (mlflow-failed), Refused (unknown-model) and Invalid (usage) before anything is written; what
    goes wrong later is in the result.
    """
    wanted = _read(world.clock, server, names, rules, page)
    parts: list[Part] = []
    for model in wanted:
        try:
            parts.append(_imported(world, _with_commits(world, model), manner))
        except MachineryFailed as problem:
            return Imported(server.place, manner, tuple(parts), problem=problem)
    if not (manner.write and manner.name_versions):
        return Imported(server.place, manner, tuple(parts))
    named, failed = _name_versions(world.clock, server, parts)
    return Imported(server.place, manner, tuple(parts), named, failed)


class _Import:
    """The import of one model, as a change is asked for. `weighed` is what was found at the last look."""

    ref = ""

    def __init__(self, wanted: Wanted, manner: Manner) -> None:
        self.model = wanted.model
        self.weighed = Weighed()
        self._wanted = wanted
        self._manner = manner

    def check(self) -> _Import:
        return self

    def decide(self, ledger: Ledger, commit: str) -> Change:  # noqa: ARG002 - as every change is decided
        """Raises _Nothing, Refused, Invalid (usage)."""
        self.weighed = weigh(ledger, self._wanted)
        refused = None if self._manner.skip_conflicts else refusal(self._wanted, self.weighed)
        if refused is not None:
            raise refused
        if not self.weighed.is_new:
            raise _Nothing
        here = ledger.taken - {record.name for record in ledger.records}
        if here:
            raise Refused(
                Reason.NOT_PUSHED,
                f"tags of {self.model} are in this clone only: {quoted(*sorted(here)[:4])}; whether the import agrees "
                "with them cannot be known before they are on the remote",
                hint=f"push them first: {push_command(tuple(sorted(here)))}",
            )
        change = decide(ledger, self.weighed)
        self._require_silence(change)
        return change

    def _require_silence(self, change: Change) -> None:
        """Refuse a push that would start workflows: an import is not a deployment (T18)."""
        given = any(made.event is Event.ASSIGNMENT for made in change.made)
        if self._manner.push and given and len(change.made) <= _MOST_TAGS and not self._manner.may_deploy:
            raise Invalid(
                Reason.USAGE,
                f"{self.model}: a push of {len(change.made)} tags, stage tags among them, may start the workflows that "
                "deploy them (for more than three tags in one push GitHub starts none)",
                hint="--may-deploy says that this is meant, or cannot happen: tags that a workflow pushes with its own "
                "GITHUB_TOKEN start none; else switch the workflow off first: gh workflow disable deploy.yml",
            )


class _Nothing(Exception):
    """All that is to be imported is there."""


def _imported(world: World, wanted: Wanted, manner: Manner) -> Part:
    """One model. Raises MachineryFailed."""
    if not wanted.model:
        return Part(wanted, Weighed(), Reason.IMPORTED, Result.NOTHING_TO_DO, notes=wanted.notes)
    asked = _Import(wanted, manner)
    try:
        written = carry_out(world, asked, push=manner.push, dry_run=not manner.write, sign=manner.sign, advise=False)
    except _Nothing:
        return Part(wanted, asked.weighed, Reason.IMPORTED, Result.NOTHING_TO_DO, notes=wanted.notes)
    except (Refused, Invalid) as problem:
        return Part(wanted, asked.weighed, problem.reason, problem.result, problem.message, problem.hint)
    notes = (*wanted.notes, *written.notes, *_afterwards(written.change, manner))
    reason = written.reason
    return Part(wanted, asked.weighed, reason, reason.result, change=written.change, notes=notes)


def _afterwards(change: Change, manner: Manner) -> Iterator[str]:
    """What a person must know of the tags of an import."""
    count = len(change.made)
    given = any(made.event is Event.ASSIGNMENT for made in change.made)
    if not manner.write:
        return
    if not manner.push:
        stem = f"refs/tags/{tag_artifact(change.model)}"
        push = f"git push --atomic origin {quoted(f'{stem}@*', f'{stem}#*')}"
        yield f"not pushed: nobody else sees the {count} tags yet; to push all of the model's: {push}"
    elif count > _MOST_TAGS:
        yield "nothing is deployed by this push: GitHub starts no workflow for more than three tags in one"
    elif given:
        yield "the push may have started the workflows that deploy these stages"


def _read(clock: Clock, server: Server, names: Sequence[str], rules: Rules, page: str) -> list[Wanted]:
    models: dict[str, RegisteredModel] = {}
    for name in dict.fromkeys(names) or ("",):
        found = _patiently(clock, lambda name=name: list(server.models(name)))  # type: ignore[misc]
        if name and not found:
            raise Refused(
                Reason.UNKNOWN_MODEL,
                f"MLflow at {server.place} has no model {name!r}",
                hint="its name as MLflow has it, or none for all models",
            )
        models |= {model.name: model for model in found}
    wanted = [
        _patiently(clock, lambda model=model: read(server, model, rules, page))  # type: ignore[misc]
        for model in models.values()
    ]
    nameless = next((one for one in wanted if not one.model and one.title in names), None)
    if nameless is not None:
        raise Invalid(Reason.USAGE, nameless.notes[0])
    ours: dict[str, str] = {}
    for one in wanted:
        if one.model and ours.setdefault(one.model, one.title) != one.title:
            raise Invalid(
                Reason.USAGE,
                f"{ours[one.model]!r} and {one.title!r} would both be the model {one.model}",
                hint="give one of them another name: --model-map 'THEIRS=OURS'",
            )
    return wanted


def _with_commits(world: World, wanted: Wanted) -> Wanted:
    """The same, but that versions whose commit is not in this repository are left out. Raises MachineryFailed."""
    return wanted._replace(versions=tuple(_with_commit(world, one) for one in wanted.versions))


def _with_commit(world: World, foreign: Foreign) -> Foreign:
    if foreign.why_not:
        return foreign
    try:
        return foreign._replace(commit=world.store.commit_of(foreign.commit))
    except Refused:
        why = f"its commit, {foreign.commit[:12]}, is not in this repository"
        return foreign._replace(why_not=why, reason=Reason.UNKNOWN_REF)


def _name_versions(clock: Clock, server: Server, parts: Sequence[Part]) -> tuple[int, ModelStageError | None]:
    """Give versions in MLflow the tag that names them here; how many, and what went wrong."""
    count = 0
    for part in parts:
        if part.result.exit_code:
            continue
        for foreign in part.weighed.standing:
            if foreign.named:
                continue
            title, number, name = part.wanted.title, foreign.number, foreign.version
            try:
                _patiently(clock, lambda: server.set_version_tag(title, number, VERSION_TAG, name))  # noqa: B023
            except MachineryFailed as problem:
                message = f"the tags are written, but only {count} versions in MLflow were named: {problem.message}"
                return count, MachineryFailed(problem.reason, message, hint=problem.hint or "import again: it goes on")
            count += 1
    return count, None


def _patiently(clock: Clock, ask: Callable[[], _T]) -> _T:
    """Ask MLflow, again where that may help. Raises MachineryFailed (mlflow-failed)."""
    for left in reversed(range(_TRIES)):
        try:
            return ask()
        except MlflowProblem as problem:
            if not problem.retryable or not left:
                raise MachineryFailed(Reason.MLFLOW_FAILED, problem.message, hint=problem.hint) from problem
            pause = _PAUSE * 2.0 ** (_TRIES - 1 - left) if problem.after is None else problem.after
            clock.sleep(min(pause, _LONGEST_PAUSE))
    raise AssertionError(ask)
