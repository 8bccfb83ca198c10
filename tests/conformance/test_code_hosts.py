"""What every place promises in which deployments are recorded: GitHub, GitLab, Git itself, and the local log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.git_log import GitLog
from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_deployments import GitHubDeployments
from model_stage_deploy.adapters.gitlab_client import GitLabClient
from model_stage_deploy.adapters.gitlab_deployments import GitLabDeployments
from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Recorded, Records, last_verified, now_running, orphans, seconds
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.verdict import failed, passed
from model_stage_deploy.ports import CodeHost, Ending
from tests.adapters.journal_places import journals_on
from tests.fakes.plans import HOSTILE, a_plan
from tests.standins.github import GitHubStandIn
from tests.standins.gitlab import GitLabStandIn

COMMIT = "c" * 40
WHERE = ("churn", "prod", "production")
GOOD, BAD, GONE = Ending("success", "it serves"), Ending("failure", "it does not serve"), Ending("inactive", "gone")


THOROUGH = [pytest.param(name, marks=pytest.mark.thorough) for name in ("ghes", "git", "git alone")]


@pytest.fixture(params=["github", "gitlab", "file", "memory", *THOROUGH])
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeHost]:
    """Each place in turn, with nothing in it. Secrets are `s3cret`."""

    def scrub(text: str) -> str:
        return text.replace("s3cret", "***")

    if request.param in ("file", "memory"):
        path = tmp_path / "log" if request.param == "file" else None
        yield LocalLog(path, who="ann", clock=SystemClock(), scrub=scrub)
        return
    if request.param not in ("github", "ghes"):
        alone = request.param == "git alone"
        with journals_on(tmp_path, monkeypatch, alone=alone) as journals, GitLabStandIn() as gitlab:
            log = GitLog(journals, who="ann", clock=SystemClock(), scrub=scrub)
            api = GitLabClient(gitlab.url, gitlab.project, Secret("test-token"), timeout=2, backoff=0.01)
            yield GitLabDeployments(api, log, scrub, a_plan().run.url) if request.param == "gitlab" else log
            gitlab.assert_clean()
        return
    with GitHubStandIn(description=request.param) as standin:
        client = GitHubClient(standin.url, "org/models", Secret("test-token"), timeout=2, backoff=0.01)
        yield GitHubDeployments(client, scrub, a_plan().run.url)
        standin.assert_clean()


def _plan(version: str = "v1.0.0", *, stage: str = "prod", model: str = "churn", checks: int = 1, **also: Any) -> Plan:
    plan = a_plan(name=model, verify=tuple(Check(run="./ask.sh") for _ in range(checks)), digest="d" * 64)
    return replace(plan, decision=replace(plan.decision, version=version, stage=stage, **also))


def _deploy(host: CodeHost, plan: Plan, attempt: str, ending: Ending, *, placed: bool = True) -> str:
    started = host.start(plan, attempt, Evidence(actor="alice", action=plan.decision.action))
    if placed:
        host.placed(plan, started)
    assert host.finish(plan, attempt, started, ending) == []
    return started


def _read(host: CodeHost, *, past: int = 9, limit: int = 20) -> tuple[Recorded, ...]:
    return host.records(*WHERE, limit=limit, past=past).newest_first


def _states(host: CodeHost) -> list[tuple[str, str, str]]:
    return [(record.attempt, record.state, record.outcome) for record in _read(host)]


def test_where_nothing_was_deployed_nothing_is_found(host: CodeHost) -> None:
    assert host.records(*WHERE, limit=5) == Records((), whole=True)
    assert list(host.approvals("churn", "v1.0.0", "prod", COMMIT)) == []


def test_a_start_is_under_way(host: CodeHost) -> None:
    started = host.start(_plan(), "a1", Evidence())
    [record] = _read(host)
    assert (record.id, record.state, record.outcome, record.ended) == (started, "in_progress", "", "")
    assert (record.placed, record.under_way, record.settles) == (False, True, False)
    assert now_running(Records((record,))) is None


def test_the_record_says_what_and_why(host: CodeHost) -> None:
    gates = (passed("needs", "was in staging", stage="staging"), failed("metrics", "worse", "auc fell", auc=0.7))
    evidence = Evidence("e" * 40, "ann@example.com", "ann", "alice", gates, "fire", forced=True, automatic=True)
    plan = _plan(rollback=True)
    host.start(plan, "a1", replace(evidence, answers="a0"))
    [record] = _read(host)

    assert (record.version, record.commit, record.tag, record.attempt) == ("v1.0.0", COMMIT, "churn#prod#4", "a1")
    assert (record.tag_object, record.tagger, record.signer) == ("e" * 40, "ann@example.com", "ann")
    assert (record.actor, record.override, record.forced) == ("alice", "fire", True)
    assert (record.rollback, record.automatic, record.answers) == (True, True, "a0")
    assert (record.previous, record.previous_tag) == ("v3.0.0", "churn#prod#3")
    assert (record.digest, record.checks, record.environment) == ("d" * 64, 1, "production")
    assert record.log_url == plan.run.url
    assert [(gate.gate, gate.answer, gate.code, gate.sentence) for gate in record.gates] == [
        ("needs", "passed", "needs-passed", "was in staging"),
        ("metrics", "failed", "metrics-worse", "auc fell"),
    ]
    assert record.gates[1].facts == {"auc": 0.7}


def test_the_times_are_of_the_start_and_of_the_end(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", GOOD)
    _deploy(host, _plan("v2.0.0"), "a2", GOOD)
    first = _read(host)[1]
    times = [seconds(moment) for moment in (first.created, first.ended, first.updated)]
    known = [moment for moment in times if moment is not None]
    assert len(known) == 3
    assert known == sorted(known)
    assert abs(known[0] - SystemClock().now()) < 120


def test_a_success_is_live_and_verified(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", Ending("success", "it serves", "https://models.example.com/churn"))
    [record] = _read(host)
    assert (record.state, record.outcome, record.placed, record.verified) == ("success", "success", True, True)
    assert (record.summary, record.environment_url) == ("it serves", "https://models.example.com/churn")
    assert now_running(Records((record,))) == record


def test_a_success_without_checks_is_live_and_not_verified(host: CodeHost) -> None:
    _deploy(host, _plan(checks=0), "a1", GOOD, placed=False)
    [record] = _read(host)
    assert (record.placed, record.verified) == (True, False)


def test_a_success_retires_what_was_live_before(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", GOOD)
    _deploy(host, _plan("v2.0.0"), "a2", GOOD)
    _deploy(host, _plan("v3.0.0"), "a3", GOOD)
    assert _states(host) == [("a3", "success", "success"), ("a2", "inactive", "success"), ("a1", "inactive", "success")]
    assert all(record.verified for record in _read(host))


def test_a_failure_before_anything_was_placed_leaves_the_old_one_live(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", GOOD)
    _deploy(host, _plan("v2.0.0"), "a2", BAD, placed=False)
    assert _states(host) == [("a2", "failure", "failure"), ("a1", "success", "success")]
    live = now_running(Records(_read(host)))
    assert live is not None
    assert live.version == "v1.0.0"


def test_what_was_placed_and_failed_is_live(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", GOOD)
    _deploy(host, _plan("v2.0.0"), "a2", BAD)
    live = now_running(Records(_read(host)))
    assert live is not None
    assert (live.version, live.failed_here, live.outcome) == ("v2.0.0", True, "failure")


def test_a_rollback_after_a_failure(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", GOOD)
    _deploy(host, _plan("v2.0.0"), "a2", BAD)
    target = last_verified(Records(_read(host)), other_than="v2.0.0")
    assert target is not None
    assert target.version == "v1.0.0"
    _deploy(host, _plan("v1.0.0", rollback=True), "a3", GOOD)
    assert _states(host) == [("a3", "success", "success"), ("a2", "failure", "failure"), ("a1", "inactive", "success")]
    live = now_running(Records(_read(host)))
    assert live is not None
    assert (live.attempt, live.rollback) == ("a3", True)


def test_an_undeployment_leaves_nothing_live(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", GOOD)
    _deploy(host, _plan(action="undeploy"), "a2", GONE, placed=False)
    assert _states(host) == [("a2", "inactive", ""), ("a1", "inactive", "success")]
    gone = _read(host)[0]
    assert (gone.action, gone.summary, bool(gone.ended), gone.verified) == ("undeploy", "gone", True, False)
    assert now_running(Records(_read(host))) is None

    _deploy(host, _plan("v2.0.0"), "a3", GOOD)
    assert _states(host)[0] == ("a3", "success", "success")


def test_an_orphan_is_closed_once(host: CodeHost) -> None:
    host.start(_plan(), "killed", Evidence())
    [orphan] = orphans(Records(_read(host)), own_attempt="mine")
    host.close(orphan, "nobody works on it")
    [record] = _read(host)
    assert (record.state, record.outcome, record.summary) == ("error", "error", "nobody works on it")
    host.close(orphan, "once more")
    assert _read(host) == (record,)
    assert orphans(Records(_read(host)), own_attempt="") == ()


def test_an_orphan_that_was_placed_is_live(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", GOOD)
    host.placed(_plan("v2.0.0"), host.start(_plan("v2.0.0"), "killed", Evidence()))
    host.close(_read(host)[0], "nobody works on it")
    live = now_running(Records(_read(host)))
    assert live is not None
    assert (live.attempt, live.outcome, live.failed_here) == ("killed", "error", False)


def test_what_has_ended_in_the_meantime_is_not_closed(host: CodeHost) -> None:
    started = host.start(_plan(), "a1", Evidence())
    [seen] = _read(host)
    host.finish(_plan(), "a1", started, GOOD)
    host.close(seen, "nobody works on it")
    assert _states(host) == [("a1", "success", "success")]


def test_a_start_that_was_cut_short_is_found_by_its_attempt(host: CodeHost) -> None:
    host.start(_plan(), "a1", Evidence())
    host.start(_plan("v2.0.0"), "a2", Evidence())
    assert host.finish(_plan(), "a1", None, Ending("error", "cancelled", hurry=True)) == []
    assert host.finish(_plan(), "never", None, Ending("error", "cancelled")) == []
    assert _states(host) == [("a2", "in_progress", ""), ("a1", "error", "error")]


def test_models_stages_and_environments_do_not_meet(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", GOOD)
    _deploy(host, _plan(stage="staging"), "a2", GOOD)
    _deploy(host, _plan(model="churn/eu"), "a3", GOOD)
    _deploy(host, replace(_plan(), environment="elsewhere"), "a4", GOOD)
    assert _states(host) == [("a1", "success", "success")]
    for where, attempt in (
        (("churn", "staging", "production"), "a2"),
        (("churn/eu", "prod", "production"), "a3"),
        (("churn", "prod", "elsewhere"), "a4"),
    ):
        assert [record.attempt for record in host.records(*where, limit=9, past=9).newest_first] == [attempt]


def test_reading_stops_at_what_settles_or_at_the_limit(host: CodeHost) -> None:
    for number in range(3):
        _deploy(host, _plan(f"v{number}.0.0"), f"good {number}", GOOD)
    for number in range(3):
        _deploy(host, _plan("v9.0.0"), f"bad {number}", BAD, placed=False)

    def read(**how: int) -> tuple[list[str], bool]:
        records = host.records(*WHERE, **{"limit": 20, **how})  # type: ignore[arg-type]
        return [record.attempt for record in records.newest_first], records.whole

    assert read()[0] == ["bad 2", "bad 1", "bad 0", "good 2"]
    assert read(past=5)[0] == ["bad 2", "bad 1", "bad 0", "good 2", "good 1"]
    assert read(past=20) == (["bad 2", "bad 1", "bad 0", "good 2", "good 1", "good 0"], True)
    assert read(limit=2) == (["bad 2", "bad 1"], False)
    assert read(limit=5, past=20)[1] is False


def test_what_failed_after_it_was_placed_settles_too(host: CodeHost) -> None:
    _deploy(host, _plan(), "a1", GOOD)
    _deploy(host, _plan("v2.0.0"), "a2", BAD)
    records = host.records(*WHERE, limit=20)
    assert [record.attempt for record in records.newest_first] == ["a2"]


def test_an_approval_says_who_and_when(host: CodeHost) -> None:
    who = host.approve("churn", "v1.0.0", "prod", COMMIT, "as agreed")
    [approved] = host.approvals("churn", "v1.0.0", "prod", COMMIT)
    assert who
    assert (approved.by, approved.message) == (who, "as agreed")
    assert abs(approved.time - SystemClock().now()) < 120
    for other in (("churn", "v2.0.0", "prod"), ("churn", "v1.0.0", "dev"), ("churn/eu", "v1.0.0", "prod")):
        assert list(host.approvals(*other, COMMIT)) == []
    assert list(host.approvals("churn", "v1.0.0", "prod", "d" * 40)) == []


def test_who_approves_twice_is_one(host: CodeHost) -> None:
    host.approve("churn", "v1.0.0", "prod", COMMIT, "")
    host.approve("churn", "v1.0.0", "prod", COMMIT, "and again")
    assert [approved.message for approved in host.approvals("churn", "v1.0.0", "prod", COMMIT)] == ["and again"]


def test_no_secret_is_kept(host: CodeHost) -> None:
    evidence = Evidence(
        tagger="s3cret", actor="s3cret", override="s3cret", gates=(passed("metrics", "s3cret", key="s3cret"),)
    )
    plan = _plan()
    host.finish(plan, "a1", host.start(plan, "a1", evidence), Ending("success", "s3cret", "https://s3cret.example.com"))
    host.approve("churn", "v1.0.0", "prod", COMMIT, "s3cret")
    assert "s3cret" not in repr(_read(host))
    assert "s3cret" not in repr(host.approvals("churn", "v1.0.0", "prod", COMMIT))
    assert "***" in _read(host)[0].summary


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_stay_texts(host: CodeHost, text: str) -> None:
    plan = _plan()
    started = host.start(plan, "a1", Evidence(actor=text, override=text, gates=(failed("metrics", "worse", text),)))
    host.finish(plan, "a1", started, Ending("failure", text))
    [record] = _read(host)
    assert (record.outcome, record.gates[0].code) == ("failure", "metrics-worse")
    assert record.summary.isprintable()
    assert record.override.isprintable()


def test_an_end_of_what_never_began_is_refused(host: CodeHost) -> None:
    with pytest.raises(MachineryFailed):
        host.finish(_plan(), "a1", "4711", GOOD)
