"""Locks: what a lock is on, which freezes cover it, and when a lock is stale. Storing them is a port's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol, TypeVar

from model_stage_deploy.core.tags import slug

ALL = "*"
"""The key of everything, for a freeze."""
SKEW = 900.0
"""Seconds by which the clocks of two machines may differ before one takes the other's live lock for a dead one."""
_UNREADABLE = "?"


class Lock(Protocol):
    """A lock as it is stored; ports.LockEntry says what each means."""

    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def claim(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def since(self) -> float: ...
    @property
    def renewed(self) -> float: ...
    @property
    def lease(self) -> float: ...


L = TypeVar("L", bound=Lock)


class Locked(NamedTuple):
    """What a key is of. `model` is empty for everything, `stage` for all stages of the model."""

    model: str = ""
    stage: str = ""
    target: str = ""

    def __str__(self) -> str:
        if not self.model:
            return "everything"
        target = f" at {self.target}" if self.target else ""
        return f"{self.model} in {self.stage or 'every stage'}{target}"

    @property
    def words(self) -> str:
        """As one names it to `lock` and `unlock`."""
        return f"{self.model} {self.stage}".strip() or "--all"


def key_of(model: str, stage: str = "", target: str = "") -> str:
    """The key of a model's stage, of one target of it, or without a stage of all its stages.

    Different ones have different keys: no model or stage has a `#`, `*` or `@` in it (R3–R5).
    """
    return f"{model}#{stage or ALL}" + (f"@{target}" if target else "")


def locked_by(key: str) -> Locked:
    """What a key is of, the other way round. An unreadable lock's key is of nothing that has a name."""
    model, _, rest = key.partition("#")
    stage, _, target = rest.partition("@")
    if model == ALL:
        return Locked()
    return Locked(model, "" if stage == ALL else stage, target)


def place_of(key: str) -> str:
    """Where the lock of a key is, as one part of a ref's name. Two keys never share one."""
    return key.removeprefix(_UNREADABLE) if is_unreadable(key) else slug(key)


def unreadable(place: str) -> str:
    """The key of a lock that somebody else put in a place: what it is of is known by the place alone."""
    return f"{_UNREADABLE}{place}"


def is_unreadable(key: str) -> bool:
    """Whether the lock of that key could not be read."""
    return key.startswith(_UNREADABLE)


def covering(key: str) -> tuple[str, ...]:
    """Keys whose freeze stops a deployment of `key`, the widest first."""
    model, stage, target = locked_by(key)
    wider = [ALL, key_of(model), key_of(model, stage), key_of(model, stage, target)]
    return tuple(dict.fromkeys(wider))


def find(kind: str, key: str, entries: Iterable[L]) -> L | None:
    """The lock of that kind in the place of the key, readable or not."""
    place = place_of(key)
    return next((entry for entry in entries if entry.kind == kind and place_of(entry.key) == place), None)


def freezes_over(key: str, entries: Iterable[L]) -> list[L]:
    """Freezes that stop a deployment of `key`, the widest first. One that cannot be read stops what its place is of."""
    every = list(entries)
    return [found for wider in covering(key) if (found := find("freeze", wider, every)) is not None]


def crossing(key: str, reason: str, entries: Iterable[L]) -> list[L]:
    """Locks of deployments that would work on what `key` is of, although their key is another one.

    A deployment of a whole stage crosses each of a part of its targets. Two parts do unless they are of the same work
    (jobs of one plan, which give the same `reason`) and have no target in common.
    """
    model, stage, target = locked_by(key)
    found = []
    for entry in entries:
        other = locked_by(entry.key)
        if entry.kind == "run" and other[:2] == (model, stage) and other.target != target:
            together = entry.reason == reason and _is_apart(target, other.target)
            found += [] if together else [entry]
    return found


def _is_apart(one: str, other: str) -> bool:
    """Whether two parts of a stage's targets surely have none in common: other waves, other shards of as many, or other
    targets by name (flows/target_scope.py says how parts are called)."""
    parts = [re.fullmatch(r"(?:w(\d+))?\.?(?:(\d+)of(\d+))?", name) if name else None for name in (one, other)]
    first, second = parts
    if first and second:
        waves = (first[1], second[1])
        shards = first[2] is not None and first[3] == second[3] and first[2] != second[2]
        return (None not in waves and waves[0] != waves[1]) or shards
    if first or second or not one or not other:
        return False
    return not ({*one.split(",")} & {*other.split(",")}) - {""}


def key_in(key: str, entry: Lock) -> str:
    """The key, `key` or one that covers it, in whose place a lock is."""
    return next((wider for wider in covering(key) if place_of(wider) == place_of(entry.key)), key)


def is_stale(entry: Lock, now: float, *, unchanged: float = 0.0) -> bool:
    """Whether the owner of a lock is gone, by the little that two machines know of each other's clocks.

    `now` is unix time in seconds; `unchanged` is for how many seconds we ourselves saw the very same version of it, by
    a clock that only grows. A live owner renews well within a lease, so one whole lease without a change tells; its own
    clock tells only after SKEW on top of it. A lock without a lease, and one that cannot be read, is never stale.
    """
    if entry.lease <= 0 or is_unreadable(entry.key):
        return False
    return unchanged >= entry.lease or now - (entry.renewed + entry.lease) > SKEW
