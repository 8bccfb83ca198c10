"""Which version may be given a stage, or taken out of it (R54, R55, R61, T54)."""

from __future__ import annotations

from typing import NamedTuple

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.ledger import Draft, Ledger, seat
from model_stage_deploy.core.model import Model, ModelVersion
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event, require_model_name, require_stage_name
from model_stage_deploy.core.writing import PROGRAM, Change, How, quoted, require_message, require_version, usage
from model_stage_deploy.core.writing_versions import (
    add_registration,
    come_back,
    fallen_back,
    named,
    the_active_one,
    the_version_at,
)


class Promote(NamedTuple):
    """Give a version the stage `to`. One of `version`, `ref` and `source` (a stage) says which version (R54).

    A commit without a version is registered first, as `register_as` or the next one, unless `bare`.
    `archive` takes every other version out of the stage.
    """

    model: str
    to: str
    version: str = ""
    ref: str = ""
    source: str = ""
    register_as: str = ""
    bare: bool = False
    archive: bool = False
    how: How = How()

    def check(self) -> Promote:
        """The same with a clean message. Raises Invalid (usage) for what can be known without the registry."""
        require_model_name(self.model)
        require_stage_name(self.to)
        if self.source:
            require_stage_name(self.source)
        for version in filter(None, (self.version, self.register_as)):
            require_version(version)
        if sum(map(bool, (self.version, self.ref, self.source))) > 1:
            raise usage("--version, --ref and --from each say which version", "give one of them")
        if self.register_as and (self.bare or not self.ref):
            raise usage("--register-as names the version of a commit: it goes with --ref, not with this")
        if self.source == self.to:
            raise usage(f"--from and --to are both {self.to}")
        return self._replace(how=self.how._replace(message=require_message(self.how.message)))

    def decide(self, ledger: Ledger, commit: str) -> Change:
        """Raises Refused (unknown-model, unknown-version, inactive-version, ambiguous-version, never-in-stage,
        already-in-stage, already-registered, stage-not-allowed, clock-skew, …), Invalid (usage)."""
        ledger.require_allowed(self.to)
        ledger.model.require_unambiguous()
        if not (self.version or self.ref or self.source):
            raise usage("say which version is meant", self._choices(ledger))
        if not self.ref:
            ledger.require_known()
        target = self._target(ledger, commit)
        if isinstance(target, ModelVersion):
            self._require_other(ledger, target)
            at = target.commit
        else:
            at = target
        draft = Draft(ledger, self.how)
        name = target.name if isinstance(target, ModelVersion) and target.registered else at
        chosen = False
        if name == at and not self.bare:
            name = add_registration(draft, at, version=self.register_as, bump=None, message="")
            chosen = not self.register_as
        if self.archive:
            self._end_others(draft, at, name)
        words = self.how.message or f"Promote {ledger.name} {shown(name)} to {self.to}"
        draft.add(Event.ASSIGNMENT, at, words, version=name, stage=self.to)
        change = draft.conclude(
            Reason.PROMOTED,
            lambda model: self._meant(model, name, at),
            version=name,
            stage=self.to,
            commit=at,
            chosen=chosen,
        )
        others = tuple(move for move in change.moves if move.stage != self.to)
        notes = (*change.notes, *self._left_behind(ledger, at, name), *come_back(others, at))
        return change._replace(notes=notes)

    def _target(self, ledger: Ledger, commit: str) -> ModelVersion | str:
        """The version, or the commit where there is none."""
        if self.version:
            return ledger.require_alone(the_active_one(ledger, named(ledger, self.version)))
        if self.source:
            holder = ledger.model.holder(self.source)
            if holder is None:
                raise Refused(
                    Reason.NEVER_IN_STAGE,
                    f"{ledger.name} has no version in {self.source}",
                    hint=f"stages that have one: {', '.join(_held(ledger.model)) or 'none'}",
                )
            return ledger.require_alone(holder.version)
        here = ledger.model.at(commit)
        if not here:
            return commit
        version = ledger.require_alone(here[0])
        if not version.registered:
            return version
        if self.register_as not in ("", version.name):
            raise Refused(
                Reason.ALREADY_REGISTERED,
                f"commit {commit[:12]} is {ledger.name} {version.name}, so it cannot become {self.register_as}",
                hint="leave --register-as away, or name another commit",
            )
        return the_active_one(ledger, [version])

    def _require_other(self, ledger: Ledger, version: ModelVersion) -> None:
        holder = ledger.model.holder(self.to)
        if holder is not None and holder.version is version and not self.how.force:
            raise Refused(
                Reason.ALREADY_IN_STAGE,
                f"{self.to} has {ledger.name} {shown(version.name)} already, by {quoted(holder.event.tag.text)}",
                hint="nothing is to be done; --force makes another tag, which deploys it once more",
            )

    def _end_others(self, draft: Draft, at: str, name: str) -> None:
        for held in draft.ledger.model.holders(self.to):
            if held.version.commit != at:
                words = f"Take {self.model} {shown(held.version.name)} out of {self.to}: {shown(name)} replaces it"
                add_unassignment(draft, held.version, self.to, words)

    def _left_behind(self, ledger: Ledger, at: str, name: str) -> list[str]:
        others = [held.version for held in ledger.model.holders(self.to) if held.version.commit != at]
        if self.archive or not others:
            return []
        before = ledger.model.holder(self.to)
        waiting = others[-1] if before is None or before.version.commit == at else before.version
        comes_back = f"{shown(waiting.name)} stays assigned to {self.to}, and comes back if {shown(name)} is unassigned"
        return [f"{comes_back}; --archive-existing would end it"]

    def _meant(self, model: Model, name: str, at: str) -> bool:
        held = seat(model, self.to)
        alone = not self.archive or len(model.holders(self.to)) == 1
        return held is not None and (held.version, held.commit) == (name, at) and alone

    def _choices(self, ledger: Ledger) -> str:
        latest = ledger.model.latest()
        stages = [stage for stage in _held(ledger.model) if stage != self.to]
        ways = [f"--version {latest.name} (the greatest)"] if latest is not None and latest.registered else []
        ways.append("--ref HEAD (the commit that is checked out)")
        ways += [f"--from {stages[0]} (what {stages[0]} has)"] if stages else []
        return f"one of: {', '.join(ways)}"


class Unassign(NamedTuple):
    """Take a version out of a stage: the one named, the one on a commit, what the stage has, or with `every` all."""

    model: str
    stage: str
    version: str = ""
    ref: str = ""
    every: bool = False
    how: How = How()

    def check(self) -> Unassign:
        """The same with a clean message. Raises Invalid (usage)."""
        require_model_name(self.model)
        require_stage_name(self.stage)
        if self.version:
            require_version(self.version)
        if sum((bool(self.version), bool(self.ref), self.every)) > 1:
            raise usage("--version, --ref and --all each say which version", "give one of them")
        return self._replace(how=self.how._replace(message=require_message(self.how.message)))

    def decide(self, ledger: Ledger, commit: str) -> Change:
        """Raises Refused (unknown-model, unknown-version, not-in-stage, ambiguous-version, stage-not-allowed, …)."""
        ledger.require_allowed(self.stage)
        ledger.require_known()
        ledger.model.require_unambiguous()
        versions = self._versions(ledger, commit)
        draft = Draft(ledger, self.how)
        for version in versions:
            words = self.how.message or f"Take {ledger.name} {shown(version.name)} out of {self.stage}"
            add_unassignment(draft, version, self.stage, words)
        gone = {version.commit for version in versions}
        change = draft.conclude(
            Reason.UNASSIGNED,
            lambda model: all(held.version.commit not in gone for held in model.holders(self.stage)),
            version=versions[-1].name,
            stage=self.stage,
            commit=versions[-1].commit,
        )
        return change._replace(notes=(*change.notes, *fallen_back(ledger.name, change.moves)))

    def _versions(self, ledger: Ledger, commit: str) -> list[ModelVersion]:
        if self.every:
            held = [holder.version for holder in ledger.model.holders(self.stage)]
            return held or [self._refuse(ledger, f"{self.stage} has no version of {ledger.name}")]
        if not (self.version or self.ref):
            holder = ledger.model.holder(self.stage)
            return [
                self._refuse(ledger, f"{self.stage} has no version of {ledger.name}")
                if holder is None
                else holder.version
            ]
        if self.version:
            found = named(ledger, self.version)
        else:
            found = list(ledger.model.at(commit)) or [the_version_at(ledger, commit)]
        inside = [version for version in found if version.is_in(self.stage)]
        if len(inside) > 1:
            inside = [the_active_one(ledger, inside)]
        if not inside and not self.how.force:
            self._refuse(ledger, f"{ledger.name} {shown(found[-1].name)} is not in {self.stage}")
        return [ledger.require_alone((inside or found)[-1])]

    def _refuse(self, ledger: Ledger, message: str) -> ModelVersion:
        held = [shown(holder.version.name) for holder in ledger.model.holders(self.stage)]
        raise Refused(
            Reason.NOT_IN_STAGE,
            message,
            hint=f"versions that are in {self.stage}: {', '.join(held) or 'none'}",
        )


class Archive(NamedTuple):
    """Take a version out of every stage; it stays registered unless `deregister` says otherwise."""

    model: str
    version: str
    deregister: bool = False
    how: How = How()

    @property
    def ref(self) -> str:
        """A version is archived by its name alone."""
        return ""

    def check(self) -> Archive:
        """The same with a clean message. Raises Invalid (usage)."""
        require_model_name(self.model)
        if not self.version:
            raise usage("say which version: --version v1.2.3")
        require_version(self.version)
        return self._replace(how=self.how._replace(message=require_message(self.how.message)))

    def decide(self, ledger: Ledger, commit: str) -> Change:  # noqa: ARG002 - as every change is decided
        """Raises Refused (unknown-model, unknown-version, not-in-stage, ambiguous-version, stage-not-allowed, …)."""
        ledger.require_known()
        ledger.model.require_unambiguous()
        found = named(ledger, self.version)
        inside = [version for version in found if any(map(version.is_in, version.assignments))]
        version = the_active_one(ledger, inside or found, or_any=True)
        stages = sorted(filter(version.is_in, version.assignments))
        ending = self.deregister and version.is_active()
        if not stages and not ending:
            raise Refused(
                Reason.NOT_IN_STAGE,
                f"{ledger.name} {self.version} is in no stage",
                hint=f"nothing is to be done; to take it out of the registry: {PROGRAM} deregister {ledger.name} "
                f"--version {self.version}",
            )
        draft = Draft(ledger, self.how)
        for stage in stages:
            ledger.require_allowed(stage)
            words = self.how.message or f"Archive {ledger.name} {self.version}: out of {stage}"
            add_unassignment(draft, ledger.require_alone(version), stage, words)
        if ending:
            words = self.how.message or f"Archive {ledger.name} {self.version}: deregister it"
            draft.add(Event.DEREGISTRATION, version.commit, words, version=version.name)
        change = draft.conclude(
            Reason.ARCHIVED,
            lambda model: _is_out(model, version, registered=version.is_active() and not ending),
            version=version.name,
            commit=version.commit,
        )
        return change._replace(notes=(*change.notes, *fallen_back(ledger.name, change.moves)))


def add_unassignment(draft: Draft, version: ModelVersion, stage: str, message: str) -> None:
    """Draft the end of a version's assignment to a stage."""
    draft.add(Event.UNASSIGNMENT, version.commit, message, version=version.name, stage=stage)
    if not version.registered:  # B4
        draft.notes.append(
            f"no version is registered on commit {version.commit[:12]}: GTO does not see that it leaves {stage}, we do"
        )


def shown(version: str) -> str:
    """A version in a sentence: a bare commit's id is shortened."""
    return version if version.startswith("v") else f"commit {version[:12]}"


def _held(model: Model) -> list[str]:
    return [] if model.ambiguous else [stage for stage in model.stages if model.holder(stage) is not None]


def _is_out(model: Model, version: ModelVersion, *, registered: bool) -> bool:
    [after] = [known for known in model.at(version.commit) if known.name == version.name]
    return not any(map(after.is_in, after.assignments)) and after.is_active() == registered
