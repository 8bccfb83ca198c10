"""What each stage had when: the tags' side against Model.holder, the deployments' side by cases and by properties."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.lifecycle import Lifecycle, Recorded, Records, lifecycle, now_running
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.timeline import Span, decided_spans, ran_spans
from tests.core.tag_records import START, commit, model, record
from tests.core.test_lifecycle import V1, V2, at, recorded, standing, undeployed

TWO = ("m@v1.0.0 A @0", "m@v2.0.0 B @10")


def told(spans: Sequence[Span]) -> list[tuple[str, int, int | None, str]]:
    """Version, begin and end in seconds after START, source."""
    return [
        (span.version, int(span.begin) - START, None if span.end is None else int(span.end) - START, span.source)
        for span in spans
    ]


# --- decided


CASES = {
    "the newest wins": (
        ("m#prod#1 A @20", "m#prod#2 B @30", "m#prod#3 A @40"),
        [("v1.0.0", 20, 30, "m#prod#1"), ("v2.0.0", 30, 40, "m#prod#2"), ("v1.0.0", 40, None, "m#prod#3")],
    ),
    "again is no break": (("m#prod#1 A @20", "m#prod#2 A @30"), [("v1.0.0", 20, None, "m#prod#1")]),
    "a tie goes to the older one (R32)": (
        ("m#prod#1 B @20", "m#prod#2 A @20"),
        [("v1.0.0", 20, None, "m#prod#2")],
    ),
    "unassigning falls back (R36)": (
        ("m#prod#1 A @20", "m#prod#2 B @30", "m#prod!#3 B @40", "m#prod!#4 A @50"),
        [("v1.0.0", 20, 30, "m#prod#1"), ("v2.0.0", 30, 40, "m#prod#2"), ("v1.0.0", 40, 50, "m#prod!#3")],
    ),
    "deregistering falls back, registering brings it back (R37)": (
        ("m#prod#1 A @20", "m#prod#2 B @30", "m@v2.0.0!#3 B @40", "m@v2.0.0#4 B @50"),
        [
            ("v1.0.0", 20, 30, "m#prod#1"),
            ("v2.0.0", 30, 40, "m#prod#2"),
            ("v1.0.0", 40, 50, "m@v2.0.0!#3"),
            ("v2.0.0", 50, None, "m@v2.0.0#4"),
        ],
    ),
    "in and out within a second is never (R28)": (("m#prod#1 A @20", "m#prod!#2 A @20"), []),
    "a gap": (
        ("m#prod#1 A @20", "m#prod!#2 A @30", "m#prod#3 A @40"),
        [("v1.0.0", 20, 30, "m#prod#1"), ("v1.0.0", 40, None, "m#prod#3")],
    ),
    "an unregistered commit (R23)": (("m#prod#1 F @20",), [(commit("F"), 20, None, "m#prod#1")]),
    "named as it was called later (R24)": (("m#prod#1 F @20", "m@v3.0.0 F @30"), [("v3.0.0", 20, None, "m#prod#1")]),
    "ambiguous (R25)": (("m#prod#1 A @20", "m@v1.0.1 A @30"), []),
    "deprecation takes nothing (R41)": (
        ("m#prod#1 A @20", "m@deprecated#2 A @30"),
        [("v1.0.0", 20, None, "m#prod#1")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_decided(case: str) -> None:
    lines, spans = CASES[case]
    assert told(decided_spans(model(*TWO, *lines))) == spans


def test_no_model_no_spans() -> None:
    assert decided_spans(Model("m")) == ()


_STAGED = ["#prod", "#prod", "#prod", "#prod!", "#prod!", "#eu/dev", "#eu/dev!", "@deprecated"]
_WHAT = st.sampled_from([*_STAGED, "@v1.0.0", "@v1.0.0!", "@v2.0.0", "@v2.0.0!", "@v3.0.0"])
_HOME = {"@v1.0.0": "A", "@v2.0.0": "B", "@v3.0.0": "C"}
_STEP = st.tuples(_WHAT, st.sampled_from("ABCDEF"), st.sampled_from((0, 0, 0, 1, 60)), st.integers(0, 9))


@st.composite
def histories(draw: st.DrawFn) -> Model:
    """A model of all kinds of events, many in one second. Mostly a version keeps to its commit (else: R25, R26)."""
    second = 0
    tags = []
    for number, (what, letter, wait, dice) in enumerate(draw(st.lists(_STEP, max_size=40))):
        second += wait
        on = letter if dice == 0 else _HOME.get(what.rstrip("!"), letter)
        tags.append(record(f"m{what}#{(number * 7) % 41 + 1}", on, second=second))
    models = fold(tags).models
    return models["m"] if "m" in models else Model("m")


@given(histories())
def test_after_every_second_the_spans_have_the_holder(found: Model) -> None:
    spans = decided_spans(found)
    if found.ambiguous:
        assert spans == ()
        return
    moments = sorted({event.time for event in found.events})
    for moment, stage in itertools.product(moments, found.stages):
        holder = found.holder(stage, before=(moment + 1, ""))
        there = [
            (span.version, span.commit)
            for span in spans
            if span.stage == stage and span.begin <= moment and (span.end is None or moment < span.end)
        ]
        assert there == ([(holder.version.name, holder.version.commit)] if holder else [])
    last = {span.stage: (span.version, span.commit) for span in spans if span.end is None}
    now = {stage: found.holder(stage) for stage in found.stages}
    assert last == {stage: (held.version.name, held.version.commit) for stage, held in now.items() if held}
    for span in spans:
        event = found.event_of(span.source)
        assert event is not None
        assert event.time == span.begin
    _check_order(spans)


def _check_order(spans: Sequence[Span]) -> None:
    """By stage, each in order of time, none over another, none of no length."""
    stages = [stage for stage, _ in itertools.groupby(span.stage for span in spans)]
    assert len(stages) == len(set(stages))
    for one, other in itertools.pairwise(spans):
        assert one.end is None or one.end > one.begin
        if one.stage == other.stage:
            assert one.end is not None
            assert one.end <= other.begin


def test_many_events_take_no_time() -> None:
    letters = "ABCDEF"
    tags = [record(f"m@v{number}.0.0", letter, second=number) for number, letter in enumerate(letters)]
    tags += [
        record(f"m#{('prod', 'dev')[number % 2]}{'!' * (number % 7 == 0)}#{number}", letters[number % 6], second=number)
        for number in range(10, 20_000)
    ]
    found = fold(tags).model("m")
    begun = time.process_time()
    spans = decided_spans(found)
    assert len(spans) > 10_000
    assert time.process_time() - begun < 4, (
        "0.2 s where it was written; asking the model about each event takes minutes"
    )


# --- ran


RAN: dict[str, tuple[list[Recorded], list[tuple[str, int, int | None, str]]]] = {
    "nothing": ([], []),
    "one": ([recorded(V1, "success", 30)], [("v1.0.0", 35, None, "7")]),
    "replaced": (
        [recorded(V2, "success", 110, number="2"), recorded(V1, "inactive", 30, number="1")],
        [("v1.0.0", 35, 39, "1"), ("v2.0.0", 115, None, "2")],
    ),
    "replaced, and retired late": (
        [recorded(V2, "success", 110, number="2"), recorded(V1, "inactive", 30, number="1", updated=at(200))],
        [("v1.0.0", 35, 115, "1"), ("v2.0.0", 115, None, "2")],
    ),
    "what never was in place is not there": (
        [recorded(V2, "failure", 110, number="2"), recorded(V1, "success", 30, number="1")],
        [("v1.0.0", 35, None, "1")],
    ),
    "what failed its verification ran": (
        [
            recorded(V1, "success", 130, number="3", rollback=True),
            recorded(V2, "failure", 110, number="2", placed=True),
            recorded(V1, "inactive", 30, number="1", updated=at(136)),
        ],
        [("v1.0.0", 35, 110, "1"), ("v2.0.0", 110, 135, "2"), ("v1.0.0", 135, None, "3")],
    ),
    "it runs still, though it failed": (
        [recorded(V2, "failure", 110, number="2", placed=True), recorded(V1, "success", 30, number="1")],
        [("v1.0.0", 35, 110, "1"), ("v2.0.0", 110, None, "2")],
    ),
    "in place, being verified": ([recorded(V1, "in_progress", 30, placed=True)], [("v1.0.0", 30, None, "7")]),
    "removed": (
        [undeployed(V1, 60), recorded(V1, "inactive", 30, number="1", updated=at(69))],
        [("v1.0.0", 35, 65, "1")],
    ),
    "made inactive by hand": ([recorded(V1, "inactive", 30, number="1", updated=at(50))], [("v1.0.0", 35, 50, "1")]),
    "again over itself": (
        [recorded(V1, "success", 60, number="2"), recorded(V1, "success", 30, number="1")],
        [("v1.0.0", 35, None, "1")],
    ),
    "no time to read": (
        [recorded(V1, "success", 30, created="", updated="soon", ended="")],
        [],
    ),
    "a state that nobody knows": (
        [recorded(V2, "paused", 110, number="2"), recorded(V1, "success", 30, number="1")],
        [("v1.0.0", 35, 39, "1")],
    ),
}


@pytest.mark.parametrize("case", RAN)
def test_ran(case: str) -> None:
    records, spans = RAN[case]
    assert told(ran_spans([standing(*records)])) == spans


def test_every_stage_has_its_own() -> None:
    row = standing(recorded(V1, "success", 30))
    spans = ran_spans([row, row._replace(stage="dev"), Lifecycle("m", "none", row.state)])
    assert [span.stage for span in spans] == ["prod", "dev"]


_STATES = ("success", "success", "inactive", "failure", "error", "in_progress", "", "paused")


@st.composite
def records_of(draw: st.DrawFn) -> Recorded:
    """A record of any state, in place or not; some of which the time cannot be read."""
    made = recorded(draw(st.sampled_from((V1, V2))), draw(st.sampled_from(_STATES)), draw(st.integers(0, 600)))
    return made._replace(
        placed=draw(st.booleans()),
        action=draw(st.sampled_from(("deploy", "deploy", "deploy", "undeploy"))),
        updated=draw(st.sampled_from((made.updated, made.updated, "?"))),
    )


@given(st.lists(records_of(), max_size=12), st.booleans())
def test_spans_never_overlap_and_only_what_runs_is_open(records: list[Recorded], is_sorted: bool) -> None:
    if is_sorted:
        records.sort(key=lambda record: record.created, reverse=True)
    records = [one._replace(id=str(number)) for number, one in enumerate(records)]
    row = lifecycle(model("m@v1.0.0 A @0", "m@v2.0.0 B @10", "m#prod#1 A @20"), "prod", Records(tuple(records)))
    spans = ran_spans([row])
    _check_order(spans)
    assert all(span.end is not None for span in spans[:-1])
    if spans and spans[-1].end is None:
        running = now_running(Records(tuple(records)))
        assert running is not None
        assert (running.version, running.commit) == (spans[-1].version, spans[-1].commit)
