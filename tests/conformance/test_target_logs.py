"""What every log of targets promises: of a remote over HTTP, of a repository without one, and the one for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_stage_deploy.core.targets import TargetRecord, TargetState
from model_stage_deploy.ports import TargetLog
from tests.adapters.target_places import NOW, WHERE, a_good, a_record, targets_on
from tests.fakes.plans import HOSTILE, a_plan
from tests.fakes.target_log import FakeTargetLog
from tests.standins.git_remote import GitRemote

PLAN = a_plan()
Open = Callable[[], TargetLog]


@pytest.fixture(params=["fake", "alone", pytest.param("remote", marks=pytest.mark.thorough)])
def opened(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the same log as another user of it."""
    if request.param == "fake":
        fake = FakeTargetLog()
        yield lambda: fake
        return
    with ExitStack() as stack:
        url = ""
        if request.param == "remote":
            remote = stack.enter_context(GitRemote(tmp_path / "remotes", token="t0ken"))
            remote.add("ml/models")
            url = remote.repository_url("ml/models")
        token = "t0ken" if url else ""
        yield lambda: stack.enter_context(targets_on(tmp_path, monkeypatch, alone=not url, url=url, token=token))


def test_nothing_is_known_at_first(opened: Open) -> None:
    assert opened().read(*WHERE) == {}
    opened().join(PLAN)
    opened().add(PLAN, "a", [])
    assert opened().read(*WHERE) == {}


def test_what_was_added_is_read_by_others(opened: Open) -> None:
    full = a_record("eu-1", good=a_good(), wave=2, checks=3, rollback=True, url="https://eu.example.com", summary="up")
    opened().add(PLAN, "77-1", [full, a_record("us-1", state=TargetState.STARTED, placed=False)])
    found = opened().read(*WHERE)
    assert found["eu-1"] == full
    assert found["us-1"].state is TargetState.STARTED
    assert set(found) == {"eu-1", "us-1"}


def test_the_newest_of_a_target_counts_by_time_then_by_order(opened: Open) -> None:
    log = opened()
    log.add(PLAN, "a", [a_record("eu", NOW, summary="1"), a_record("eu", NOW, summary="2")])
    assert opened().read(*WHERE)["eu"].summary == "2"
    log.add(PLAN, "a", [a_record("eu", NOW, summary="3")])
    log.add(PLAN, "a", [a_record("eu", NOW - 1, summary="late")])
    assert opened().read(*WHERE)["eu"].summary == "3"
    opened().join(PLAN)
    opened().add(PLAN, "b", [a_record("eu", NOW, summary="after the join")])
    assert opened().read(*WHERE)["eu"].summary == "after the join"


def test_joining_changes_nothing_of_what_is_read(opened: Open) -> None:
    for part in ("a", "b", "c"):
        opened().add(PLAN, part, [a_record(f"{part}-{at}", NOW + at) for at in range(3)])
    before = opened().read(*WHERE)
    assert len(before) == 9
    for _ in range(2):
        opened().join(PLAN)
        assert opened().read(*WHERE) == before


def test_a_part_goes_on_after_it_was_joined(opened: Open) -> None:
    writer, other = opened(), opened()
    writer.add(PLAN, "a", [a_record("eu")])
    other.join(PLAN)
    writer.add(PLAN, "a", [a_record("us")])
    writer.join(PLAN)
    writer.add(PLAN, "a", [a_record("us", NOW + 1, version="v4.0.0")])
    assert {name: each.version for name, each in opened().read(*WHERE).items()} == {"eu": "v3.1.0", "us": "v4.0.0"}


def test_a_part_of_the_same_name_is_taken_in(opened: Open) -> None:
    """A run that is tried again may call its part what the one that died called it."""
    opened().add(PLAN, "a", [a_record("eu"), a_record("us", summary="died")])
    opened().add(PLAN, "a", [a_record("us", NOW + 1, summary="again")])
    found = opened().read(*WHERE)
    assert (set(found), found["us"].summary) == ({"eu", "us"}, "again")


def test_stages_and_environments_have_nothing_in_common(opened: Open) -> None:
    decision = PLAN.decision
    places = [
        PLAN,
        replace(PLAN, environment="other"),
        replace(PLAN, decision=replace(decision, stage="dev")),
        replace(PLAN, decision=replace(decision, model="a:churn")),
        replace(PLAN, decision=replace(decision, model="a/churn")),
    ]
    for number, plan in enumerate(places):
        opened().add(plan, "a", [a_record("eu", NOW + number)])
    opened().join(PLAN)
    times = [
        opened().read(plan.decision.model, plan.decision.stage, plan.environment)["eu"].time - NOW for plan in places
    ]
    assert times == [0, 1, 2, 3, 4]


def test_hostile_texts_do_nothing(opened: Open) -> None:
    texts = {f"t-{number}": text for number, text in enumerate(HOSTILE.values())}
    records = [a_record(name, version=text, tag=text, commit=text, attempt=text) for name, text in texts.items()]
    opened().add(PLAN, "a", records)
    opened().join(PLAN)
    found = opened().read(*WHERE)
    assert {name: each.version for name, each in found.items()} == texts


def test_eight_parts_at_once_lose_nothing(opened: Open) -> None:
    """Each writes while the others do, and somebody joins in between."""

    def work(part: int) -> None:
        log = logs[part]
        for at in range(4):
            log.add(PLAN, f"77-1-{part}", [a_record(f"t{part}-{at}", state=TargetState.STARTED, placed=False)])
            log.add(PLAN, f"77-1-{part}", [a_record(f"t{part}-{at}", NOW + 1)])
            if part == 0 and at == 2:
                logs[8].join(PLAN)

    logs = [opened() for _ in range(9)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    logs[8].join(PLAN)
    found = opened().read(*WHERE)
    assert len(found) == 32
    assert {each.state for each in found.values()} == {TargetState.SUCCESS}


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "join"]),
        st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 4)), min_size=1, max_size=3),
    ),
    max_size=8,
)


@pytest.mark.thorough
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=CALLS)
def test_the_real_one_tells_what_the_one_for_tests_tells(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    calls: list[tuple[str, list[tuple[str, int]]]],
) -> None:
    fake = FakeTargetLog()
    with targets_on(tmp_path_factory.mktemp("log"), monkeypatch, alone=True) as real:
        for number, (part, targets) in enumerate(calls):
            records = [a_record(name, NOW + time, summary=f"{number}") for name, time in targets]
            for log in (fake, real):
                _call(log, part, records)
        # Of two parts that say something of the same moment, it does not matter which one counts.
        assert _times(real) == _times(fake)


def _call(log: TargetLog, part: str, records: list[TargetRecord]) -> None:
    if part == "join":
        log.join(PLAN)
    else:
        log.add(PLAN, part, records)


def _times(log: TargetLog) -> dict[str, float]:
    return {name: record.time for name, record in log.read(*WHERE).items()}
