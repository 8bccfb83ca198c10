"""The matrix of a plan: what each entry says, and what may be expanded into a workflow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.matrix import (
    LARGEST,
    MOST_ENTRIES,
    MOST_JOBS,
    Entry,
    Spread,
    group_of,
    jobs_of,
    matrix_of,
    plan_document,
    require_small,
    waves_of_jobs,
)
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.planned import promise_of
from model_stage_deploy.core.policy_targets import Strategy
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import Target, waves_of
from tests.fakes.plans import HOSTILE, a_plan

NAMES = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9_/-]{0,70}[A-Za-z0-9])?", fullmatch=True)
MODELS = st.one_of(NAMES, st.builds("{}:{}".format, NAMES, NAMES))


def dry(plan: Plan | None, reason: Reason = Reason.DRY_RUN, **fields: object) -> Outcome:
    """The end of a dry run."""
    return replace(Outcome(reason=reason, message="would deploy", plan=plan), **fields)  # type: ignore[arg-type]


def entries_of(outcome: Outcome, tag: str = "") -> list[Entry]:
    """The entries of a plan that spreads nothing."""
    jobs = jobs_of(outcome, tag)
    assert (jobs.waves, jobs.finish, jobs.keep_going) == ((), (), False)
    return list(jobs.single)


def at(stage: str, action: Literal["deploy", "undeploy"] = "deploy") -> Plan:
    """A plan for a stage."""
    plan = a_plan()
    return replace(plan, decision=replace(plan.decision, stage=stage, action=action))


def test_a_pushed_tag_is_carried_out_as_a_pushed_tag() -> None:
    [entry] = entries_of(dry(a_plan(production=True)))

    assert entry == {
        "model": "churn",
        "version": "v3.1.0",
        "stage": "prod",
        "action": "deploy",
        "tag": "churn#prod#4",
        "environment": "production",
        "url": "https://models.example.com/churn",
        "previous": "v3.0.0",
        "production": True,
        "group": group_of("churn", "prod"),
        "index": 0,
        "targets": 0,
        "with": {
            "command": "deploy",
            "tag": "",
            "model": "",
            "stage": "prod",
            "to": "",
            "planned": promise_of(a_plan(production=True)),
        },
    }


def test_a_tag_that_was_named_is_named_again() -> None:
    [entry] = entries_of(dry(a_plan()), "churn#prod#4")
    assert entry["with"]["tag"] == "churn#prod#4"


def test_a_rollback_goes_to_the_version_that_was_planned_and_approved() -> None:
    [entry] = entries_of(dry(a_plan(rollback=True)))
    assert entry["action"] == "rollback"
    named = {"command": "rollback", "tag": "", "model": "churn", "stage": "prod", "to": "v3.1.0"}
    assert entry["with"] == {**named, "planned": promise_of(a_plan(rollback=True))}
    assert entry["group"] != group_of("churn", "prod")


def test_a_rollback_to_a_bare_commit_is_decided_again_for_it_has_no_name() -> None:
    plan = a_plan(rollback=True)
    [entry] = entries_of(dry(replace(plan, decision=replace(plan.decision, registered=False))))
    assert entry["with"]["to"] == ""


def test_each_of_several_stages_is_deployed_by_a_job_of_its_own() -> None:
    parts = (dry(at("prod")), dry(None, Reason.NOTHING_LEFT), dry(at("eu", "undeploy")))
    entries = entries_of(dry(None, Reason.DRY_RUN, parts=parts))
    assert [(entry["index"], entry["action"], entry["with"]["stage"]) for entry in entries] == [
        (0, "deploy", "prod"),
        (1, "undeploy", "eu"),
    ]


@pytest.mark.parametrize("reason", [Reason.SUPERSEDED, Reason.ALREADY_DEPLOYED, Reason.REGISTRATION])
def test_where_nothing_is_to_be_done_there_is_no_job(reason: Reason) -> None:
    assert entries_of(dry(None, reason)) == []
    assert matrix_of([]) == '{"include": []}'


def test_a_refusal_deploys_nothing_not_even_what_was_not_refused() -> None:
    refused = dry(at("eu"), Reason.GATES_REFUSED)
    assert entries_of(refused) == []
    assert entries_of(replace(refused, parts=(dry(at("prod")), refused))) == []


def test_an_address_that_holds_a_secret_is_left_out() -> None:
    [entry] = entries_of(dry(a_plan(environment_url="https://models.example.com/?key=***")))
    assert entry["url"] == ""


def test_more_than_a_matrix_holds_is_refused() -> None:
    parts = tuple(dry(at(f"s{number}")) for number in range(MOST_ENTRIES + 1))
    assert len(entries_of(dry(None, parts=parts[1:]))) == MOST_ENTRIES
    with pytest.raises(Invalid) as wrong:
        jobs_of(dry(None, parts=parts))
    assert wrong.value.reason is Reason.USAGE
    assert "257 deployments" in wrong.value.message


def test_a_matrix_larger_than_an_output_is_refused() -> None:
    text = matrix_of(entries_of(dry(a_plan(environment="x" * LARGEST))))
    with pytest.raises(Invalid, match="keeps 500000"):
        require_small(text)
    half = "x" * (LARGEST // 2)
    require_small(half, half)
    with pytest.raises(Invalid, match="500001 characters"):
        require_small(half, half, "x")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_matrix_is_one_line_of_ascii(text: str) -> None:
    line = matrix_of(entries_of(dry(a_plan(environment_url=text))))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["include"][0]["url"] == text


def test_the_document_holds_the_matrix_and_the_dry_run() -> None:
    outcome = dry(a_plan())
    document = plan_document(outcome, jobs_of(outcome))
    assert document["schema"] == "model-stage-deploy/plan/v1"
    assert document["count"] == len(document["matrix"]["include"]) == 1
    assert document["outcome"]["reason"] == "dry-run"


@given(MODELS, NAMES, MODELS, NAMES)
def test_t28_groups_differ_without_regard_to_case(model: str, stage: str, other: str, where: str) -> None:
    first, second = group_of(model, stage), group_of(other, where)
    assert (first.lower() == second.lower()) == (key_of(model, stage) == key_of(other, where))
    assert re.fullmatch(r"[a-z0-9-]{1,78}", first)


@given(MODELS, NAMES)
def test_t28_stages_that_differ_by_case_only_have_groups_of_their_own(model: str, stage: str) -> None:
    swapped = stage.swapcase()
    assert (group_of(model, stage) == group_of(model, swapped)) == (stage == swapped)


def wide(
    count: int,
    *waves: str,
    stage: str = "prod",
    rollback: bool = False,
    strategy: Mapping[str, object] | None = None,
) -> Plan:
    """A plan for a stage with targets."""
    plan = a_plan(rollback=rollback)
    targets = [Target(f"t{number}") for number in range(count)]
    return replace(
        plan,
        decision=replace(plan.decision, stage=stage),
        digest="d" * 64,
        strategy=Strategy.model_validate(strategy or {}),
        waves=waves_of(targets, waves),
    )


def test_a_stage_with_targets_is_one_job_where_nobody_spreads_it() -> None:
    [entry] = entries_of(dry(wide(6, "2", "rest")))
    assert (entry["targets"], entry["with"]["command"]) == (6, "deploy")
    assert json.loads(entry["with"]["planned"])["targets"].startswith(f"6 with settings {'d' * 32} in waves ")


def test_targets_go_over_jobs_by_wave_and_shard_and_a_last_job_joins_them() -> None:
    plan = wide(6, "1", "rest", strategy={"max-parallel": 2})
    jobs = jobs_of(dry(plan), "churn#prod#4", Spread(4))
    assert (jobs.single, jobs.deployments, jobs.keep_going) == ((), 1, False)
    told = [[(e["wave"], e["shard"], e["targets"], e["index"]) for e in wave] for wave in jobs.waves]
    assert told == [[(1, "1/1", 1, 0)], [(2, "1/3", 1, 1), (2, "2/3", 2, 2), (2, "3/3", 2, 3)]]
    last = jobs.waves[1][2]
    assert last["with"] == {
        "command": "deploy",
        "tag": "churn#prod#4",
        "model": "",
        "stage": "prod",
        "to": "",
        "planned": promise_of(plan),
        "wave": "2",
        "shard": "3/3",
    }
    [finish] = jobs.finish
    assert finish["with"] == {
        "command": "finish",
        "tag": "churn#prod#4",
        "model": "",
        "stage": "prod",
        "to": "",
        "planned": promise_of(plan),
    }
    assert (finish["group"], finish["targets"]) == (group_of("churn", "prod"), 6)
    groups = [entry["group"] for entry in jobs.all]
    assert len(set(groups)) == len(groups)
    assert [len(matrix["include"]) for matrix in json.loads(waves_of_jobs(jobs))] == [1, 3]


def test_a_rollback_goes_over_jobs_of_one_wave_and_is_finished_as_a_rollback() -> None:
    jobs = jobs_of(dry(wide(3, rollback=True, strategy={"max-parallel": 1})), "", Spread(4))
    [wave] = jobs.waves
    assert [(e["with"]["command"], e["with"]["model"], e["with"]["shard"]) for e in wave] == [
        ("rollback", "churn", "1/3"),
        ("rollback", "churn", "2/3"),
        ("rollback", "churn", "3/3"),
    ]
    [finish] = jobs.finish
    named = {key: finish["with"][key] for key in ("command", "tag", "model", "stage", "to")}
    assert named == {"command": "finish", "tag": "", "model": "churn", "stage": "prod", "to": "v3.1.0"}


def test_stages_with_and_without_targets_go_together() -> None:
    parts = (dry(at("dev")), dry(wide(2, "1", "rest")), dry(wide(1, stage="eu")))
    jobs = jobs_of(dry(None, Reason.DRY_RUN, parts=parts), "", Spread(2))
    assert [entry["stage"] for entry in jobs.single] == ["dev"]
    assert [[entry["stage"] for entry in wave] for wave in jobs.waves] == [["prod", "eu"], ["prod"]]
    assert [entry["stage"] for entry in jobs.finish] == ["prod", "eu"]
    assert jobs.deployments == 3


def test_waves_go_on_after_a_failure_where_every_stage_says_so() -> None:
    on, off = wide(2, strategy={"on-failure": "continue"}), wide(2, stage="eu")
    assert jobs_of(dry(on), "", Spread(1)).keep_going
    assert not jobs_of(dry(None, parts=(dry(on), dry(off))), "", Spread(1)).keep_going


def test_every_wave_but_the_first_begins_with_the_pause() -> None:
    jobs = jobs_of(dry(wide(3, "1", "1", "rest", strategy={"pause": "1.5"})), "", Spread(3))
    assert [[entry["pause"] for entry in wave] for wave in jobs.waves] == [[0], [2], [2]]


def test_more_waves_than_the_workflow_has_jobs_for_are_refused() -> None:
    with pytest.raises(Invalid, match="prod has 3 waves of targets, and the workflow has jobs for 2") as wrong:
        jobs_of(dry(wide(3, "1", "1", "rest")), "", Spread(2))
    assert wrong.value.reason is Reason.USAGE


def test_more_jobs_than_a_matrix_holds_are_refused() -> None:
    assert len(jobs_of(dry(wide(1000)), "", Spread(1, MOST_ENTRIES)).waves[0]) == MOST_ENTRIES
    with pytest.raises(Invalid, match="257 jobs for a wave"):
        jobs_of(dry(wide(1000)), "", Spread(1, MOST_ENTRIES + 1))
    two = dry(None, parts=(dry(wide(1000)), dry(wide(1000, stage="eu"))))
    with pytest.raises(Invalid, match="258 jobs for a wave") as wrong:
        jobs_of(two, "", Spread(1, 129))
    assert "128 at most" in wrong.value.hint


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 400), st.lists(st.integers(1, 150), max_size=3)), min_size=1, max_size=3),
    st.integers(1, 64),
    st.integers(0, 85),
)
def test_every_target_is_in_one_job_and_all_jobs_fit(
    stages: list[tuple[int, list[int]]], parallel: int, shards: int
) -> None:
    plans = [
        wide(
            count,
            *map(str, waves),
            *(["rest"] if waves else []),
            stage=f"s{number}",
            strategy={"max-parallel": parallel},
        )
        for number, (count, waves) in enumerate(stages)
    ]
    jobs = jobs_of(dry(None, parts=tuple(map(dry, plans))), "", Spread(4, shards))
    if not shards:
        require_small(waves_of_jobs(jobs), matrix_of(jobs.finish), matrix_of(jobs.single))
    assert all(len(wave) <= MOST_ENTRIES for wave in jobs.waves)
    assert shards or sum(map(len, jobs.waves)) <= MOST_JOBS
    for plan in plans:
        mine = [entry for wave in jobs.waves for entry in wave if entry["stage"] == plan.decision.stage]
        for wave in plan.waves:
            parts = [entry for entry in mine if entry["wave"] == wave.number]
            assert sum(entry["targets"] for entry in parts) == len(wave.targets)
            assert all(entry["targets"] for entry in parts)
            assert [entry["shard"] for entry in parts] == [f"{n}/{len(parts)}" for n in range(1, len(parts) + 1)]


def test_where_names_are_long_there_are_fewer_jobs() -> None:
    plan = wide(5000, "30%", "rest", strategy={"max-parallel": 1})
    long = replace(plan, decision=replace(plan.decision, model="m" * 900, tag="m" * 900 + "#prod#1"))
    jobs = jobs_of(dry(long), "", Spread(4))
    assert 50 < sum(map(len, jobs.waves)) < MOST_JOBS
    require_small(waves_of_jobs(jobs), matrix_of(jobs.finish))


def test_a_plan_of_100_000_targets_in_400_jobs_fits() -> None:
    jobs = jobs_of(dry(wide(100_000, "1%", "20%", "40%", "rest", strategy={"max-parallel": 64})), "", Spread(4, 100))
    assert sum(map(len, jobs.waves)) == 400
    require_small(waves_of_jobs(jobs), matrix_of(jobs.finish))
