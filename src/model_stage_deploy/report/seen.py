"""What the deployers said when they were asked what runs: a table, sentences, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from model_stage_deploy.core.seen import Seen
from model_stage_deploy.report.columns import Block, Table


def document(seen: Seen | None) -> dict[str, Any] | None:
    """The answer for one stage; None where nobody was asked."""
    if seen is None:
        return None
    return {
        "deployer": seen.deployer or None,
        "state": seen.state or None,
        "version": seen.version or None,
        "expected": seen.expected or None,
        "agrees": seen.agrees,
        "url": seen.url,
        "sentence": seen.sentence or None,
        "facts": dict(seen.facts),
        "problem": seen.problem or None,
    }


def page(seen: Sequence[Seen]) -> Iterator[Block]:
    """For people: what each deployer saw, what is not as it should be, and why some could not tell."""
    told = [one for one in seen if not one.problem]
    if told:
        yield Table([("MODEL", "STAGE", "DEPLOYER SAYS", "VERSION", "AT"), *map(_cells, told)])
    for one in seen:
        if one.problem:
            yield f"{one.model} {one.stage}: its deployer does not say: {one.problem}"
        else:
            yield f"{one.model} {one.stage}: {difference(one)}{one.deployer}: {one.sentence}"


def difference(seen: Seen) -> str:
    """What is not as it should be, to stand before the deployer's own sentence; "" where nothing is."""
    if seen.agrees is not False:
        return ""
    should = f"{seen.expected} should run" if seen.expected else "nothing is recorded to run"
    if seen.state == "running":
        return f"{should}, but {seen.version or 'something'} does; "
    return f"{should}, but it is {seen.state}; "


def _cells(seen: Seen) -> tuple[str, ...]:
    return (seen.model, seen.stage, seen.state, seen.version or "-", seen.url or "-")
