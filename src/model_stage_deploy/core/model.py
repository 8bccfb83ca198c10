"""One model of the registry: its versions, who holds which stage, and the rules for ties.

Rules R22-R42 of docs/reference/tags.md. How tags become models is next door, in registry.py. A registry may have
100,000 tags: what there is one of per tag is a tuple, and nothing here looks at all of a model for one event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Literal, NamedTuple

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event, GtoTag
from model_stage_deploy.core.versions import PrecedenceKey, precedence_of

Sort = Literal["time", "semver"]
OrderKey = tuple[int, str]
_ASSIGNMENT, _REGISTRATION = Event.ASSIGNMENT, Event.REGISTRATION  # a member of an enum takes long to find
_BY_NAME, _BY_TIME = attrgetter("record.name"), itemgetter(3)


class TagRecord(NamedTuple):
    """One tag as Git stores it.

    `object_id` is the tag object (for a lightweight tag, what it points at), "" where nobody asked. `commit` is the
    commit reached by following the tag, None when there is none. `nested` says that a tag object was in between (B5).
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


class RegistryEvent(NamedTuple):
    """A tag that counts: annotated, ours, on a commit, with a time."""

    tag: GtoTag
    record: TagRecord
    commit: str
    time: int

    @property
    def order(self) -> OrderKey:
        """Tagger time, then tag name: the order in which GTO reads events (R20)."""
        return (self.time, self.tag.text)


class ModelVersion:
    """A version of a model: a registered one, or a bare commit that a stage was given to (R23).

    `direct` holds its registrations and deregistrations, `assignments` the (un)assignments of each stage, in order.
    """

    __slots__ = ("assignments", "commit", "direct", "name")

    def __init__(self, name: str, commit: str) -> None:
        self.name = name
        self.commit = commit
        self.direct: list[RegistryEvent] = []
        self.assignments: dict[str, list[RegistryEvent]] = {}

    def __repr__(self) -> str:
        return f"ModelVersion({self.name!r}, {self.commit!r})"

    @property
    def registered(self) -> bool:
        """False for an assignment of a commit that nobody registered: its name is the commit's id."""
        return bool(self.direct)

    def is_active(self, before: OrderKey | None = None) -> bool:
        """Whether its newest (de)registration is a registration (R27). Before any it is a bare commit: active (R24)."""
        seen = self.direct if before is None else _until(self.direct, before)
        return _newest_is(seen, _REGISTRATION) if seen else True

    def is_in(self, stage: str, before: OrderKey | None = None) -> bool:
        """Whether its newest (un)assignment for the stage is an assignment; a tie counts against it (R28)."""
        return _newest_is(_until(self.assignments.get(stage, ()), before), _ASSIGNMENT)

    def assigned(self, stage: str, before: OrderKey | None = None) -> RegistryEvent | None:
        """The newest assignment to the stage, undone or not."""
        for event in reversed(_until(self.assignments.get(stage, ()), before)):
            if event.tag.event is _ASSIGNMENT:
                return event
        return None

    @property
    def first_seen(self) -> OrderKey:
        """Order of its first registration, or of its first assignment where it was never registered."""
        if self.direct:
            return self.direct[0].order
        return min(events[0].order for events in self.assignments.values())

    @property
    def precedence(self) -> tuple[bool, object, str]:
        """Sort key for "greatest": registered versions by SemVer, bare commits below all, by name (R33, R42)."""
        if not self.direct:
            return (False, (), self.name)
        return (True, precedence_of(self.name), "")


_NAME, _FIRST_SEEN = attrgetter("name"), attrgetter("first_seen")
_GREATEST = attrgetter("precedence", "first_seen")


class Holder(NamedTuple):
    """The version that holds a stage, and the assignment that put it there."""

    version: ModelVersion
    event: RegistryEvent

    def age(self, before: OrderKey | None = None) -> tuple[int, bool, OrderKey]:
        """Sort key among versions that were given a stage in one second, of which the oldest wins (R32).

        As in GTO, a version is as old as its newest registration; a bare commit has only its assignment.
        """
        direct = _until(self.version.direct, before)
        registered = [event.time for event in direct if event.tag.event is _REGISTRATION]
        if registered:
            return (max(registered), False, self.version.first_seen)
        given = self.version.assignments[str(self.event.tag.stage)]
        return (self.event.time, True, min(event.order for event in given if event.time == self.event.time))


class Model:
    """Everything that the tags say about one model.

    `events` are in order (R20), `versions` in the order in which they were first seen. `ambiguous` names the commits
    that hold several registered versions and were given a stage, with those versions (R25).
    """

    __slots__ = ("_by_commit", "_by_stage", "_registered", "ambiguous", "events", "name", "versions")

    def __init__(self, name: str, events: Iterable[RegistryEvent] = ()) -> None:
        self.name = name
        self.events = sorted(sorted(events, key=_BY_NAME), key=_BY_TIME)  # R20
        self.ambiguous: dict[str, list[str]] = {}
        self._registered: dict[tuple[str, str], ModelVersion] = {}
        self._by_commit: dict[str, list[ModelVersion]] = {}
        self._by_stage: dict[str, list[RegistryEvent]] = {}
        self._register()
        self._assign()
        self.versions = list(self._registered.values())  # made in the order of their first tags
        bare = [version for versions in self._by_commit.values() for version in versions if not version.direct]
        if bare:
            self.versions = sorted([*self.versions, *bare], key=_FIRST_SEEN)

    def _register(self) -> None:
        registered, by_commit = self._registered, self._by_commit
        for event in self.events:
            name = event.tag.version
            if name is not None:
                key = (name, event.commit)
                version = registered.get(key)
                if version is None:
                    version = registered[key] = ModelVersion(*key)
                    by_commit.setdefault(event.commit, []).append(version)
                version.direct.append(event)

    def _assign(self) -> None:
        by_commit, by_stage = self._by_commit, self._by_stage
        for event in self.events:
            stage = event.tag.stage
            if stage is not None:
                candidates = by_commit.get(event.commit)
                if candidates is None:  # R23; one object per commit, however many tags (B3)
                    candidates = by_commit[event.commit] = [ModelVersion(event.commit, event.commit)]
                elif len(candidates) > 1:
                    self.ambiguous[event.commit] = [version.name for version in candidates]
                    continue
                candidates[0].assignments.setdefault(stage, []).append(event)
                by_stage.setdefault(stage, []).append(event)

    @property
    def deprecated(self) -> bool:
        """Whether the newest event of any kind is a deprecation; a tie counts against it (R40)."""
        return _newest_is(self.events, Event.DEPRECATION)

    @property
    def has_ties(self) -> bool:
        """Whether a stage has two events in one second (B11); those on ambiguous commits are not looked at."""
        return any(len({event.time for event in events}) != len(events) for events in self._by_stage.values())

    @property
    def stages(self) -> list[str]:
        """Every stage that any of its tags names, in order of the names."""
        return sorted(self._by_stage)

    def holder(self, stage: str, *, sort: Sort = "time", before: OrderKey | None = None) -> Holder | None:
        """Which version the stage has now, or had just before an event (R31–R37).

        Raises Refused (ambiguous-version) where tags of this model cannot be given one meaning (R25).
        """
        if sort == "semver":
            return max(self.holders(stage, before=before), key=lambda held: _GREATEST(held.version), default=None)
        if self.ambiguous:
            self.require_unambiguous()
        events = _until(self._by_stage.get(stage, ()), before)
        if events and before is None and (len(events) == 1 or events[-2][3] != events[-1][3]):
            last = events[-1]  # alone in its second, as nearly always: nothing is to be compared
            version = self._by_commit[last.commit][0]
            if last.tag.event is _ASSIGNMENT and version.is_active():
                return Holder(version, last)
        return self._oldest_of_newest(events, stage, before)

    def _oldest_of_newest(self, events: Sequence[RegistryEvent], stage: str, before: OrderKey | None) -> Holder | None:
        """Of the versions that were given the stage last, in one second, the one that is oldest (R31, R32)."""
        seen: set[str] = set()
        newest: list[Holder] = []
        for event in reversed(events):
            if newest and newest[0].event.time != event.time:
                break
            if event.commit not in seen:  # else a newer one has said more about that version
                seen.add(event.commit)
                version = self._by_commit[event.commit][0]
                if version.is_in(stage, before) and version.is_active(before):
                    newest.append(Holder(version, event))
        return min(newest, key=lambda held: held.age(before)) if len(newest) > 1 else next(iter(newest), None)

    def holders(self, stage: str, *, before: OrderKey | None = None) -> list[Holder]:
        """All active versions whose assignment to the stage was never undone, in the order of their first ones.

        Raises Refused (ambiguous-version).
        """
        self.require_unambiguous()
        commits = dict.fromkeys(event.commit for event in _until(self._by_stage.get(stage, ()), before))
        return [
            Holder(version, event)
            for version in (self._by_commit[commit][0] for commit in commits)
            if version.is_in(stage, before) and version.is_active(before)
            if (event := version.assigned(stage, before)) is not None
        ]

    def latest(self) -> ModelVersion | None:
        """The greatest active version; bare commits only if there is nothing else (R42)."""
        greatest: ModelVersion | None = None
        reached: PrecedenceKey = (-1, 0, 0, False, ())
        for version in reversed(self.versions):  # in order, so of equal ones the later is met first (B20)
            if version.direct:
                precedence = precedence_of(version.name)
                if precedence > reached and version.is_active():
                    greatest, reached = version, precedence
        if greatest is not None:
            return greatest
        return max((version for version in self.versions if not version.direct), key=_NAME, default=None)

    def find(self, name: str) -> ModelVersion | None:
        """A version by its exact name; of several (R26), the one registered last that is active."""
        named = [version for version in self.versions if version.name == name]
        return max(named, key=lambda version: (version.is_active(), version.first_seen), default=None)

    def at(self, commit: str) -> list[ModelVersion]:
        """The versions on a commit: usually one, none, or several (R25)."""
        return list(self._by_commit.get(commit, ()))

    def version_of(self, event: RegistryEvent) -> ModelVersion | None:
        """The version that an event is about: the one registered on its commit (R22); None for a deprecation.

        Raises Refused (ambiguous-version) where there are several.
        """
        if event.tag.event is Event.DEPRECATION:
            return None
        if event.tag.version is not None:
            return self._registered[event.tag.version, event.commit]
        if event.commit in self.ambiguous:
            self.require_unambiguous()
        return self._by_commit[event.commit][0]

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


def _until(events: Sequence[RegistryEvent], before: OrderKey | None) -> Sequence[RegistryEvent]:
    """The events that came before a moment of the history; all of them for None."""
    return events if before is None else [event for event in events if event.order < before]


def _newest_is(events: Sequence[RegistryEvent], kind: Event) -> bool:
    """Whether the newest event is of that kind and no event of another kind shares its second."""
    if not events or events[-1].tag.event is not kind:
        return False
    newest = events[-1].time
    for at in range(len(events) - 2, -1, -1):
        if events[at].time != newest:
            return True
        if events[at].tag.event is not kind:
            return False
    return True
