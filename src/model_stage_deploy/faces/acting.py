"""What the pages' dialogs ask for, on one registry and from several threads: proposed, then carried out as proposed.

Each call opens the registry anew, so nothing is shared between two who act at once but the repository itself.
"""

from __future__ import annotations

import shlex
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from model_stage_deploy.core.errors import ModelStageError, Refused
from model_stage_deploy.core.locks import freezes_over, key_of, locked_by
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.proposal import Proposal, Refusal, refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.tags import require_model_name, require_stage_name
from model_stage_deploy.core.versions import Part
from model_stage_deploy.core.writing import PROGRAM, How, Written, usage
from model_stage_deploy.core.writing_stages import Promote, Unassign
from model_stage_deploy.core.writing_versions import Register
from model_stage_deploy.faces.event import WorkflowEvent, read_event
from model_stage_deploy.faces.hosting import Books, workflow_starter
from model_stage_deploy.faces.joining import books_to_ask
from model_stage_deploy.faces.opening import is_url, open_source, read_model, who_tags
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.change import Asked, Start, World, allowed_stages
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.foreseeing import Hand
from model_stage_deploy.flows.proposing import (
    make_proposed,
    news_since,
    propose_change,
    propose_deploy,
    propose_rollback,
)
from model_stage_deploy.report.html.chrome import DIALOGS
from model_stage_deploy.report.locks import who

if TYPE_CHECKING:
    from model_stage_deploy.core.registry import Registry

CHANGES = ("assign", "register", "unassign")
"""The dialogs that make tags."""
_PARTS: Mapping[str, Part] = {"major": "major", "minor": "minor", "patch": "patch"}


class Given(NamedTuple):
    """What a person filled in; "" for nothing. `archive` ends what the stage has, `every` takes out all versions."""

    model: str = ""
    stage: str = ""
    version: str = ""
    ref: str = ""
    bump: str = ""
    message: str = ""
    archive: bool = False
    every: bool = False


class Stages(NamedTuple):
    """Stages to choose from: `allowed` by `.gto` (None for any), `known` in the order in which versions go through."""

    allowed: tuple[str, ...] | None
    known: tuple[str, ...]


class Deed(NamedTuple):
    """What was done. `written` are the tags, where there are some; `told` are sentences; `command` is a process of ours
    that is still to be started, of the stage `place`. `link` leads to what was started elsewhere."""

    told: tuple[str, ...]
    written: Written | None = None
    link: str = ""
    command: tuple[str, ...] = ()
    place: str = ""


class Actor:
    """Proposes and carries out. `sign` signs tags; `dispatch` is a workflow that is started for a tag, and
    `dispatch_rollback` one that rolls back, "" for none."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        sign: bool = False,
        dispatch: str = "",
        dispatch_rollback: str = "",
    ) -> None:
        self.settings = settings
        self._environ = environ
        self._sign = sign
        self._dispatch = dispatch.removeprefix(".github/workflows/")
        self._dispatch_rollback = dispatch_rollback.removeprefix(".github/workflows/")

    @property
    def event(self) -> WorkflowEvent:
        """Where we are, by the environment."""
        return read_event(self._environ)

    def hand(self) -> Hand:
        """By whose hand tags are made."""
        name, email, signs = who_tags(self.settings.repo)
        return Hand(name, email, self._sign or signs)

    def pushes(self) -> bool:
        """Whether tags go to a remote: wherever there is one."""
        return is_url(self.settings.repo) or bool(self.remote())

    def remote(self) -> str:
        """Address of the remote, "" for none. Raises Invalid (not-a-repository)."""
        with open_source(self.settings.repo, self._environ, lambda _: None) as source:
            return source.url

    def books(self) -> Books | None:
        """Where deployments are recorded, None where nobody can be asked."""
        return books_to_ask(replace(self.settings, command="status"), self.event)

    def deploys_here(self) -> bool:
        """Whether deployments are this machine's to do: no code host has their records, and none starts them."""
        if is_url(self.settings.repo) or self.books() is not Books.LOG:
            return False
        asked_for = self.settings.no_github or self.settings.records == Books.LOG
        return asked_for or not _is_elsewhere(self.remote())

    @contextmanager
    def context(self, command: str = "deploy", **more: object) -> Iterator[Context]:
        """A context of a dry run that tells nobody anything. Raises Invalid."""
        from model_stage_deploy.adapters.silent_announcer import SilentAnnouncer
        from model_stage_deploy.faces.wiring import working

        scrubber = Scrubber()
        records = Books.LOG.value if self.deploys_here() else self.settings.records
        settings = replace(self.settings, command=command, dry_run=True, by_hand=True, records=records)
        settings = replace(settings, **more)  # type: ignore[arg-type]
        with working(settings, self.event, self._environ, SilentAnnouncer(scrubber), scrubber) as context:
            yield context

    def model(self, name: str) -> tuple[Registry, Model]:
        """One model by the tags that are here. Raises Refused (unknown-model), Invalid (usage)."""
        return read_model(self.settings.repo, name, self._environ)

    def has_versions(self, name: str) -> bool:
        """Whether the registry knows the model; False where nobody can say."""
        try:
            return bool(self.model(name)[1].versions)
        except ModelStageError:
            return False

    def stages(self, model: Model) -> Stages:
        """The stages of a model; what cannot be read is left out, for whoever looks is told then."""
        mapped: list[str] = []
        allowed = None
        with suppress(ModelStageError), self.context() as context:
            mapped = list(context.configuration(None).mapping.mapped_stages(model.name))
        with suppress(ModelStageError), self._world([]) as world:
            allowed = allowed_stages(world)
        known = dict.fromkeys([*mapped, *model.stages])
        return Stages(allowed, tuple(known) if allowed is None else tuple(dict.fromkeys([*allowed, *known])))

    def propose(self, what: str, given: Given) -> Proposal:
        """What would happen. Raises ModelStageError only where the registry cannot be opened at all."""
        if what in CHANGES:
            with self._world([]) as world, self.context() as context:
                return propose_change(context, world, asked_for(what, given), push=self.pushes(), hand=self.hand())
        try:
            model, stage = require_model_name(given.model), given.stage
            if what == "rollback":
                with self.context("rollback") as context:
                    found = propose_rollback(context, model, require_stage_name(stage), given.version)
                return self._if_it_can(found, given)
            if what == "deploy":
                with self.context() as context:
                    return propose_deploy(context, self.tag_of(given))
            return self._propose_upkeep(what, given)
        except ModelStageError as problem:
            return Proposal(refusal=refused(problem))

    def _if_it_can(self, found: Proposal, given: Given) -> Proposal:
        """A rollback is for this machine, or for a workflow that was named; else a person starts it where CI does."""
        if found.refusal is not None or found.plan is None or self._dispatch_rollback or self.deploys_here():
            return found
        words = f"rollback '{given.model}' '{given.stage}' --to '{found.plan.version}'"
        refusal = Refusal(
            Reason.USAGE,
            "this page cannot roll back: the code host has the deployments, and no workflow was named that does it",
            f"serve it with --dispatch-rollback WORKFLOW; or, where deployments are made: {PROGRAM} {words}",
        )
        return found._replace(refusal=refusal)

    def _propose_upkeep(self, what: str, given: Given) -> Proposal:
        from model_stage_deploy.faces.wiring import open_locks
        from model_stage_deploy.flows.proposing_upkeep import propose_approval, propose_lock, propose_unlock

        if what == "approve":
            _, model = self.model(given.model)
            with self.context("approve", records=self.settings.records) as context:
                kept = (self.books() or Books.LOG).value
                return propose_approval(context, model, given.version, given.stage, recorded_in=kept)
        with open_source(self.settings.repo, self._environ, lambda _: None) as source:
            if what == "lock":
                return propose_lock(source, open_locks(source), given.model, given.stage)
            return propose_unlock(open_locks(source), given.model, given.stage)

    def carry_out(self, what: str, given: Given, proposal: Proposal) -> Deed:
        """Do what was proposed, and nothing else. Raises ModelStageError, Refused (superseded) for another proposal."""
        if what in CHANGES:
            return self._change(what, given, proposal)
        if what in ("deploy", "rollback"):
            return self._deliver(what, given, proposal)
        return self._approve(given) if what == "approve" else self._lock(what, given)

    def _change(self, what: str, given: Given, proposal: Proposal) -> Deed:
        from model_stage_deploy.report.changes import headline

        told: list[str] = []
        asked = asked_for(what, given)
        start = self._start() if what == "assign" else None
        with self._world(told) as world:
            written = make_proposed(world, asked, proposal, push=self.pushes(), sign=self._sign, start=start)
        written = written._replace(notes=tuple(dict.fromkeys((*told, *written.notes))))
        return Deed((f"{headline(written.change)}.",), written)

    def _deliver(self, what: str, given: Given, proposal: Proposal) -> Deed:
        plan = proposal.plan
        if plan is None:
            raise usage("there is no plan")
        if not self.deploys_here():
            return self._dispatched(given, plan.version)
        words = [sys.executable, "-P", "-m", "model_stage_deploy", what]  # -P: not what a checkout calls so
        words += [self.tag_of(given)] if what == "deploy" else [given.model, given.stage, "--to", plan.version]
        words += ["--json", "--records", Books.LOG.value, "--repo", self.settings.repo or "."]
        for flag, value in (("--config", self.settings.config), ("--config-ref", self.settings.config_ref)):
            words += [flag, value] if value else []
        words += ["--planned", plan.planned] if plan.planned else []
        return Deed((), command=tuple(words), place=key_of(given.model, given.stage))

    def deploy_command(self, tag: str) -> str:
        """What deploys a tag here, as a person types it."""
        place = ["--repo", self.settings.repo] if self.settings.repo not in ("", ".") else []
        return shlex.join(["python", "-m", "model_stage_deploy", "deploy", tag, "--records", "log", *place])

    def _dispatched(self, given: Given, version: str) -> Deed:
        """A rollback that the code host does."""
        inputs = {"model": given.model, "stage": given.stage, "to": version}  # as deploy-on-tag.yml has them
        started = workflow_starter(self.settings, self.event).start(self._dispatch_rollback, inputs)
        told = f"{self._dispatch_rollback} was started, to roll {given.model} back to {version} in {given.stage}."
        return Deed((told,), link=started)

    def _approve(self, given: Given) -> Deed:
        from model_stage_deploy.flows.approving import approve

        with self.context("approve", records=self.settings.records, dry_run=False) as context:
            if context.host is None:
                raise context.hostless or AssertionError("approve")
            _, model = self.model(given.model)
            made = approve(context, context.host, model, given.version, given.stage, given.message)
        told = [f"{made.by} approved {made.model} {made.version} for {made.stage}."]
        if made.tag and made.asked:
            told.append(f"{made.stage} has it already, by '{made.tag}': deploy that tag to go on.")
        return Deed(tuple(told))

    def _lock(self, what: str, given: Given) -> Deed:
        from model_stage_deploy.adapters.system_clock import SystemClock
        from model_stage_deploy.faces.wiring import open_locks
        from model_stage_deploy.flows.freezing import require_reason
        from model_stage_deploy.flows.locking import Wanted, freeze, unlock

        key = key_of(given.model, given.stage)
        with open_source(self.settings.repo, self._environ, lambda _: None) as source:
            store = open_locks(source)
            if what == "lock":
                name, email, _ = who_tags(self.settings.repo)
                owner = self.event.run.actor or (f"{name} <{email}>" if name else "somebody unknown")
                why = require_reason(given.message, "write it into the field below the stage")
                _, working = freeze(store, SystemClock(), Wanted(key, uuid.uuid4().hex, owner, why, "", 0.0))
                goes_on = (f"At work already, and not stopped by this: {who(one)}." for one in working)
                return Deed((f"{locked_by(key)} is locked.", *goes_on))
            removed = unlock(store, SystemClock(), key, run=False, force=False)
            others = freezes_over(key, store.entries())
        gone = (f"Removed: {who(one)}." for one in removed)
        return Deed((f"{locked_by(key)} is unlocked.", *gone, *(f"Still there: {who(one)}." for one in others)))

    def news(self, model: str, newest: str) -> Sequence[str]:
        """What others did since that tag was the newest, a sentence each; none where nobody can say."""
        try:
            with self._world([]) as world:
                return news_since(world, model, newest)
        except ModelStageError:
            return ()

    def tag_of(self, given: Given) -> str:
        """The tag that gives the stage its version. Raises Refused (not-in-stage, unknown-model)."""
        _, model = self.model(given.model)
        holder = model.holder(require_stage_name(given.stage))
        if holder is None:
            raise Refused(Reason.NOT_IN_STAGE, f"{given.model} has no version in {given.stage}")
        return holder.event.tag.text

    @contextmanager
    def _world(self, told: list[str]) -> Iterator[World]:
        from model_stage_deploy.faces.wiring import changing

        with changing(self.settings.repo, self._environ, push=self.pushes(), tell=told.append) as world:
            yield world

    def _start(self) -> Start | None:
        if not self._dispatch:
            return None
        return Start(self._dispatch, workflow_starter(self.settings, self.event))


def _is_elsewhere(url: str) -> bool:
    """Whether Git takes it for another machine's: a URL, or what ssh takes, which may be a name of `~/.ssh/config`."""
    host, colon, _ = url.partition(":")
    return bool(colon) and "/" not in host


def asked_for(what: str, given: Given) -> Asked:
    """The change that a dialog asks for. Raises nothing: `check` does."""
    how = How(given.message)
    if what == "assign":
        return Promote(given.model, given.stage, version=given.version, archive=given.archive, how=how)
    if what == "unassign":
        every = given.every
        return Unassign(given.model, given.stage, "" if every else given.version, every=every, how=how)
    return Register(given.model, given.ref or "HEAD", given.version, _PARTS.get(given.bump), how)


def offered(settings: Settings, environ: Mapping[str, str], *, read_only: bool = False) -> frozenset[str]:
    """Which dialogs there are. A rollback and an approval need a clone, a deployment also its own records."""
    if read_only:
        return frozenset()
    found = set(DIALOGS)
    if is_url(settings.repo):
        found -= {"rollback", "approve", "deploy"}
    try:
        if "deploy" in found and not Actor(settings, environ).deploys_here():
            found -= {"deploy"}
    except ModelStageError:
        found -= {"deploy"}
    return frozenset(found)
