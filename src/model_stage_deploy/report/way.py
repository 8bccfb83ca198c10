"""A model's way through its stages for people: a Mermaid picture, and the cells of `status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from model_stage_deploy.core.lifecycle import State
from model_stage_deploy.core.way import Spot, Way
from model_stage_deploy.report.markdown import Scrub, mermaid

_MOST = 12  # stages that a picture shows
_COLOURS = {
    State.DEPLOYED: "fill:#1a7f37,stroke:#1a7f37,color:#ffffff",
    State.FAILED: "fill:#cf222e,stroke:#cf222e,color:#ffffff",
    State.ROLLED_BACK: "fill:#9a6700,stroke:#9a6700,color:#ffffff",
    State.DEPLOYING: "fill:#bf8700,stroke:#bf8700,color:#ffffff",
    State.APPROVED: "fill:#0969da,stroke:#0969da,color:#ffffff",
    State.REMOVED: "fill:#6e7781,stroke:#6e7781,color:#ffffff",
    State.UNKNOWN: "fill:#eaeef2,stroke:#8c959f,color:#24292f",
}
WORDS = {State.ROLLED_BACK: "rolled back", State.UNKNOWN: "by tags"}
"""What people read of a state, where it is not its value."""


def decided_cell(spot: Spot) -> str:
    """What a stage has by tags, in a table: `-` for nothing, `?` for not known."""
    return "?" if spot.decided is None else spot.decided[:40] or "-"


def running_cell(spot: Spot) -> str:
    """What runs in a stage, likewise."""
    return "?" if spot.running is None else spot.running or "-"


def running_words(spot: Spot) -> str:
    """What runs in a stage, where that is not what it has by tags: `v2.0.0 is running`; "" where it is."""
    if spot.state is State.UNKNOWN or spot.running == spot.decided:
        return ""
    return "what runs is not known" if spot.running is None else f"{spot.running or 'nothing'} is running"


def picture(way: Way, happened: Mapping[str, str], scrub: Scrub) -> str:
    """The way as a Mermaid flow chart; the arrow to a stage says what `happened` there. Foreign texts are encoded."""
    shown, more = way.spots[:_MOST], len(way.spots) - _MOST
    lines = ["flowchart LR", f"  {_node('v', '([', _first(way), '])', scrub)}"]
    before = "v"
    for number, spot in enumerate(shown):
        here = f"s{number}"
        lines.append(f"  {_node(here, '[', _words(spot), ']', scrub)}")
        lines.append(f"  {before} {_arrow(way, spot, happened.get(spot.stage, ''), scrub)} {here}")
        before = here
    if more > 0:
        lines += [f'  m["and {more} more"]', f"  {before} -.-> m"]
    return "\n".join([*lines, *_classes(shown)])


def _arrow(way: Way, spot: Spot, happened: str, scrub: Scrub) -> str:
    """A word where this run went, dotted where the version does not have the stage."""
    if happened:
        return f'-- "{mermaid(scrub, happened)}" -->'
    return "-->" if way.version in (spot.decided, spot.running) else "-.->"


def _node(name: str, begin: str, told: Iterator[str], end: str, scrub: Scrub) -> str:
    return f'{name}{begin}"{"<br>".join(mermaid(scrub, line, 60) for line in told)}"{end}'


def _first(way: Way) -> Iterator[str]:
    yield way.model
    yield f"{way.version} {'registered' if way.registered else 'not registered'}"


def _words(spot: Spot) -> Iterator[str]:
    """A stage in two or three lines: its name, what it should have and how that stands, what runs if that differs."""
    yield spot.stage
    if spot.decided is None:
        yield "the tags are ambiguous"
    elif spot.decided:
        yield f"{spot.decided} {WORDS.get(spot.state, spot.state.value)}"
    else:
        yield "empty"
    if different := running_words(spot):
        yield different


def _classes(spots: tuple[Spot, ...]) -> Iterator[str]:
    for state in dict.fromkeys(spot.state for spot in spots):
        name = state.value.replace("-", "")
        here = ",".join(f"s{number}" for number, spot in enumerate(spots) if spot.state is state)
        yield f"  classDef {name} {_COLOURS[state]}"
        yield f"  class {here} {name}"
