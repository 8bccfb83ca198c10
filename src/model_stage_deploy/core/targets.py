"""Many targets of one stage: what a target is, waves and shards of them, and what is kept of each.

Pure. Reading them from the mapping is mapping_targets.py's; carrying them out, flows/fanout.py's; keeping what became
of each, the port TargetLog's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
"""What a target, and a label, may be called: it stands in refs, lock keys, URLs and logs."""
REST = "rest"
_PERCENT = re.compile(r"([0-9]{1,3})%")


@dataclass(frozen=True, slots=True)
class Target:
    """One place that a stage is deployed to. `vars` go over the stage's own; `labels` are for waves and selection."""

    name: str
    vars: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()


class Wave(NamedTuple):
    """Targets that may be deployed at the same time. `number` counts from 1; `name` is what selected them."""

    number: int
    name: str
    targets: tuple[Target, ...]


class Shard(NamedTuple):
    """Part `number` of `of` (both from 1) of a list: all parts together are the list, and none is larger by two."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def part(self, targets: Sequence[Target]) -> Sequence[Target]:
        """The targets of this part, in their order."""
        first, last = (len(targets) * at // self.of for at in (self.number - 1, self.number))
        return targets[first:last]


def read_shard(text: str) -> Shard:
    """`2/8`. Raises ValueError, whose text says what is wrong."""
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    shard = Shard(int(match[1]), int(match[2])) if match else Shard(0, 0)
    if not 1 <= shard.number <= shard.of:
        raise ValueError("a shard is written `2/8`: the second of eight")
    return shard


def is_wave(text: str) -> bool:
    """Whether a text may stand in `waves`: a label or the name of a target, `10%`, a count, or `rest`."""
    percent = _PERCENT.fullmatch(text)
    if percent:
        return 1 <= int(percent[1]) <= 100
    return bool(NAME.fullmatch(text)) and (not text.isdigit() or int(text) > 0)


def waves_of(targets: Sequence[Target], selectors: Sequence[str]) -> tuple[Wave, ...]:
    """The targets in waves, in the order of the list; each in the first wave that fits it.

    A selector is a label (or the name of one target), `10%` or `10` (of all targets, rounded up, from those that are in
    no wave yet), or `rest`. Without selectors there is one wave. Empty waves are left out, numbers stay. Raises
    ValueError for a label that no target has, and where targets are in no wave.
    """
    if not selectors:
        return (Wave(1, REST, tuple(targets)),) if targets else ()
    left = {target.name: target for target in targets}
    waves = []
    for number, selector in enumerate(selectors, 1):
        chosen = _chosen(selector, targets, list(left.values()))
        for target in chosen:
            del left[target.name]
        waves.append(Wave(number, selector, tuple(chosen)))
    if left:
        names = list(left)
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise ValueError(f"{len(names)} of {len(targets)} targets are in no wave: {shown}; end `waves` with `rest`")
    return tuple(wave for wave in waves if wave.targets)


def _chosen(selector: str, targets: Sequence[Target], left: list[Target]) -> list[Target]:
    percent = _PERCENT.fullmatch(selector)
    if selector == REST:
        return left
    if percent or selector.isdigit():
        count = -(-len(targets) * int(percent[1]) // 100) if percent else int(selector)
        return left[:count]
    if not any(_is_called(target, selector) for target in targets):
        raise ValueError(f"no target is called, or has the label, `{selector}`")
    return [target for target in left if _is_called(target, selector)]


def _is_called(target: Target, selector: str) -> bool:
    return selector == target.name or selector in target.labels


class TargetState(StrEnum):
    """How the newest attempt at a target stands. `started` without an end is what a run that died leaves behind;
    `not-started` says that nothing was begun in the end, at a target of which nothing was known before."""

    STARTED = "started"
    NOT_STARTED = "not-started"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    UNDEPLOYED = "undeployed"


class Good(NamedTuple):
    """What a target had when all was well with it: where it can go back to. `time` in unix seconds."""

    version: str
    commit: str
    tag: str
    time: float


class TargetRecord(NamedTuple):
    """What is kept of a target: its newest attempt, and (`good`) the last one before it that ended well.

    `digest` is over the settings that make the deployment what it is, the target's own among them. `placed` says that
    the deployer ended well, whatever verification said then; `checks` is how many verifications there were. `attempt`
    is the id of the run's attempt, `time` in unix seconds of the newest change. `had` is the version that it had when
    that began, "" for none and where it is not known: not the good one, where another was placed since and failed.
    """

    target: str
    version: str
    commit: str
    tag: str
    digest: str
    attempt: str
    state: TargetState
    time: float
    wave: int = 0
    placed: bool = False
    checks: int = 0
    rollback: bool = False
    url: str = ""
    summary: str = ""
    good: Good | None = None
    had: str = ""

    @property
    def verified(self) -> bool:
        """Whether it ended well, and at least one verification said so."""
        return self.state is TargetState.SUCCESS and self.checks > 0

    @property
    def good_now(self) -> Good | None:
        """The newest that ended well, this one included: what the next attempt finds."""
        if self.state is TargetState.SUCCESS:
            return Good(self.version, self.commit, self.tag, self.time)
        return None if self.state is TargetState.UNDEPLOYED else self.good

    @property
    def now(self) -> str:
        """The version that the target has, as far as is known; "" for none, and where that is not known."""
        if self.placed:
            return self.version
        if self.state is TargetState.UNDEPLOYED:
            return ""
        return self.had or (self.good.version if self.good is not None else "")


class TargetResult(NamedTuple):
    """What became of one target in a run. `result` is one of TARGET_RESULTS, `reason` a reason code.

    `now` is the version that it has at the end, "" where that is not known.
    """

    target: str
    wave: int
    result: str
    reason: str = ""
    message: str = ""
    now: str = ""
    seconds: float = 0.0
    url: str = ""
    verified: bool = False

    @property
    def is_good(self) -> bool:
        """Whether the target has what it should."""
        return self.result in ("deployed", "already", "undeployed")


TARGET_RESULTS: Mapping[str, str] = {
    "deployed": "It has the version, and its verification passed (where there is one).",
    "already": "It had the version before, with these settings, and was left alone.",
    "undeployed": "What it had was taken away.",
    "failed": "The deployer or the verification failed.",
    "not-started": "It was not begun, because others had failed or the run was cancelled; it is as it was.",
    "cancelled": "The run was cancelled while it was at work on it.",
    "rolled-back": "It failed, or others of its wave did, and it has the version again that it had before.",
    "rollback-failed": "It should have gone back to what it had before, and that failed: look at it.",
}


def digest_for(stage_digest: str, target: Target) -> str:
    """SHA-256 in hexadecimal digits of the stage's own settings (`targets` not among them) and this target's."""
    text = json.dumps([stage_digest, target.name, dict(target.vars), list(target.labels)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_all(stage_digest: str, targets: Iterable[Target]) -> str:
    """The same for the stage with all its targets."""
    made = hashlib.sha256(stage_digest.encode())
    for target in targets:
        made.update(digest_for(stage_digest, target).encode())
    return made.hexdigest()


def record_to_json(record: TargetRecord) -> dict[str, Any]:
    """Plain values of a record, for one line of the log."""
    values = record._asdict()
    return {**values, "state": record.state.value, "good": list(record.good) if record.good else None}


def record_from_json(value: object) -> TargetRecord:
    """A record from what `record_to_json` made. Raises ValueError for anything else."""
    if not isinstance(value, dict) or set(TargetRecord._fields) - {"good", "had"} - set(value):
        raise ValueError("no record of a target")
    known = {name: value.get(name) for name in TargetRecord._fields} | {"had": value.get("had", "")}
    texts = ("target", "version", "commit", "tag", "digest", "attempt", "url", "summary", "had")
    numbers = ("wave", "checks")
    good = known["good"]
    if (
        not all(isinstance(known[name], str) for name in texts)
        or not all(type(known[name]) is int for name in numbers)
        or type(known["time"]) not in (int, float)
        or not all(type(known[name]) is bool for name in ("placed", "rollback"))
        or not (good is None or (isinstance(good, list) and len(good) == 4))
    ):
        raise ValueError("a record of a target that makes no sense")
    if isinstance(good, list):
        if not all(isinstance(part, str) for part in good[:3]) or type(good[3]) not in (int, float):
            raise ValueError("a record of a target that makes no sense")
        known["good"] = Good(*good)
    known["state"] = TargetState(str(known["state"]))
    return TargetRecord(**known)  # type: ignore[arg-type]
