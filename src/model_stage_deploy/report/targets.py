"""What became of many targets, for people: lines for a log, and tables for the summary's page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.target_outcome import by_result, is_bad, worst_first
from model_stage_deploy.core.target_tally import end_line, in_words, took
from model_stage_deploy.core.targets import TargetResult

_IN_LOG = 20  # bad targets that a log's last lines name
_IN_TABLE = 100  # of the summary's first table
_IN_REST = 1000  # of its second one, which is folded


class WaveRow(NamedTuple):
    """A wave in the summary: `mark` is "" where nothing was begun."""

    mark: str
    wave: str
    targets: int
    counts: str


class TargetRow(NamedTuple):
    """A target in the summary. `now` is "" where it is not known."""

    target: str
    wave: int
    result: str
    now: str
    why: str
    time: str


class TargetTables(NamedTuple):
    """The tables of one stage. `more_bad` and `more_rest` are how many were left out."""

    stage: str
    counts: str
    waves: list[WaveRow]
    bad: list[TargetRow]
    more_bad: int
    rest: list[TargetRow]
    more_rest: int


def target_lines(results: Sequence[TargetResult]) -> Iterator[str]:
    """How many have which result; and each at which something went wrong, as far as there is room."""
    if not results:
        return
    yield f"  targets: {in_words(by_result(results).items())}"
    bad = [result for result in worst_first(results) if is_bad(result)]
    yield from (f"    {end_line(result)}" for result in bad[:_IN_LOG])
    if len(bad) > _IN_LOG:
        yield f"    and {len(bad) - _IN_LOG} more"


def target_tables(outcome: Outcome) -> list[TargetTables]:
    """The tables of each stage that has targets."""
    return [_tables(part) for part in (outcome, *outcome.parts) if part.targets]


def _tables(outcome: Outcome) -> TargetTables:
    ordered = worst_first(outcome.targets)
    bad = [result for result in ordered if is_bad(result)]
    rest = ordered[len(bad) :]
    return TargetTables(
        f"{outcome.subject.model} {outcome.subject.stage}",
        in_words(by_result(outcome.targets).items()),
        _waves(outcome),
        [_row(result) for result in bad[:_IN_TABLE]],
        max(0, len(bad) - _IN_TABLE),
        [_row(result) for result in rest[:_IN_REST]],
        max(0, len(rest) - _IN_REST),
    )


def _waves(outcome: Outcome) -> list[WaveRow]:
    names = {wave.number: wave.name for wave in outcome.plan.waves} if outcome.plan else {}
    waves: dict[int, list[TargetResult]] = {}
    for result in outcome.targets:
        waves.setdefault(result.wave, []).append(result)
    return [
        WaveRow(_mark(results), f"{number} {names.get(number, '')}".strip(), len(results), _counts(results))
        for number, results in sorted(waves.items())
    ]


def _counts(results: Sequence[TargetResult]) -> str:
    return in_words(by_result(results).items())


def _mark(results: Sequence[TargetResult]) -> str:
    if any(map(is_bad, results)):
        return "❌"
    return "✅" if all(result.is_good for result in results) else ""


def _row(result: TargetResult) -> TargetRow:
    time = took(result.seconds) if result.seconds else ""
    now = "" if result.result == "rollback-failed" else result.now
    return TargetRow(result.target, result.wave, result.result, now, result.message, time)
