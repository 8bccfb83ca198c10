"""What a change of one model is decided on: all its tags, who holds what, which names are free, what time it is.

Rules R48–R50 of docs/reference/tags.md, B12, B13. Which changes are right is decided in writing_versions.py and
writing_stages.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from model_stage_deploy.core.errors import ModelStageError, Refused
from model_stage_deploy.core.model import Holder, Model, ModelVersion, TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.tags import Event, GtoTag, NotGtoTag, parse_tag, require_model_name, tag_artifact
from model_stage_deploy.core.writing import PROGRAM, Change, How, Made, Move, NewTag, Seat, quoted

FARTHEST_AHEAD = 300
"""Seconds by which the model's newest event may be ahead of our clock: two clocks are never quite alike."""


class Ledger:
    """One model as it is before a change.

    `records` are all its tags, lightweight and broken ones included. `elsewhere` are names that are taken although
    they do not count (tags of a clone that were not pushed). `stages` are those that `.gto` allows, None for all;
    `now` is in unix seconds.
    """

    __slots__ = ("counter", "model", "name", "now", "records", "stages", "taken", "versions")

    def __init__(
        self,
        name: str,
        records: Sequence[TagRecord],
        *,
        now: float,
        stages: Sequence[str] | None = None,
        elsewhere: Iterable[str] = (),
    ) -> None:
        self.name = require_model_name(name)
        self.records = tuple(records)
        self.now = int(now)
        self.stages = None if stages is None else tuple(stages)
        self.model = _folded(name, records)
        self.taken = frozenset(record.name for record in records) | frozenset(elsewhere)
        known = [tag for tag in map(_parsed, self.taken) if tag is not None and tag.model == name]
        self.counter = max((tag.counter or 0 for tag in known), default=0)
        """The greatest counter of any tag, whatever it says (R48)."""
        self.versions = frozenset(tag.version for tag in known if tag.version is not None)
        """Every version that a tag names, whether it counts or not."""

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever said about the model."""
        return not self.model.events

    def require_known(self) -> None:
        """Raise Refused (unknown-model) for a model without events."""
        if self.is_new:
            raise Refused(
                Reason.UNKNOWN_MODEL,
                f"the registry has no model {self.name!r}",
                hint=f"see what there is with {PROGRAM} show; a new model begins with {PROGRAM} register {self.name}",
            )

    def require_allowed(self, stage: str) -> None:
        """Raise Refused (stage-not-allowed) where `.gto` does not name the stage (R61)."""
        if self.stages is not None and stage not in self.stages:
            allowed = f"it allows {', '.join(self.stages)}" if self.stages else "it allows none"
            raise Refused(
                Reason.STAGE_NOT_ALLOWED,
                f"the stage {stage} is not allowed by `stages` in .gto or GTO_STAGES: {allowed}",
                hint="take one of those, or add it to `stages` in .gto",
            )

    def require_alone(self, version: ModelVersion) -> ModelVersion:
        """The version itself; Refused (ambiguous-version) where its commit has others, so that a stage means none."""
        here = self.model.at(version.commit)
        if len(here) > 1:
            names = ", ".join(other.name for other in here)
            extra = [event.tag.text for other in here[1:] for event in other.direct]
            raise Refused(
                Reason.AMBIGUOUS_VERSION,
                f"commit {version.commit[:12]} has {len(here)} versions of {self.name} ({names}): "
                "a stage that is given to the commit would name none of them",
                hint="give each version a commit of its own; delete what registered the others, "
                f"e.g. git push --delete origin {quoted(*extra[:4])}",
            )
        return version


class Draft:
    """The tags of one change, while it is decided: each gets a free name, and each is later than the one before."""

    def __init__(self, ledger: Ledger, how: How) -> None:
        self.ledger = ledger
        self.how = how
        self.notes: list[str] = []
        self._taken = set(ledger.taken)
        self._counter = ledger.counter
        self._made: list[tuple[str, str, str, Event, str | None, str | None]] = []

    def add(
        self, event: Event, commit: str, message: str, *, version: str | None = None, stage: str | None = None
    ) -> None:
        """One more tag. Raises Refused (tag-exists) where Git cannot store any name of its kind."""
        simple = self.how.simple
        if simple is None:
            simple = event not in (Event.ASSIGNMENT, Event.UNASSIGNMENT)  # R49
        stem = _stem(event, self.ledger.name, version if stage is None else None, stage)
        name = self._free(stem, simple=simple)
        self._taken.add(name)
        self._made.append((name, commit, message, event, version, stage))

    def _free(self, stem: str, *, simple: bool) -> str:
        """The simple name, or the next counted one; what exists is never moved or reused (R48, R50, B13, B17)."""
        if simple:
            parse_tag(stem)
            if self._blocker(stem) is None:
                return stem
        name = f"{stem}#{self._counter + 1}"
        parse_tag(name)
        blocker = self._blocker(name)
        if blocker is not None:
            raise Refused(
                Reason.TAG_EXISTS,
                f"Git cannot store the tag {name!r} beside {blocker!r}: one is a directory of the other",
                hint=f"end what it says, then delete it: git push --delete origin {quoted(blocker)}",
            )
        if simple:
            self.notes.append(f"the tag {quoted(stem)} is taken, so the next free counter was used")
        self._counter += 1
        return name

    def _blocker(self, name: str) -> str | None:
        """The tag that keeps Git from storing a new one: of that name, above or below it as files are."""
        if name in self._taken:
            return name
        parts = name.split("/")
        above = ("/".join(parts[:end]) for end in range(1, len(parts)))
        blocker = next((other for other in above if other in self._taken), None)
        return blocker or next((other for other in self._taken if other.startswith(f"{name}/")), None)

    def conclude(
        self,
        reason: Reason,
        meant: Callable[[Model], bool],
        *,
        version: str | None = None,
        stage: str | None = None,
        commit: str | None = None,
        chosen: bool = False,
    ) -> Change:
        """The change, after a look at the registry that it makes: `meant` says whether that is what was asked.

        Raises Refused (clock-skew).
        """
        ledger = self.ledger
        times = _times(ledger, len(self._made))
        made = tuple(
            Made(NewTag(name, on, message, time), event, of, given)
            for time, (name, on, message, event, of, given) in zip(times, self._made, strict=True)
        )
        after = _folded(ledger.name, [*ledger.records, *(_record(tag.tag) for tag in made)])
        if not meant(after):
            raise ModelStageError(
                Reason.INTERNAL_ERROR,
                f"the tags {quoted(*(tag.tag.name for tag in made))} would not mean what was asked; nothing was made",
                hint="please report it with the output of `history`",
            )
        moves = _moves(ledger.model, after)
        if ledger.model.deprecated and not after.deprecated:
            self.notes.append(f"{ledger.name} was deprecated; any later event takes that back, and so does this one")
        return Change(
            reason=reason,
            model=ledger.name,
            made=made,
            version=version,
            stage=stage,
            commit=commit,
            replaced=None if stage is None or seat(after, stage) == (had := seat(ledger.model, stage)) else had,
            moves=moves,
            notes=tuple(self.notes),
            chosen=chosen,
        )


def seat(model: Model, stage: str) -> Seat | None:
    """What a stage has; None also where that cannot be known (an ambiguous model)."""
    return None if model.ambiguous else seated(model.holder(stage))


def seated(holder: Holder | None) -> Seat | None:
    """A holder as a plain value."""
    return None if holder is None else Seat(holder.version.name, holder.version.commit, holder.event.tag.text)


def _moves(before: Model, after: Model) -> tuple[Move, ...]:
    if before.ambiguous or after.ambiguous:
        return ()
    moves = (Move(stage, seat(before, stage), seat(after, stage)) for stage in after.stages)
    return tuple(move for move in moves if _what(move.before) != _what(move.after))


def _what(held: Seat | None) -> tuple[str, str] | None:
    return None if held is None else (held.version, held.commit)


def _times(ledger: Ledger, count: int) -> range:
    """Tagger times: the seconds up to now, but each after all that is there (R20, R28, R32, B11, B12)."""
    newest = ledger.model.events[-1] if ledger.model.events else None
    if newest is None:
        return range(ledger.now - count + 1, ledger.now + 1)
    ahead = newest.time - ledger.now
    if ahead > FARTHEST_AHEAD:
        raise Refused(
            Reason.CLOCK_SKEW,
            f"the newest tag of {ledger.name}, {quoted(newest.tag.text)}, is dated {_date(newest.time)}, "
            f"{ahead} seconds from now: a tag made now would not count",
            hint="set this machine's clock right; if the tag's date is wrong, delete the tag and make the change "
            f"anew: git push --delete origin {quoted(newest.tag.text)}",
        )
    first = max(newest.time + 1, ledger.now - count + 1)
    return range(first, first + count)


def _date(time: int) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(time, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return f"@{time}"


def _folded(name: str, records: Iterable[TagRecord]) -> Model:
    return fold(records).models.get(name) or Model(name)


def _record(tag: NewTag) -> TagRecord:
    return TagRecord(tag.name, "", annotated=True, commit=tag.commit, time=tag.time, inner_name=tag.name)


def _parsed(name: str) -> GtoTag | None:
    try:
        return parse_tag(name)
    except NotGtoTag:
        return None


def _stem(event: Event, model: str, version: str | None, stage: str | None) -> str:
    mark = "!" if event in (Event.DEREGISTRATION, Event.UNASSIGNMENT) else ""
    what = f"#{stage}" if stage is not None else f"@{version}" if version is not None else "@deprecated"
    return f"{tag_artifact(model)}{what}{mark}"
