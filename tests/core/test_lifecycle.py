"""Each state by the case that defines it, and what holds of every registry and every set of records."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.journey import Step, StepKind, journeys
from model_stage_deploy.core.lifecycle import (
    ENDED_BADLY,
    UNDER_WAY,
    Lifecycle,
    Recorded,
    Records,
    State,
    is_of,
    lifecycle,
    now_running,
    outlived,
    seconds,
    unknown,
)
from model_stage_deploy.core.reasons import Reason
from tests.core.tag_records import START, commit, model

TAGS = ("m@v1.0.0 A @0", "m@v2.0.0 B @10", "m#prod#1 A @20", "m#prod#2 B @100")
"""prod has v1.0.0 from second 20 and v2.0.0 from second 100."""
V1, V2 = ("v1.0.0", "A", "m#prod#1"), ("v2.0.0", "B", "m#prod#2")


def at(second: int) -> str:
    minute, second = divmod(second, 60)
    return f"2023-11-14T22:{13 + (minute + (20 + second) // 60):02}:{(20 + second) % 60:02}Z"


def recorded(
    of: tuple[str, str, str], state: str, second: int, *, rollback: bool = False, number: str = "7", **facts: Any
) -> Recorded:
    """A record of V1 or V2, started `second` seconds after START; `facts` are further fields."""
    version, letter, tag = of
    outcome = {"inactive": "success"}.get(state, state if state in ("success", *ENDED_BADLY) else "")
    ended = at(second + 5) if outcome else ""
    record = Recorded(number, version, commit(letter), tag, state, rollback, at(second), at(second + 9), outcome, ended)
    return record._replace(**{"placed": outcome == "success"} | facts)


def undeployed(of: tuple[str, str, str], second: int) -> Recorded:
    """A record of an undeployment that ended well."""
    return recorded(of, "inactive", second, action="undeploy", outcome="", placed=False)


def standing(*records: Recorded, tags: tuple[str, ...] = TAGS, whole: bool = True) -> Lifecycle:
    """How prod stands; the newest record first."""
    return lifecycle(model(*tags), "prod", Records(records, whole))


def test_the_seconds_of_the_cases_are_right() -> None:
    assert [seconds(at(second)) for second in (0, 20, 59, 100)] == [START + second for second in (0, 20, 59, 100)]
    assert [seconds(text) for text in ("", "yesterday", "2023-99-01T00:00:00Z")] == [None, None, None]


CASES: dict[str, tuple[list[Recorded], State, str | None]] = {
    "nothing was ever deployed": ([], State.APPROVED, None),
    "only the version before": ([recorded(V1, "success", 30)], State.APPROVED, "v1.0.0"),
    "the version before failed, too": ([recorded(V1, "failure", 30)], State.APPROVED, None),
    "the version before went inactive": ([recorded(V1, "inactive", 30)], State.APPROVED, None),
    "created, no status yet": ([recorded(V2, "", 110), recorded(V1, "success", 30)], State.DEPLOYING, "v1.0.0"),
    "under way": ([recorded(V2, "in_progress", 110), recorded(V1, "success", 30)], State.DEPLOYING, "v1.0.0"),
    "the one before is still under way": ([recorded(V1, "in_progress", 30)], State.DEPLOYING, None),
    "deployed": ([recorded(V2, "success", 110), recorded(V1, "inactive", 30)], State.DEPLOYED, "v2.0.0"),
    "failed while the old one runs": (
        [recorded(V2, "failure", 110), recorded(V1, "success", 30)],
        State.FAILED,
        "v1.0.0",
    ),
    "failed, and nothing else": ([recorded(V2, "error", 110)], State.FAILED, None),
    "failed by a clock behind the tagger's": ([recorded(V2, "failure", 40)], State.FAILED, None),
    "failed again where it ran": ([recorded(V2, "failure", 150), recorded(V2, "success", 110)], State.FAILED, "v2.0.0"),
    "a failed rollback": (
        [recorded(V1, "failure", 150, rollback=True), recorded(V2, "success", 110)],
        State.FAILED,
        "v2.0.0",
    ),
    "rolled back": (
        [recorded(V1, "success", 150, rollback=True), recorded(V2, "inactive", 110)],
        State.ROLLED_BACK,
        "v1.0.0",
    ),
    "a rollback before the decision": ([recorded(V1, "success", 60, rollback=True)], State.APPROVED, "v1.0.0"),
    "rolled back to what the tag says": ([recorded(V2, "success", 150, rollback=True)], State.DEPLOYED, "v2.0.0"),
    "an older tag deployed over it": (
        [recorded(V1, "success", 150), recorded(V2, "inactive", 110)],
        State.APPROVED,
        "v1.0.0",
    ),
    "made inactive, nothing newer": ([recorded(V2, "inactive", 110)], State.REMOVED, None),
    "being verified": (
        [recorded(V2, "in_progress", 110, placed=True), recorded(V1, "success", 30)],
        State.DEPLOYING,
        "v2.0.0",
    ),
    "failed its verification, and runs": (
        [recorded(V2, "failure", 110, placed=True), recorded(V1, "success", 30)],
        State.FAILED,
        "v2.0.0",
    ),
    "its run died while it was verified": (
        [recorded(V2, "error", 110, placed=True), recorded(V1, "success", 30)],
        State.FAILED,
        "v2.0.0",
    ),
    "rolled back automatically": (
        [
            recorded(V1, "success", 150, rollback=True, automatic=True, previous="v2.0.0"),
            recorded(V2, "failure", 110, placed=True),
            recorded(V1, "inactive", 30),
        ],
        State.ROLLED_BACK,
        "v1.0.0",
    ),
    "the automatic rollback failed its verification, too": (
        [recorded(V1, "failure", 150, rollback=True, automatic=True, placed=True), recorded(V2, "failure", 110)],
        State.FAILED,
        "v1.0.0",
    ),
    "undeployed": ([undeployed(V2, 150), recorded(V2, "inactive", 110)], State.REMOVED, None),
    "undeployed, and what ran could not be retired": (
        [undeployed(V2, 150), recorded(V2, "success", 110)],
        State.REMOVED,
        None,
    ),
    "being undeployed": (
        [recorded(V2, "in_progress", 150, action="undeploy"), recorded(V2, "success", 110)],
        State.DEPLOYING,
        "v2.0.0",
    ),
    "could not be undeployed": (
        [recorded(V2, "failure", 150, action="undeploy"), recorded(V2, "success", 110)],
        State.FAILED,
        "v2.0.0",
    ),
    "a state that nobody knows": ([recorded(V2, "destroyed", 110)], State.UNKNOWN, None),
}


@pytest.mark.parametrize(("records", "state", "running"), CASES.values(), ids=CASES)
def test_the_states(records: list[Recorded], state: State, running: str | None) -> None:
    row = standing(*records)
    assert (row.state, row.running.version if row.running else None) == (state, running)
    assert row.holder is not None and row.holder.version.name == "v2.0.0"
    if state is not State.UNKNOWN:
        assert row.differs == (running != "v2.0.0")
    assert row.needs_attention == (state is State.FAILED or (row.differs and state is not State.DEPLOYING))


EMPTIED = (*TAGS, "m#prod!#3 A @200", "m#prod!#4 B @201")
DEREGISTERED = (*TAGS[:3], "m@v1.0.0! A @200")
OF_EMPTY: dict[str, tuple[list[Recorded], State, bool]] = {
    "nothing there": ([], State.REMOVED, False),
    "still running": ([recorded(V1, "success", 30)], State.DEPLOYED, True),
    "made inactive": ([recorded(V1, "inactive", 30)], State.REMOVED, False),
    "only failures": ([recorded(V1, "failure", 30)], State.REMOVED, False),
    "under way": ([recorded(V1, "in_progress", 30)], State.DEPLOYING, False),
}


@pytest.mark.parametrize("tags", [EMPTIED, DEREGISTERED], ids=["unassigned", "deregistered"])
@pytest.mark.parametrize(("records", "state", "differs"), OF_EMPTY.values(), ids=OF_EMPTY)
def test_a_stage_that_was_emptied(
    tags: tuple[str, ...], records: list[Recorded], state: State, *, differs: bool
) -> None:
    row = standing(*records, tags=tags)
    assert (row.holder, row.state, row.differs) == (None, state, differs)


def test_a_version_registered_again_on_another_commit_is_not_the_one_that_runs() -> None:
    tags = ("m@v1.0.0 A @0", "m#prod#1 A @20", "m@v1.0.0!#2 A @50", "m@v1.0.0#3 B @60", "m#prod#4 B @70")
    row = standing(recorded(V1, "success", 30), tags=tags)
    assert (row.state, row.differs) == (State.APPROVED, True)


def test_a_record_without_a_commit_is_known_by_its_version() -> None:
    row = standing(recorded(V2, "success", 110)._replace(commit=""))
    assert (row.state, row.differs) == (State.DEPLOYED, False)


def test_what_was_not_read_is_not_called_nothing() -> None:
    failed_before = standing(*[recorded(V1, "failure", 30)] * 3, whole=False)
    assert (failed_before.state, failed_before.running_known) == (State.UNKNOWN, False)
    assert failed_before.reason is Reason.GITHUB_FAILED and "older ones were not read" in failed_before.problem
    failed_now = standing(*[recorded(V2, "failure", 110)] * 3, whole=False)
    assert (failed_now.state, failed_now.running_known, failed_now.differs) == (State.FAILED, False, False)
    settled = standing(recorded(V2, "success", 110), whole=False)
    assert (settled.state, settled.running_known) == (State.DEPLOYED, True)


def test_ambiguous_tags_hide_what_is_decided_and_not_what_runs() -> None:
    tags = ("m@v1.0.0 A", "m@v2.0.0 A", "m#prod#1 A")
    row = standing(recorded(V1, "success", 30), tags=tags)
    assert (row.state, row.holder, row.reason) == (State.UNKNOWN, None, Reason.AMBIGUOUS_VERSION)
    assert row.running is not None
    assert unknown(model(*tags), "prod").reason is Reason.AMBIGUOUS_VERSION


def test_unknown_is_never_shown_as_not_deployed() -> None:
    problem = MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 502\nmore", hint="again")
    for row in (unknown(model(*TAGS), "prod"), unknown(model(*TAGS), "prod", problem)):
        assert (row.state, row.running, row.running_known, row.differs) == (State.UNKNOWN, None, False, False)
        assert row.holder is not None and not row.needs_attention
    assert (row.reason, row.problem, row.hint) == (Reason.GITHUB_FAILED, "GitHub answered 502", "again")


def _steps(steps: tuple[Step, ...]) -> list[str]:
    return [f"{step.stage} {step.kind.value}".strip() for step in steps]


def test_the_way_of_a_version_through_the_stages() -> None:
    of = model("m@v1.0.0 A @0", "m#staging#1 A @10", "m#prod#2 A @100", "m@v2.0.0 B @300")
    staging = lifecycle(of, "staging", Records((recorded(("v1.0.0", "A", "m#staging#1"), "success", 20, number="1"),)))
    prod = lifecycle(
        of,
        "prod",
        Records(
            (
                recorded(("v1.0.0", "A", "m#prod#2"), "inactive", 150, number="3"),
                recorded(("v1.0.0", "A", "m#prod#2"), "failure", 110, number="2"),
            )
        ),
    )
    newest, oldest = journeys(of, [staging, prod], newest=3)
    assert (newest.version, _steps(newest.steps)) == ("v2.0.0", ["registered"])
    assert _steps(oldest.steps) == [
        "registered",
        "staging approved",
        "staging deployed",
        "prod approved",
        "prod failed",
        "prod deployed",
        "prod removed",
    ]
    assert [step.ok for step in oldest.steps] == [True, True, True, True, False, True, True]
    assert [step.tag or step.deployment for step in oldest.steps] == [
        "m@v1.0.0", "m#staging#1", "1", "m#prod#2", "2", "3", "3",
    ]  # fmt: skip
    assert oldest.steps[-1].time == START + 159


def test_journeys_are_of_the_newest_and_of_those_that_are_in_use() -> None:
    of = model(*(f"m@v{number}.0.0 {letter}" for number, letter in enumerate("ABCDEF", start=1)), "m#prod#1 B")
    running = lifecycle(of, "prod", Records((recorded(V1, "success", 900),)))
    assert [journey.version for journey in journeys(of, [running], newest=2)] == [
        "v6.0.0",
        "v5.0.0",
        "v2.0.0",
        "v1.0.0",
    ]
    rollback = recorded(V1, "success", 900, rollback=True)
    last = journeys(of, [running._replace(records=(rollback,))], newest=1)[-1].steps[-1]
    assert (last.kind, last.rollback) == (StepKind.DEPLOYED, True)


RECORDS = st.builds(
    recorded,
    st.sampled_from([V1, V2, ("v9.0.0", "F", "m#prod#9")]),
    st.sampled_from(["success", "inactive", "failure", "error", "", "in_progress", "queued", "pending", "destroyed"]),
    st.integers(0, 300),
    rollback=st.booleans(),
    action=st.sampled_from(["deploy", "deploy", "deploy", "undeploy"]),
).flatmap(lambda record: st.just(record) if record.placed else st.builds(record._replace, placed=st.booleans()))
REGISTRIES = st.sampled_from([TAGS, EMPTIED, DEREGISTERED, TAGS[:2], ("m@v1.0.0 A", "m@v2.0.0 A", "m#prod#1 A")])


@given(tags=REGISTRIES, records=st.lists(RECORDS, max_size=5), whole=st.booleans())
def test_what_holds_of_every_stage(tags: tuple[str, ...], records: list[Recorded], whole: bool) -> None:
    row = standing(*records, tags=tags, whole=whole)
    first = next((record for record in records if record.settles), None)
    if row.running is not None:
        assert row.running is first and row.running.placed and row.running_known
        assert row.running.state != "inactive" and row.running.action == "deploy"
    if row.state is not State.UNKNOWN:
        assert row.running == now_running(Records(tuple(records), whole))
    if row.state is State.DEPLOYED:
        assert row.running is not None
        assert row.holder is None or is_of(row.running, row.holder.version)
    if row.state in (State.ROLLED_BACK, State.REMOVED):
        assert row.differs or row.holder is None
    if row.state is State.FAILED:
        assert records[0].state in ENDED_BADLY and row.needs_attention
    if row.state is State.DEPLOYING:
        assert records[0].state in UNDER_WAY
    if row.state is State.UNKNOWN:
        assert row.problem and not row.differs
    if not row.running_known:
        assert row.problem
    for journey in journeys(model(*tags), [row], newest=9):
        times = [step.time for step in journey.steps]
        assert times == sorted(times)
        assert all(bool(step.tag) != bool(step.deployment) for step in journey.steps)


def test_every_order_of_two_ended_attempts_gives_one_state() -> None:
    ended = ["success", "inactive", "failure", "error"]
    for newest, older in itertools.product(ended, repeat=2):
        assert (
            standing(recorded(V2, newest, 150), recorded(V1, older, 30)).state
            in {
                "success": {State.DEPLOYED},
                "inactive": {State.REMOVED},
                "failure": {State.FAILED},
                "error": {State.FAILED},
            }[newest]
        )


def test_what_was_replaced_and_still_looks_active_is_told() -> None:
    old, new = recorded(V1, "success", 30), recorded(V2, "success", 110)
    bad, gone = recorded(V2, "failure", 120), undeployed(V2, 130)
    assert outlived(Records((new, old))) == (old,)
    assert outlived(Records((new, recorded(V1, "inactive", 50), old))) == (old,)
    assert outlived(Records((gone, new, old))) == (new, old)
    assert outlived(Records((bad, new))) == (), "what failed replaces nothing"
    assert outlived(Records((bad._replace(placed=True), new))) == ()
    assert outlived(Records((recorded(V2, "in_progress", 120), new))) == ()
    assert outlived(Records()) == ()
