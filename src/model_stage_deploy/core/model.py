"""One model of the registry: its versions, who holds which stage, and the rules for ties.

Rules R22-R42 of docs/reference/tags.md. How tags become models is next door, in registry.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event, GtoTag
from model_stage_deploy.core.versions import Version

Sort = Literal["time", "semver"]
OrderKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class TagRecord:
    """One tag as Git stores it.

    `object_id` is the tag object (for a lightweight tag, what it points at). `commit` is the commit reached
    by following the tag, None when there is none. `nested` says that a tag object was in between (B5).
    `inner_name` is the name written inside the object (B6). `time` is the tagger's, in unix seconds.
    """

    name: str
    object_id: str
    annotated: bool
    commit: str | None
    time: int | None = None
    zone: str = "+0000"
    tagger: str = ""
    email: str = ""
    message: str = ""
    inner_name: str | None = None
    nested: bool = False


@dataclass(frozen=True, slots=True)
class RegistryEvent:
    """A tag that counts: annotated, ours, on a commit, with a time."""

    tag: GtoTag
    record: TagRecord
    commit: str
    time: int

    @property
    def order(self) -> OrderKey:
        """Tagger time, then tag name: the order in which GTO reads events (R20)."""
        return (self.time, self.tag.text)


@dataclass(slots=True)
class ModelVersion:
    """A version of a model: a registered one, or a bare commit that a stage was given to (R23)."""

    name: str
    commit: str
    direct: list[RegistryEvent] = field(default_factory=list)
    assignments: dict[str, list[RegistryEvent]] = field(default_factory=dict)

    @property
    def registered(self) -> bool:
        """False for an assignment of a commit that nobody registered: its name is the commit's id."""
        return bool(self.direct)

    def is_active(self, before: OrderKey | None = None) -> bool:
        """Whether its newest (de)registration is a registration (R27). Before any it is a bare commit: active (R24)."""
        seen = _until(self.direct, before)
        return _newest_is(seen, Event.REGISTRATION) if seen else True

    def is_in(self, stage: str, before: OrderKey | None = None) -> bool:
        """Whether its newest (un)assignment for the stage is an assignment; a tie counts against it (R28)."""
        return _newest_is(_until(self.assignments.get(stage, ()), before), Event.ASSIGNMENT)

    def assigned(self, stage: str, before: OrderKey | None = None) -> RegistryEvent | None:
        """The newest assignment to the stage, undone or not."""
        given = _until(self.assignments.get(stage, ()), before)
        events = [event for event in given if event.tag.event is Event.ASSIGNMENT]
        return events[-1] if events else None

    @property
    def first_seen(self) -> OrderKey:
        """Order of its first registration, or of its first assignment where it was never registered."""
        events = self.direct or [events[0] for events in self.assignments.values()]
        return min(event.order for event in events)

    @property
    def precedence(self) -> tuple[bool, object, str]:
        """Sort key for "greatest": registered versions by SemVer, bare commits below all, by name (R33, R42)."""
        if not self.registered:
            return (False, (), self.name)
        return (True, Version.parse(self.name).precedence, "")


@dataclass(frozen=True, slots=True)
class Holder:
    """The version that holds a stage, and the assignment that put it there."""

    version: ModelVersion
    event: RegistryEvent

    def age(self, before: OrderKey | None = None) -> tuple[int, bool, OrderKey]:
        """Sort key among versions that were given a stage in one second, of which the oldest wins (R32).

        As in GTO, a version is as old as its newest registration; a bare commit has only its assignment.
        """
        direct = _until(self.version.direct, before)
        registered = [event.time for event in direct if event.tag.event is Event.REGISTRATION]
        if registered:
            return (max(registered), False, self.version.first_seen)
        given = self.version.assignments[str(self.event.tag.stage)]
        return (self.event.time, True, min(event.order for event in given if event.time == self.event.time))


@dataclass(slots=True)
class Model:
    """Everything that the tags say about one model."""

    name: str
    events: list[RegistryEvent] = field(default_factory=list)
    versions: list[ModelVersion] = field(default_factory=list)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)
    """Commits that hold several registered versions and were given a stage, with those versions (R25)."""

    @property
    def deprecated(self) -> bool:
        """Whether the newest event of any kind is a deprecation; a tie counts against it (R40)."""
        return _newest_is(self.events, Event.DEPRECATION)

    @property
    def stages(self) -> list[str]:
        """Every stage that any of its tags names, in order of the names."""
        return sorted({stage for version in self.versions for stage in version.assignments})

    def holder(self, stage: str, *, sort: Sort = "time", before: OrderKey | None = None) -> Holder | None:
        """Which version the stage has now, or had just before an event (R31–R37).

        Raises Refused (ambiguous-version) where tags of this model cannot be given one meaning (R25).
        """
        self.require_unambiguous()
        holders = [
            Holder(version, event)
            for version in self.versions
            if version.is_active(before) and version.is_in(stage, before)
            if (event := version.assigned(stage, before)) is not None
        ]
        if not holders:
            return None
        if sort == "semver":
            return max(holders, key=lambda held: (held.version.precedence, held.version.first_seen))
        newest = max(held.event.time for held in holders)
        return min((held for held in holders if held.event.time == newest), key=lambda held: held.age(before))

    def latest(self) -> ModelVersion | None:
        """The greatest active version; bare commits only if there is nothing else (R42)."""
        active = [version for version in self.versions if version.is_active()]
        return max(active, key=lambda version: (version.precedence, version.first_seen), default=None)

    def find(self, name: str) -> ModelVersion | None:
        """A version by its exact name; of several (R26), the one registered last that is active."""
        named = [version for version in self.versions if version.name == name]
        return max(named, key=lambda version: (version.is_active(), version.first_seen), default=None)

    def version_of(self, event: RegistryEvent) -> ModelVersion | None:
        """The version that an event is about: the one registered on its commit (R22); None for a deprecation.

        Raises Refused (ambiguous-version) where there are several.
        """
        if event.tag.event is Event.DEPRECATION:
            return None
        if event.tag.version is not None:
            wanted = (event.tag.version, event.commit)
            return next(version for version in self.versions if (version.name, version.commit) == wanted)
        if event.commit in self.ambiguous:
            self.require_unambiguous()
        return next(version for version in self.versions if version.commit == event.commit)

    def event_of(self, tag: str) -> RegistryEvent | None:
        """The event that a tag made (R43), or None where the tag does not count."""
        return next((event for event in self.events if event.tag.text == tag), None)

    def require_unambiguous(self) -> None:
        """Raise Refused (ambiguous-version) where a staged commit holds several versions (R25, B2)."""
        for commit, versions in self.ambiguous.items():
            last = [event.tag for event in self.events if event.commit == commit and event.tag.version == versions[-1]]
            raise Refused(
                Reason.AMBIGUOUS_VERSION,
                f"{self.name} has {len(versions)} versions on commit {commit[:12]} ({', '.join(versions)}), "
                "so a stage given to that commit names none of them",
                hint="give each version a commit of its own: "
                f"delete what registered the other, e.g. git push --delete origin '{last[-1].text}'",
            )


def _until(events: Iterable[RegistryEvent], before: OrderKey | None) -> list[RegistryEvent]:
    """The events that came before a moment of the history; all of them for None."""
    return [event for event in events if before is None or event.order < before]


def _newest_is(events: Sequence[RegistryEvent], kind: Event) -> bool:
    """Whether the newest event is of that kind and no event of another kind shares its second."""
    return bool(events) and all(event.tag.event is kind for event in events if event.time == events[-1].time)
