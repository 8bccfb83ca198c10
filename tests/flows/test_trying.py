"""How often a deployer is asked, when, and what is believed of what it returns."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Cancelled, DeploymentFailed, MachineryFailed
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.planning import Prepared
from model_stage_deploy.flows.trying import tried
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan

Does = Callable[[Job], Any]


def transient(after: Any = None, message: str = "busy") -> DeploymentFailed:
    return DeploymentFailed(Reason.DEPLOYER_FAILED, message, hint="wait", tail="words", retryable=True, after=after)


class Scripted:
    """Does one thing after the other; the last one again and again."""

    def __init__(self, *steps: Does | BaseException | object) -> None:
        self.steps = list(steps)
        self.jobs: list[Job] = []

    def deploy(self, job: Job, _options: object) -> Any:
        self.jobs.append(job)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, BaseException):
            raise step
        return step(job) if callable(step) else step

    undeploy = deploy


class Desk:
    """Everything that `tried` needs, and what came of it."""

    def __init__(self, *steps: Does | BaseException | object, retries: int = 4, timeout: float = 600.0) -> None:
        self.clock = FakeClock()
        self.deployer = Scripted(*steps)
        self.said: list[str] = []
        self.shown: list[str] = []
        self.plan: Plan = a_plan(timeout=timeout)
        self.retries = retries

    def job(self) -> Job:
        return Job(self.plan, "try-1", {}, self.plan.timeout, self.shown.append)

    def tried(self) -> Receipt:
        settings = StageSettings("production", "fake", retries=self.retries)
        prepared = Prepared(
            self.plan, settings, cast("Any", self.deployer), None, cast("Any", None), {}, lambda _url, _attempt: ()
        )
        context = cast("Context", SimpleNamespace(clock=self.clock))
        return tried(context, prepared, self.job(), say=self.said.append)

    def failure(self) -> DeploymentFailed:
        with pytest.raises(DeploymentFailed) as caught:
            self.tried()
        return caught.value


def test_what_goes_well_is_done_once() -> None:
    desk = Desk(Receipt(facts={"a": 1}))
    assert desk.tried().facts == {"a": 1}
    assert len(desk.deployer.jobs) == 1
    assert (desk.said, desk.clock.slept) == ([], [])


def test_what_is_worth_it_is_tried_again_as_the_same_attempt_in_the_time_that_is_left() -> None:
    desk = Desk(transient(3.0), transient(), Receipt(), timeout=100.0)
    desk.tried()
    first, second, third = desk.deployer.jobs
    assert {job.attempt for job in desk.deployer.jobs} == {"try-1"}
    assert first.timeout == 100.0
    assert second.timeout == pytest.approx(97.0)
    assert third.timeout == pytest.approx(97.0 - desk.clock.slept[1])
    assert desk.said[0] == "try 1 of 5 failed: busy; again in 3.0 s"
    assert desk.said[1].startswith("try 2 of 5 failed: busy; again in ")


def test_a_lasting_failure_is_not_tried_again() -> None:
    desk = Desk(DeploymentFailed(Reason.DEPLOYER_FAILED, "no"))
    assert desk.failure().message == "no"
    assert len(desk.deployer.jobs) == 1


@pytest.mark.parametrize("retries", [0, 1, 4, 20])
def test_at_most_as_many_retries_as_the_mapping_says(retries: int) -> None:
    desk = Desk(transient(), retries=retries, timeout=86_400.0)
    problem = desk.failure()
    assert len(desk.deployer.jobs) == retries + 1
    assert (problem.reason, problem.tail, problem.hint) == (Reason.DEPLOYER_FAILED, "words", "wait")
    assert ("tried" in problem.message) == (retries > 0)


@pytest.mark.parametrize("after", [601.0, 600.0, math.inf, 1e300])
def test_a_wait_past_the_deadline_is_a_timeout_that_tells_the_last_failure(after: float) -> None:
    desk = Desk(transient(after))
    problem = desk.failure()
    assert problem.reason is Reason.DEPLOYER_TIMEOUT
    assert "busy" in problem.message
    assert problem.tail == "words"
    assert desk.clock.slept == []


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(), st.text()), max_size=30), st.integers(0, 20))
def test_whatever_a_deployer_wishes_no_more_time_is_spent_than_there_is(wishes: list[Any], retries: int) -> None:
    desk = Desk(*[transient(wish) for wish in wishes], Receipt(), retries=retries, timeout=60.0)
    begun = desk.clock.monotonic()
    try:
        desk.tried()
    except DeploymentFailed as problem:
        assert problem.reason in (Reason.DEPLOYER_FAILED, Reason.DEPLOYER_TIMEOUT)
    assert desk.clock.monotonic() - begun < 60.0
    assert len(desk.deployer.jobs) <= retries + 1
    assert all(0 < job.timeout <= 60.0 for job in desk.deployer.jobs)
    assert all(pause >= 0 for pause in desk.clock.slept)


@pytest.mark.parametrize("defect", [KeyError("x"), SystemExit(3), AssertionError(), RecursionError("deep")])
def test_a_defect_is_a_failure_and_not_tried_again(defect: BaseException) -> None:
    desk = Desk(defect)
    problem = desk.failure()
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert f"broke: {type(defect).__name__}" in problem.message
    assert len(desk.deployer.jobs) == 1


@pytest.mark.parametrize("ends", [Cancelled(), KeyboardInterrupt(), MachineryFailed(Reason.LOCK_LOST, "lost")])
def test_what_is_no_failure_of_the_deployment_passes_through(ends: BaseException) -> None:
    desk = Desk(transient(), ends)
    with pytest.raises(type(ends)):
        desk.tried()
    assert len(desk.deployer.jobs) == 2


class _Stopped(FakeClock):
    """Is cancelled while it sleeps."""

    def sleep(self, seconds: float) -> None:
        raise Cancelled


def test_a_cancellation_while_it_waits_passes_through() -> None:
    desk = Desk(transient())
    desk.clock = _Stopped()
    with pytest.raises(Cancelled):
        desk.tried()


@pytest.mark.parametrize("version", ["v3.1.0", "3.1.0", " v3.1.0\n", ""])
def test_the_version_of_the_plan_is_well(version: str) -> None:
    Desk(Receipt(version=version)).tried()


def test_another_version_than_the_plans_is_a_failed_deployment() -> None:
    desk = Desk(Receipt(version="v3.0.0", tail="its words"))
    problem = desk.failure()
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert "v3.0.0 is live" in problem.message
    assert problem.message.endswith("and not v3.1.0")
    assert problem.tail == "its words"
    assert len(desk.deployer.jobs) == 1


def test_the_version_of_an_undeployment_is_not_compared() -> None:
    desk = Desk(Receipt(version="v1.0.0"))
    desk.plan = replace(desk.plan, decision=replace(desk.plan.decision, action="undeploy"))
    desk.tried()


@pytest.mark.parametrize("returned", [None, {}, "v3.1.0", Receipt])
def test_whoever_returns_no_receipt_has_not_deployed(returned: object) -> None:
    problem = Desk(lambda _job: returned).failure()
    assert "no Receipt" in problem.message
    assert "return Receipt()" in problem.hint


class _Odd:
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    "facts",
    [
        {"a": math.nan, "b": [math.inf, {1: {2}}], "c": object()},
        {"deep": {"deep": {"deep": {}}}},
        {"odd": _Odd()},
        {"large": "x" * 100_000},
        None,
        7,
    ],
)
def test_facts_become_json_of_a_bounded_size(facts: Any) -> None:
    desk = Desk(Receipt(facts=facts))
    assert len(json.dumps(desk.tried().facts, allow_nan=False)) < 17_000


def test_facts_without_an_end_are_left_out() -> None:
    facts: dict[str, Any] = {}
    facts["again"] = facts
    assert set(Desk(Receipt(facts=facts)).tried().facts) == {"omitted"}


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a b", "https://me:pw@host/", "x" * 9_000, 7])
def test_a_url_that_no_browser_should_be_sent_to_is_not_used(url: Any) -> None:
    desk = Desk(Receipt(url=url))
    assert desk.tried().url is None
    assert "is not used" in "".join(desk.shown)


def test_what_threads_print_goes_each_to_its_own_output() -> None:
    barrier = threading.Barrier(8)

    def chatty(job: Job) -> Receipt:
        barrier.wait(10)
        for _ in range(50):
            print(job.plan.decision.version)
        barrier.wait(10)
        return Receipt(version=job.plan.decision.version)

    def one(number: int) -> tuple[Receipt, str]:
        desk = Desk(chatty)
        desk.plan = replace(desk.plan, decision=replace(desk.plan.decision, version=f"v{number}.0.0"))
        return desk.tried(), "".join(desk.shown)

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(one, range(8)))
    for number, (receipt, shown) in enumerate(ends):
        assert receipt.version == f"v{number}.0.0"
        assert shown == f"v{number}.0.0\n" * 50


def test_a_thread_that_a_deployer_starts_is_heard_too(capsys: pytest.CaptureFixture[str]) -> None:
    def threaded(_job: Job) -> Receipt:
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()
        return Receipt()

    desk = Desk(threaded)
    desk.tried()
    assert "".join(desk.shown) == "from a thread\n"
    print("and now as ever")
    assert capsys.readouterr().out == "and now as ever\n"
