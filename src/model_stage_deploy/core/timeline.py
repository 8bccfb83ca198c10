"""What was in each stage when: by the tags (decided), and by the deployments (ran). Pure.

The way of one version through the stages is next door, in journey.py.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from model_stage_deploy.core.lifecycle import INACTIVE, SUCCESS, Lifecycle, Recorded, seconds
from model_stage_deploy.core.model import Model, ModelVersion, OrderKey, RegistryEvent
from model_stage_deploy.core.tags import Event

_TIME = attrgetter("time")


class Span(NamedTuple):
    """A version that a stage had for a while. `begin` and `end` are unix seconds; `end` is None where it still is so.

    `source` is the tag that began it, or the id of the deployment.
    """

    stage: str
    version: str
    commit: str
    begin: float
    end: float | None
    source: str


def decided_spans(model: Model) -> tuple[Span, ...]:
    """Which version each stage had, by stage, then by time; nothing where the tags are ambiguous (R25).

    The rules are those of Model.holder (R22-R37), asked after the last event of every second, but without looking at
    all of a model's events for each: what changes the holder is an event of the version or of the stage. Versions have
    the names that they have now (R24). A version that a stage has again without a break in between is one span, begun
    by the first tag; where an unassignment or a deregistration brought an older one back, that tag began it.
    """
    if model.ambiguous:
        return ()
    stages = {stage: _Stage(stage) for stage in model.stages}
    seen: dict[int, _Version] = {}
    for time, events in itertools.groupby(model.events, key=_TIME):
        touched: dict[str, RegistryEvent] = {}  # the last event of this second that may have changed the stage
        for version, own in _by_version(model, events):
            known = seen.setdefault(id(version), _Version(version))
            for stage, event in known.learn(time, own):
                touched[stage] = max(touched.get(stage, event), event, key=_ORDER)
                stages[stage].rank(known, *known.standing(stage))
        for stage, event in touched.items():
            stages[stage].settle(time, event)
    return tuple(span for stage in stages.values() for span in stage.ended())


_ORDER = attrgetter("order")


def _by_version(model: Model, events: Iterable[RegistryEvent]) -> Iterator[tuple[ModelVersion, list[RegistryEvent]]]:
    """The events of one second that concern versions, put together by version."""
    found: dict[int, tuple[ModelVersion, list[RegistryEvent]]] = {}
    for event in events:
        version = model.version_of(event)
        if version is not None:
            found.setdefault(id(version), (version, []))[1].append(event)
    yield from found.values()


class _Version:
    """What is known of a version up to a second: whether it is active, how old it is, and its stages.

    `given` has, by stage, the newest assignment of the last second in which the stage was mentioned, or None where that
    second took it away, and the first one of that second.
    """

    __slots__ = ("active", "given", "registered", "version")

    def __init__(self, version: ModelVersion) -> None:
        self.version = version
        self.active = True  # R24: before any registration it is a bare commit
        self.registered: int | None = None
        self.given: dict[str, tuple[RegistryEvent, OrderKey] | None] = {}

    def learn(self, time: int, events: Sequence[RegistryEvent]) -> Iterator[tuple[str, RegistryEvent]]:
        """Take in all events of a second; the stages where it may count otherwise now, each with what made it so."""
        direct = [event for event in events if event.tag.stage is None]
        if direct:
            self.active = all(event.tag.event is Event.REGISTRATION for event in direct)  # R27, and its tie
            if any(event.tag.event is Event.REGISTRATION for event in direct):
                self.registered = time
        by_stage: dict[str, list[RegistryEvent]] = {}
        for event in events:
            if event.tag.stage is not None:
                by_stage.setdefault(event.tag.stage, []).append(event)
        for stage, own in by_stage.items():
            is_in = all(event.tag.event is Event.ASSIGNMENT for event in own)  # R28, and its tie
            self.given[stage] = (own[-1], own[0].order) if is_in else None
        for stage in self.given if direct else by_stage:
            yield stage, (by_stage.get(stage) or direct)[-1]

    def standing(self, stage: str) -> tuple[RegistryEvent | None, tuple[int, tuple[int, bool, OrderKey]]]:
        """The assignment that counts, None for none, and its rank: the newest first, of those the oldest version."""
        given = self.given[stage]
        if given is None or not self.active:
            return None, (0, (0, False, (0, "")))
        event, first = given
        if self.registered is not None:  # as Holder.age
            return event, (-event.time, (self.registered, False, self.version.first_seen))
        return event, (-event.time, (event.time, True, first))


class _Stage:
    """Who could have a stage, best first, and who had it."""

    __slots__ = ("_counter", "_heap", "_now", "_ranked", "_spans", "stage")

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._counter = itertools.count()
        self._heap: list[tuple[object, int, int, ModelVersion, RegistryEvent]] = []
        self._ranked: dict[int, int] = {}  # version -> its entry in the heap that counts
        self._now: ModelVersion | None = None
        self._spans: list[Span] = []

    def rank(self, known: _Version, event: RegistryEvent | None, rank: object) -> None:
        """Put a version where it belongs now; what the heap said of it before does not count any more."""
        number, key = next(self._counter), id(known.version)
        self._ranked[key] = number
        if event is not None:
            heapq.heappush(self._heap, (rank, number, key, known.version, event))

    def settle(self, time: int, by: RegistryEvent) -> None:
        """Note who has the stage after this second; `by` is the last event that may have changed it."""
        while self._heap and self._ranked[self._heap[0][2]] != self._heap[0][1]:
            heapq.heappop(self._heap)
        holder = self._heap[0][3] if self._heap else None
        if holder is self._now:
            return
        if self._now is not None:
            self._spans[-1] = self._spans[-1]._replace(end=time)
        if holder is not None:
            event = self._heap[0][4]
            tag = (event if event.time == time else by).tag.text
            self._spans.append(Span(self.stage, holder.name, holder.commit, time, None, tag))
        self._now = holder

    def ended(self) -> list[Span]:
        """Its spans, in order of time."""
        return self._spans


def ran_spans(rows: Sequence[Lifecycle]) -> tuple[Span, ...]:
    """What ran in each stage, by the records of its deployments: by row, then by time.

    A success is dated at its end. What was put in place and then failed is dated at its start, as its end may have been
    written much later, by another run. A version runs until the next one is in place, or until it is taken away; only
    what runs now has no end. Of records without a readable time nothing is said; nor of those that nobody read.
    """
    return tuple(span for row in rows for span in _ran(row))


def _ran(row: Lifecycle) -> list[Span]:
    spans: list[Span] = []
    for record in reversed(row.records):
        begin = _moment(record) if record.settles else None
        if begin is None:
            continue
        if spans:
            last = spans[-1]
            begin = max(begin, last.begin)
            spans[-1] = last._replace(end=begin if last.end is None else min(last.end, begin))
        if _put_in_place(record):
            spans.append(Span(row.stage, record.version, record.commit, begin, _taken_away(record, begin), record.id))
    running = "" if row.running is None else row.running.id
    if spans and spans[-1].end is None and spans[-1].source != running:
        spans[-1] = spans[-1]._replace(end=_last_known(row, spans[-1]))
    return list(_joined(span for span in spans if span.end is None or span.end > span.begin))


def _moment(record: Recorded) -> float | None:
    """When it was put in place, or took away what was there; None where that cannot be read."""
    told: tuple[str, ...]
    if record.outcome == SUCCESS or record.action != "deploy":
        told = (record.ended, record.updated, record.created)
    elif record.placed:
        told = (record.created, record.updated)
    else:  # nobody said that it ever ran: it is known only that nothing does since it went inactive
        told = (record.updated, record.ended)
    return next((moment for text in told if (moment := seconds(text)) is not None), None)


def _taken_away(record: Recorded, begin: float) -> float | None:
    """When its host called it inactive; None where it did not, or where that cannot be read."""
    told = seconds(record.updated) if record.state == INACTIVE else None
    return None if told is None else max(told, begin)


def _put_in_place(record: Recorded) -> bool:
    return record.action == "deploy" and (record.placed or SUCCESS in (record.outcome, record.state))


def _last_known(row: Lifecycle, span: Span) -> float:
    """Until when something surely ran, where it is not known what runs now: when it was last told of."""
    record = next(record for record in row.records if record.id == span.source)
    return max(span.begin, seconds(record.updated) or span.begin, seconds(record.ended) or span.begin)


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in which a version that was deployed again, over itself, is one."""
    last: Span | None = None
    for span in spans:
        if last is not None and last.end == span.begin and (last.version, last.commit) == (span.version, span.commit):
            last = last._replace(end=span.end)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last
