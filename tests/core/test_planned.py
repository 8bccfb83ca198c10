"""What a plan promised: nothing else passes, and every difference is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from model_stage_deploy.core.errors import Invalid, Refused
from model_stage_deploy.core.plan import Plan, Previous
from model_stage_deploy.core.planned import promise_of, require_as_planned
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import Target, Wave
from tests.fakes.plans import HOSTILE, a_plan

TWO = (Wave(1, "canary", (Target("a"),)), Wave(2, "rest", (Target("b"),)))


def deciding(plan: Plan, **changes: object) -> Plan:
    """The plan with another decision."""
    return replace(plan, decision=replace(plan.decision, **changes))  # type: ignore[arg-type]


def test_what_was_planned_passes_and_so_does_all_where_nothing_was() -> None:
    require_as_planned(promise_of(a_plan()), a_plan())
    require_as_planned("", a_plan())


def test_a_deployment_may_replace_another_version_and_a_rollback_may_not() -> None:
    other = Previous("v9.9.9", "churn#prod#9", "9" * 40)
    require_as_planned(promise_of(a_plan()), deciding(a_plan(), previous=other))
    with pytest.raises(Refused, match=r"leaves v9\.9\.9 instead of v3\.0\.0") as wrong:
        require_as_planned(promise_of(a_plan(rollback=True)), deciding(a_plan(rollback=True), previous=other))
    assert wrong.value.reason is Reason.SUPERSEDED


def test_waves_that_changed_are_other_waves() -> None:
    """A job takes its part by the number of its wave: a target that goes from the second to the first has no job."""
    planned = replace(a_plan(), waves=TWO, digest="d" * 64)
    now = replace(planned, waves=(Wave(1, "all", (Target("a"), Target("b"))),))
    require_as_planned(promise_of(planned), planned)
    with pytest.raises(Refused, match="in waves") as wrong:
        require_as_planned(promise_of(planned), now)
    assert wrong.value.reason is Reason.SUPERSEDED


@pytest.mark.parametrize(
    ("plan", "reason", "says"),
    [
        (deciding(a_plan(), commit="f" * 40), Reason.MOVED_TAG, f"commit {'f' * 40} instead of"),
        (deciding(a_plan(), version="v4.0.0"), Reason.SUPERSEDED, "version v4.0.0 instead of v3.1.0"),
        (deciding(a_plan(), action="undeploy"), Reason.SUPERSEDED, "action undeploy instead of deploy"),
        (replace(a_plan(), environment="sandbox"), Reason.SUPERSEDED, "environment sandbox instead of production"),
        (deciding(a_plan(rollback=True), commit="f" * 40), Reason.SUPERSEDED, "action rollback instead of deploy"),
        (
            replace(a_plan(), waves=TWO, digest="d" * 64),
            Reason.SUPERSEDED,
            f"targets 2 with settings {'d' * 32} in waves",
        ),
    ],
)
def test_anything_else_is_refused(plan: Plan, reason: Reason, says: str) -> None:
    with pytest.raises(Refused) as wrong:
        require_as_planned(promise_of(a_plan()), plan)
    assert (wrong.value.reason, says in wrong.value.message) == (reason, True)
    assert "plan again" in wrong.value.hint


@pytest.mark.parametrize(
    "promise", ["{", "[]", "{}", "null", '{"version": "v3.1.0"}', "[" * 100_000, *HOSTILE.values()]
)
def test_what_is_no_promise_is_no_permission(promise: str) -> None:
    if promise:
        with pytest.raises(Invalid) as wrong:
            require_as_planned(promise, a_plan())
        assert wrong.value.reason is Reason.USAGE


def test_of_targets_their_number_and_their_settings_are_promised() -> None:
    planned = replace(a_plan(), waves=TWO, digest="d" * 64)
    require_as_planned(promise_of(planned), planned)
    with pytest.raises(Refused, match="targets 2 with settings e"):
        require_as_planned(promise_of(planned), replace(planned, digest="e" * 64))
    require_as_planned(promise_of(a_plan(digest="d" * 64)), a_plan(digest="e" * 64))


def test_a_promise_is_one_line_of_ascii() -> None:
    told = promise_of(replace(a_plan(), environment="Produktion für\nalle"))
    assert (told.isascii(), told.isprintable()) == (True, True)
    assert json.loads(told)["environment"] == "Produktion für\nalle"
