"""The matrix of a plan: what each entry says, and what may be expanded into a workflow."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.matrix import LARGEST, MOST_ENTRIES, entries_of, group_of, matrix_of, plan_document
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.planned import promise_of
from model_stage_deploy.core.reasons import Reason
from tests.fakes.plans import HOSTILE, a_plan

NAMES = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9_/-]{0,70}[A-Za-z0-9])?", fullmatch=True)
MODELS = st.one_of(NAMES, st.builds("{}:{}".format, NAMES, NAMES))


def dry(plan: Plan | None, reason: Reason = Reason.DRY_RUN, **fields: object) -> Outcome:
    """The end of a dry run."""
    return replace(Outcome(reason=reason, message="would deploy", plan=plan), **fields)  # type: ignore[arg-type]


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
        entries_of(dry(None, parts=parts))
    assert wrong.value.reason is Reason.USAGE
    assert "257 deployments" in wrong.value.message


def test_a_matrix_larger_than_an_output_is_refused() -> None:
    entries = entries_of(dry(a_plan(environment="x" * LARGEST)))
    with pytest.raises(Invalid, match="keeps 1000000"):
        matrix_of(entries)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_matrix_is_one_line_of_ascii(text: str) -> None:
    line = matrix_of(entries_of(dry(a_plan(environment_url=text))))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["include"][0]["url"] == text


def test_the_document_holds_the_matrix_and_the_dry_run() -> None:
    outcome = dry(a_plan())
    document = plan_document(outcome, entries_of(outcome))
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
