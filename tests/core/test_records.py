"""The payload of a record: what goes in comes out, no secret goes in, and it stays small."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.records import MOST_BYTES, PAYLOAD_SCHEMA, payload_of, recorded_from
from model_stage_deploy.core.verdict import Answer, Verdict
from tests.fakes.plans import a_plan

TEXTS = st.text(max_size=600)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
VERDICTS = st.builds(
    Verdict,
    st.sampled_from(("needs", "metrics", "signed", "window")),
    st.sampled_from(Answer),
    st.just("gate-code"),
    TEXTS,
    TEXTS,
    st.dictionaries(TEXTS, VALUES, max_size=3),
)
EVIDENCE = st.builds(
    Evidence,
    tag_object=st.just("e" * 40),
    tagger=TEXTS,
    signer=TEXTS,
    actor=TEXTS,
    gates=st.lists(VERDICTS, max_size=8).map(tuple),
    override=TEXTS,
    forced=st.booleans(),
    automatic=st.booleans(),
    answers=st.just("a0"),
)


def _text(payload: dict[str, Any]) -> str:
    return json.dumps(payload, ensure_ascii=True, allow_nan=False)


@settings(max_examples=40, deadline=None)
@given(EVIDENCE)
def test_whatever_the_evidence_it_is_json_and_what_gates_said_fits(evidence: Evidence) -> None:
    payload = payload_of(a_plan(), "a1", evidence)
    assert json.loads(_text(payload)) == payload
    bare = _text(payload_of(a_plan(), "a1", replace(evidence, gates=())))
    least = _text({"gates": [{"gate": "metrics", "answer": "unknown", "code": "gate-code", "sentence": ""}] * 8})
    assert len(_text(payload)) <= max(MOST_BYTES, len(bare) + len(least))
    assert [gate["answer"] for gate in payload["gates"]] == [verdict.answer.value for verdict in evidence.gates]


@settings(max_examples=40, deadline=None)
@given(EVIDENCE)
def test_what_names_the_deployment_is_read_as_it_was_written(evidence: Evidence) -> None:
    plan = a_plan(digest="d" * 64, verify=(Check(run="./ask.sh"),))
    record = recorded_from("7", payload_of(plan, "a1", evidence))
    decision = plan.decision
    assert (record.id, record.attempt, record.version, record.commit, record.tag) == (
        "7",
        "a1",
        decision.version,
        decision.commit,
        decision.tag,
    )
    assert (record.digest, record.checks, record.environment) == ("d" * 64, 1, "production")
    assert (record.forced, record.automatic, record.answers) == (evidence.forced, evidence.automatic, "a0")
    assert len(record.gates) == len(evidence.gates)
    assert len(record.override.splitlines()) <= 1


def test_no_text_escapes_the_scrubber() -> None:
    secret = "s3cret"
    verdict = Verdict("metrics", Answer.FAILED, "metrics-worse", secret, secret, {secret: [{"deep": secret}]})
    evidence = Evidence("e" * 40, secret, secret, secret, (verdict,), secret)
    run = replace(a_plan().run, id=secret, url=f"https://x/{secret}", actor=secret)
    plan = a_plan(config=secret, deployer=secret, options={"token": secret}, variables={"x": secret}, run=run)
    assert secret not in _text(payload_of(plan, "a1", evidence, lambda text: text.replace(secret, "***")))


def test_long_facts_go_before_long_sentences() -> None:
    def gates(facts: int) -> list[dict[str, Any]]:
        verdict = Verdict("metrics", Answer.PASSED, "metrics-passed", "s" * 200, "", {"x": ["y" * 300] * facts})
        found: list[dict[str, Any]] = payload_of(a_plan(), "a1", Evidence(gates=(verdict,) * 8))["gates"]
        return found

    assert "facts" in gates(1)[0]
    assert "facts" not in gates(9)[0]
    assert gates(9)[0]["sentence"] == "s" * 200


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"schema": PAYLOAD_SCHEMA, "checks": "2", "rollback": "yes", "previous": "v1", "run": 7, "gates": {"a": 1}},
        {"version": 3, "checks": True, "previous": {"version": None}, "gates": [None, {"facts": []}]},
    ],
)
def test_a_payload_of_somebody_else_is_read_as_far_as_it_goes(payload: dict[str, Any]) -> None:
    record = recorded_from("1", payload)
    assert (record.version, record.checks, record.rollback, record.previous) == ("", 0, False, "")
    assert record.action == "deploy"


def test_version_one_of_the_payload_is_read() -> None:
    old = {
        "schema": "model-stage-deploy/deployment/v1",
        "attempt": "a1",
        "model": "churn",
        "version": "v1.0.0",
        "stage": "prod",
        "tag": "churn#prod#1",
        "commit": "c" * 40,
        "environment": "production",
        "rollback": True,
        "previous": {"version": "v0.9.0", "tag": "churn#prod#0", "commit": "b" * 40},
        "run": {"id": "1", "attempt": "1", "url": "", "actor": "alice"},
    }
    record = recorded_from("1", old)
    assert (record.actor, record.previous, record.previous_tag) == ("alice", "v0.9.0", "churn#prod#0")
    assert (record.rollback, record.checks, record.verified) == (True, 0, False)
