"""Holding a lock while a deployment works: claim it, keep it, make sure of it, let it go. Freezes are honoured.

A lock is a promise among machines whose clocks differ. What makes it safe is that each change names what it replaces,
that an owner stops before others may take over, and that it looks once more just before it acts (`Hold.require`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import NamedTuple, TypeVar

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.errors import Cancelled, MachineryFailed
from model_stage_deploy.core.locks import crossing, find, freezes_over, is_stale, is_unreadable
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.flows.hold import Hold
from model_stage_deploy.ports import Clock, LockClash, LockStore
from model_stage_deploy.report.locks import already_locked, frozen, not_locked, occupied, unsettled, who

__all__ = ["Hold", "Wanted", "freeze", "held", "unlock"]

Tell = Callable[[str], None]
T = TypeVar("T")

_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.25, 1.6, 10.0  # seconds, factor, seconds
_TOLD_EVERY = 30.0  # seconds
_RETRIES = (0.5, 1.0)  # seconds of pause after a technical failure
_CLASHES = 25  # in a row, with nobody there: then the store itself does not take our lock


class Wanted(NamedTuple):
    """The lock that a deployment wants. `claim` is the id of the attempt, `lease` in seconds."""

    key: str
    claim: str
    owner: str
    reason: str
    url: str
    lease: float


@contextmanager
def held(
    store: LockStore | None,
    clock: Clock,
    wanted: Wanted,
    *,
    wait: float,
    tell: Tell,
    interrupt: Callable[[], None] = lambda: None,
) -> Iterator[Hold]:
    """Hold the lock inside; without a store, nothing. `wait` in seconds for another deployment to end.

    `tell` hears what a person should know; `interrupt` is called once, from another thread, if the lock is lost.
    Raises Refused (locked), MachineryFailed (lock-failed, permission-missing), all before anything is held. To let go
    never raises, and never hides what was raised inside.
    """
    if store is None:
        yield Hold.nothing()
        return
    hold = Hold(store, clock, wanted.claim, tell, interrupt)
    try:
        hold.begin(_Claim(store, clock, wanted, tell, hold).taken(wait))
        yield hold
    except Cancelled:
        hold.hurry = True  # a cancelled job is killed within seconds
        raise
    finally:
        hold.end()


def freeze(store: LockStore, clock: Clock, wanted: Wanted) -> tuple[LockEntry, list[LockEntry]]:
    """Lock a key until somebody unlocks it: the lock, and the deployments at work under it, which go on.

    Raises Refused (locked) where it is locked already, MachineryFailed.
    """
    there = find("freeze", wanted.key, store.entries())
    if there is not None:
        raise already_locked(wanted.key, there)
    now = clock.now()
    entry = LockEntry(
        "", "freeze", wanted.key, wanted.claim, wanted.owner, wanted.reason, wanted.url, since=now, renewed=now, lease=0
    )
    try:
        version = store.put(entry, replacing="")
    except LockClash:
        there = find("freeze", wanted.key, store.entries())
        if there is None:
            raise unsettled(wanted.key) from None
        if there.claim != wanted.claim:
            raise already_locked(wanted.key, there) from None
        version = there.version
    working = [one for one in store.entries() if one.kind == "run" and freezes_over(one.key, [entry])]
    return replace(entry, version=version), working


def unlock(store: LockStore, clock: Clock, key: str, *, run: bool, force: bool) -> list[LockEntry]:
    """Remove the freeze of a key; with `run` also the lock of a deployment that is dead, with `force` of any: of the
    stage as a whole, and of parts of its targets.

    What was removed. Raises Refused (not-locked, locked), MachineryFailed.
    """
    removed: list[LockEntry] = []
    for _ in range(_CLASHES):
        entries = store.entries()
        working = [find("run", key, entries), *crossing(key, "", entries)] if run else []
        wanted = [one for one in (find("freeze", key, entries), *working) if one is not None]
        alive = [one for one in wanted if one.kind == "run" and not is_stale(one, clock.now())]
        if alive and not force:
            raise occupied(key, alive[0], by_hand=True)
        if not wanted:
            if removed:
                return removed
            raise not_locked(key, freezes_over(key, entries), None if run else find("run", key, entries))
        try:
            for one in wanted:
                store.remove(one)
                removed.append(one)
        except LockClash:
            continue
        return removed
    raise unsettled(key)


class _Claim:
    """Getting the lock: one try after the other, until the time is over."""

    def __init__(self, store: LockStore, clock: Clock, wanted: Wanted, tell: Tell, hold: Hold) -> None:
        self._store = store
        self._clock = clock
        self._wanted = wanted
        self._tell = tell
        self._hold = hold
        self._seen: dict[str, tuple[str, float]] = {}
        """By its key, the version of another's lock that was there at the last look, and since when by our clock."""
        self._told_at: float | None = None
        self._began = clock.monotonic()

    def taken(self, wait: float) -> LockEntry:
        """The lock, ours. Raises Refused (locked), MachineryFailed (lock-failed, permission-missing)."""
        deadline = self._clock.monotonic() + wait
        entry = self._kept(self._tried(()))  # mostly nobody is there, and then there is nothing to read first
        if entry is not None:
            return entry
        pause = _FIRST_PAUSE
        in_the_way, clashes = None, 0
        while True:
            entries = self._patiently(self._store.entries)
            self._refuse_if_frozen(entries)
            in_the_way = self._in_the_way(entries)
            if in_the_way is None:
                entry = self._kept(self._tried(entries))
                if entry is not None:
                    return entry
                clashes += 1
                if clashes > _CLASHES:
                    raise unsettled(self._wanted.key)
            else:
                clashes = 0
                self._tell_of(in_the_way)
            left = deadline - self._clock.monotonic()
            if in_the_way is not None and (left <= 0 or is_unreadable(in_the_way.key)):
                raise occupied(self._wanted.key, in_the_way)
            self._clock.sleep(min(pause * self._odds(), max(left, 0.05)))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)

    def _kept(self, entry: LockEntry | None) -> LockEntry | None:
        """Our lock itself, after a look for what came before it: None where it was given back for another's that
        crosses it. Whoever comes second sees the first, as each looks after it has claimed.

        Raises Refused (locked) for a freeze, MachineryFailed.
        """
        if entry is None:
            return None
        entries = self._patiently(self._store.entries)
        self._refuse_if_frozen(entries)
        if all(self._cleared(other) for other in crossing(self._wanted.key, self._wanted.reason, entries)):
            return entry
        with suppress(LockClash):
            self._store.remove(entry)
        self._hold.is_not_there()
        return None

    def _cleared(self, other: LockEntry) -> bool:
        """Whether a lock that crosses ours is out of the way: that of a dead run is removed, so that it finds out."""
        if not self._is_dead(other):
            return False
        try:
            self._store.remove(other)
        except LockClash:
            return False
        self._tell(f"removed the lock of {who(other)}, which gave no sign of life any more")
        return True

    def _in_the_way(self, entries: Sequence[LockEntry]) -> LockEntry | None:
        """Another's lock that is not stale: of the same key, or of one that crosses it."""
        same = find("run", self._wanted.key, entries)
        found = [same] if same is not None and same.claim != self._wanted.claim else []
        found += crossing(self._wanted.key, self._wanted.reason, entries)
        return next((entry for entry in found if not self._is_dead(entry)), None)

    def _is_dead(self, entry: LockEntry) -> bool:
        """Whether a lock is stale, by all that we saw of it."""
        now = self._clock.monotonic()
        version, since = self._seen.get(entry.key, ("", 0.0))
        if entry.version != version:
            self._seen[entry.key] = entry.version, now
            since = now
        return is_stale(entry, self._clock.now(), unchanged=now - since)

    def _tried(self, entries: Sequence[LockEntry]) -> LockEntry | None:
        """The lock with our claim in it, None where somebody was quicker."""
        before = find("run", self._wanted.key, entries)
        entry = self._ours(before)

        def put() -> str:
            self._hold.may_be_there(entry)
            return self._store.put(entry, replacing=before.version if before else "")

        try:
            version = self._patiently(put)
        except LockClash:
            self._hold.is_not_there()
            return None
        entry = replace(entry, version=version)
        self._hold.may_be_there(entry)
        if before is not None and before.claim != self._wanted.claim:
            self._tell(
                f"took over the lock of {who(before)}, which gave no sign of life any more; if that run is not dead, "
                "it finds out and stops"
            )
        return entry

    def _ours(self, before: LockEntry | None) -> LockEntry:
        now = self._clock.now()
        wanted = self._wanted
        since = before.since if before is not None and before.claim == wanted.claim else now
        return LockEntry(
            version="",
            kind="run",
            key=wanted.key,
            claim=wanted.claim,
            owner=wanted.owner,
            reason=wanted.reason,
            url=wanted.url,
            since=since,
            renewed=now,
            lease=wanted.lease,
        )

    def _refuse_if_frozen(self, entries: Sequence[LockEntry]) -> None:
        found = freezes_over(self._wanted.key, entries)
        if found:
            raise frozen(self._wanted.key, found[0])

    def _tell_of(self, other: LockEntry) -> None:
        now = self._clock.monotonic()
        if self._told_at is None or now - self._told_at >= _TOLD_EVERY:
            waited = "" if self._told_at is None else f", for {format_duration(round(now - self._began))} now"
            self._told_at = now
            self._tell(f"waiting for {who(other)}{waited}")

    def _patiently(self, ask: Callable[[], T]) -> T:
        """What the store says; a technical failure is not taken for an answer at once."""
        for pause in _RETRIES:
            try:
                return ask()
            except MachineryFailed as problem:
                if problem.reason is not Reason.LOCK_FAILED:
                    raise
            self._clock.sleep(pause)
        return ask()

    def _odds(self) -> float:
        """A factor from 0.75 to 1.25 of our own, so that those who wait do not all ask at the same moment."""
        return 0.75 + zlib.crc32(self._wanted.claim.encode()) / 2**33
