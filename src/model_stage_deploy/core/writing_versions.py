"""Which versions may be registered, deregistered, and when a model may be deprecated (R51–R53, R56)."""

from __future__ import annotations

from typing import NamedTuple

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.ledger import Draft, Ledger
from model_stage_deploy.core.model import Model, ModelVersion
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event, require_model_name
from model_stage_deploy.core.versions import Part, Version
from model_stage_deploy.core.writing import (
    PROGRAM,
    Change,
    How,
    Move,
    quoted,
    require_message,
    require_version,
    usage,
)

FIRST = "v0.0.1"


class Register(NamedTuple):
    """Register a version of a model on a commit. Without `version` and `bump` the last number is raised (R52)."""

    model: str
    ref: str = "HEAD"
    version: str = ""
    bump: Part | None = None
    how: How = How()

    def check(self) -> Register:
        """The same with a clean message. Raises Invalid (usage) for what can be known without the registry."""
        require_model_name(self.model)
        if self.version:
            require_version(self.version)
        if self.version and self.bump:
            raise usage("--version and --bump-… say two things", "give one of them")
        return self._replace(how=self.how._replace(message=require_message(self.how.message)))

    def decide(self, ledger: Ledger, commit: str) -> Change:
        """Raises Refused (already-registered, version-taken, ambiguous-version, clock-skew), Invalid (usage)."""
        draft = Draft(ledger, self.how)
        version = add_registration(draft, commit, version=self.version, bump=self.bump, message=self.how.message)
        change = draft.conclude(
            Reason.REGISTERED,
            lambda model: _is_registered(model, version, commit),
            version=version,
            commit=commit,
            chosen=not self.version,
        )
        return change._replace(notes=(*change.notes, *come_back(change.moves, commit)))


class Deregister(NamedTuple):
    """Take a version, named by itself or by its commit, out of the registry (R56)."""

    model: str
    version: str = ""
    ref: str = ""
    how: How = How()

    def check(self) -> Deregister:
        """The same with a clean message. Raises Invalid (usage)."""
        require_model_name(self.model)
        if self.version:
            require_version(self.version)
        if bool(self.version) == bool(self.ref):
            raise usage("name one version: with --version or with --ref")
        return self._replace(how=self.how._replace(message=require_message(self.how.message)))

    def decide(self, ledger: Ledger, commit: str) -> Change:
        """Raises Refused (unknown-model, unknown-version, inactive-version, ambiguous-version, clock-skew)."""
        ledger.require_known()
        found = named(ledger, self.version) if self.version else [the_version_at(ledger, commit)]
        version = the_active_one(ledger, found, or_any=self.how.force)
        draft = Draft(ledger, self.how)
        words = self.how.message or f"Deregister {ledger.name} {version.name}"
        draft.add(Event.DEREGISTRATION, version.commit, words, version=version.name)
        change = draft.conclude(
            Reason.DEREGISTERED,
            lambda model: not _is_registered(model, version.name, version.commit),
            version=version.name,
            commit=version.commit,
        )
        return change._replace(notes=(*change.notes, *fallen_back(ledger.name, change.moves)))


class Deprecate(NamedTuple):
    """Say that nobody should use a model any more (R56). `ref` "" is the commit of its newest event, as in GTO."""

    model: str
    ref: str = ""
    how: How = How()

    def check(self) -> Deprecate:
        """The same with a clean message. Raises Invalid (usage)."""
        require_model_name(self.model)
        if self.how.force and self.how.simple:
            raise usage("--force and --simple exclude each other here: the simple tag is there already")
        return self._replace(how=self.how._replace(message=require_message(self.how.message)))

    def decide(self, ledger: Ledger, commit: str) -> Change:
        """Raises Refused (unknown-model, already-deprecated, clock-skew)."""
        ledger.require_known()
        if ledger.model.deprecated and not self.how.force:
            newest = ledger.model.events[-1].tag.text
            raise Refused(
                Reason.ALREADY_DEPRECATED,
                f"{ledger.name} is deprecated already, by {quoted(newest)}",
                hint="nothing is to be done; --force makes another tag",
            )
        draft = Draft(ledger, self.how)
        at = commit or ledger.model.events[-1].commit
        draft.add(Event.DEPRECATION, at, self.how.message or f"Deprecate {ledger.name}")
        draft.notes.append("any later event of the model, whatever it says, takes the deprecation back")
        return draft.conclude(Reason.DEPRECATED, lambda model: model.deprecated, commit=at)


def add_registration(draft: Draft, commit: str, *, version: str, bump: Part | None, message: str) -> str:
    """Draft the registration of a version on a commit; its name. Raises what Register.decide raises."""
    ledger = draft.ledger
    here = _registered_at(ledger, commit)
    if here is not None:
        name = _again(ledger, here, version, bump, force=draft.how.force)
    elif version:
        name = _on_a_new_commit(draft, version)
    else:
        name = _next_version(draft, bump)
    if ledger.is_new:
        draft.notes.append(f"{ledger.name} is a new model: nothing was said about it before")
    draft.add(Event.REGISTRATION, commit, message or f"Register {ledger.name} {name}", version=name)
    return name


def named(ledger: Ledger, version: str) -> list[ModelVersion]:
    """The registered versions of that name: usually one (R26). Raises Refused (unknown-version)."""
    found = [known for known in ledger.model.versions if known.registered and known.name == version]
    if found:
        return found
    names = [known.name for known in ledger.model.versions if known.registered]
    raise Refused(
        Reason.UNKNOWN_VERSION,
        f"{ledger.name} has no version {version}",
        hint=f"versions that it has: {', '.join(names[-8:]) or 'none'}; to make one: "
        f"{PROGRAM} register {ledger.name} --version {version}",
    )


def the_version_at(ledger: Ledger, commit: str) -> ModelVersion:
    """The one registered version on a commit. Raises Refused (unknown-version, ambiguous-version)."""
    found = _registered_at(ledger, commit)
    if found is None:
        raise Refused(
            Reason.UNKNOWN_VERSION,
            f"no version of {ledger.name} is registered on commit {commit[:12]}",
            hint=f"see where they are: {PROGRAM} show {ledger.name} --json",
        )
    return found


def the_active_one(ledger: Ledger, versions: list[ModelVersion], *, or_any: bool = False) -> ModelVersion:
    """The one that is active among versions of one name; the last of all with `or_any`.

    Raises Refused (inactive-version, ambiguous-version).
    """
    active = [version for version in versions if version.is_active()]
    name = versions[0].name
    if len(active) > 1 or (or_any and not active and len(versions) > 1):
        several = active or versions
        raise Refused(
            Reason.AMBIGUOUS_VERSION,
            f"{ledger.name} {name} stands on {len(several)} commits: "
            + ", ".join(version.commit[:12] for version in several),
            hint=f"say which one is meant: --ref {several[-1].commit}",
        )
    if active or or_any:
        return (active or versions)[-1]
    last = versions[-1].direct[-1].tag.text
    raise Refused(
        Reason.INACTIVE_VERSION,
        f"{ledger.name} {name} was deregistered by {quoted(last)}",
        hint=f"register it again: {PROGRAM} register {ledger.name} {versions[-1].commit} --version {name}",
    )


def fallen_back(model: str, moves: tuple[Move, ...]) -> list[str]:
    """Stages that go back to an earlier version (R36, R37): no tag says it, so we do."""
    return [
        f"{move.stage} falls back to {move.after.version}: {quoted(move.after.tag)} gave it the stage and was never "
        f"undone. Nothing is deployed by that, unless the mapping's `events:` says so. To empty the stage: "
        f"{PROGRAM} unassign {model} --stage {move.stage} --all"
        for move in moves
        if move.after is not None
    ]


def come_back(moves: tuple[Move, ...], commit: str) -> list[str]:
    """Stages that a registration brings along: the assignment of its commit was never undone (R24, R37)."""
    told = []
    for move in moves:
        if move.after is not None and move.after.commit == commit:
            given = f"{quoted(move.after.tag)} gave it the stage and was never undone"
            told.append(f"{move.stage} has {move.after.version} now: {given}")
        elif move.after is not None:  # R32: in a tie the newer registration loses
            told.append(f"{move.stage} has {move.after.version} now: it was given the stage in the same second")
    return told


def _is_registered(model: Model, version: str, commit: str) -> bool:
    return any(known.name == version and known.registered and known.is_active() for known in model.at(commit))


def _registered_at(ledger: Ledger, commit: str) -> ModelVersion | None:
    here = [version for version in ledger.model.at(commit) if version.registered]
    return ledger.require_alone(here[0]) if here else None


def _again(ledger: Ledger, here: ModelVersion, version: str, bump: Part | None, *, force: bool) -> str:
    """The name of a version to register on its own commit once more (R51)."""
    if here.is_active() and not force:
        raise Refused(
            Reason.ALREADY_REGISTERED,
            f"{ledger.name} is registered on commit {here.commit[:12]} already, as {here.name}",
            hint=f"give it a stage: {PROGRAM} promote {ledger.name} --version {here.name} --to STAGE; "
            "another version wants another commit; --force makes another tag of the same version",
        )
    if bump or version not in ("", here.name):
        raise Refused(
            Reason.ALREADY_REGISTERED,
            f"commit {here.commit[:12]} is {ledger.name} {here.name}, so no other version can be registered there",
            hint="a second version on a commit leaves open which one a stage has; register another commit",
        )
    return here.name


def _on_a_new_commit(draft: Draft, version: str) -> str:
    """A name that was asked for, if it is free."""
    ledger = draft.ledger
    others = [known for known in ledger.model.versions if known.registered and known.name == version]
    active = [known for known in others if known.is_active()]
    if active:
        raise Refused(
            Reason.VERSION_TAKEN,
            f"{ledger.name} {version} is registered on commit {active[-1].commit[:12]}",
            hint="a version never moves: take another name, or none for the next one",
        )
    if others:
        draft.notes.append(
            f"{version} was another commit ({others[-1].commit[:12]}) before it was deregistered; "
            "GTO then finds neither by name, only by commit"
        )
    return version


def _next_version(draft: Draft, bump: Part | None) -> str:
    """The next version that no tag names (R52, R53, B13)."""
    ledger = draft.ledger
    latest = ledger.model.latest()
    if latest is None or not latest.registered:
        if bump:
            raise usage(
                f"{ledger.name} has no active version whose {bump} number could be raised",
                f"name the first one with --version v1.0.0, or none for {FIRST}",
            )
        return str(_free(ledger, Version.parse(FIRST), "patch"))
    last = Version.parse(latest.name)
    if last.prerelease:
        final = str(Version(last.major, last.minor, last.patch))
        if final not in ledger.versions:
            draft.notes.append(
                f"{latest.name} is followed by the next number, as in GTO, so {final} is skipped; "
                f"if that is meant: {PROGRAM} register {ledger.name} --version {final}"
            )
    return str(_free(ledger, last.bumped(bump or "patch"), bump or "patch"))


def _free(ledger: Ledger, version: Version, part: Part) -> Version:
    while str(version) in ledger.versions:
        version = version.bumped(part)
    return version
