"""An attempt's own facts on GitHub: why it was allowed, that it was put in place, that its run died, what is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_deployments import GitHubDeployments
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Recorded, last_verified, now_running, orphans, outlived
from model_stage_deploy.core.plan import Plan, Previous
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber, Secret
from model_stage_deploy.core.verdict import failed, passed
from model_stage_deploy.ports import Ending
from tests.fakes.plans import HOSTILE, a_plan
from tests.standins.github import GitHubStandIn

pytestmark = pytest.mark.thorough

RUN_URL = "https://github.example.com/org/models/actions/runs/77"
DEAD_RUN = "https://github.example.com/org/models/actions/runs/66"
PLAN = a_plan(verify=(Check(run="true"),), digest="d" * 64)
COMMIT = PLAN.decision.commit
EVIDENCE = Evidence(
    tag_object="e" * 40,
    tagger="Ada <ada@example.com>",
    signer="ada@example.com",
    actor="alice",
    gates=(
        passed("metrics", "accuracy 0.93 >= 0.9", accuracy=0.93),
        failed("window", "closed", "Friday 18:00 is no time", "wait"),
    ),
    override="the site is down",
    forced=True,
)
SUCCESS = Ending("success", "churn v3.1.0 deployed to prod", "https://models.example.com/churn")
UNVERIFIED = Ending("failure", "v3.1.0 was deployed, but it answers 500")

POST_STATE = ("POST", r"/deployments/\d+/statuses$")
POST_COMMIT = ("POST", "/statuses/[0-9a-f]{40}$")
LIMIT = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
TROUBLE: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "html-502": {"kind": "html", "status": 502},
    "reset": {"kind": "reset"},
    "answer-lost": {"kind": "reset", "applied": True},
    "timeout": {"kind": "timeout"},
    "secondary-limit": {"status": 403, "headers": {"Retry-After": "1"}, "body": LIMIT},
}
FINAL: dict[str, dict[str, Any]] = {
    "422": {"status": 422},
    "html-200": {"status": 200, "kind": "html"},
    "502-for-ever": {"status": 502},
    "another-state": {"status": 201, "body": {"state": "queued"}},
}


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn() as standin:
        yield standin
        standin.assert_clean()


def _host(github: GitHubStandIn, *secrets: str, run_url: str = RUN_URL) -> GitHubDeployments:
    client = GitHubClient(github.url, "org/models", Secret("test-token"), timeout=1, backoff=0.01)
    return GitHubDeployments(client, Scrubber(secrets).text, run_url)


def _plan(version: str, **changes: Any) -> Plan:
    plan = replace(PLAN, decision=replace(PLAN.decision, version=version))
    return replace(plan, decision=replace(plan.decision, **changes))


def _deploy(host: GitHubDeployments, plan: Plan, ending: Ending = SUCCESS, *, placed: bool = True) -> str:
    attempt = f"attempt at {plan.decision.version}"
    made = host.start(plan, attempt, Evidence(action=plan.decision.action))
    if placed:
        host.placed(plan, made)
    assert host.finish(plan, attempt, made, ending) == []
    return made


def _newest(host: GitHubDeployments) -> Recorded:
    return _records(host)[0]


def _records(host: GitHubDeployments, past: int = 30) -> tuple[Recorded, ...]:
    return host.records("churn", "prod", "production", limit=30, past=past).newest_first


def _running(host: GitHubDeployments) -> str:
    running = now_running(host.records("churn", "prod", "production", limit=30))
    return running.version if running else ""


def _states(github: GitHubStandIn, number: str) -> list[str]:
    return [status.state for status in github.deployment_statuses(int(number))]


def _no_patience() -> Ending:
    return replace(UNVERIFIED, hurry=True)


def test_the_record_says_who_why_and_how(github: GitHubStandIn) -> None:
    host = _host(github)
    host.finish(PLAN, "a", host.start(PLAN, "a", EVIDENCE), SUCCESS)
    record = _newest(host)

    assert (record.tag_object, record.tagger, record.signer) == ("e" * 40, "Ada <ada@example.com>", "ada@example.com")
    assert (record.actor, record.override, record.forced, record.automatic) == (
        "alice",
        "the site is down",
        True,
        False,
    )
    assert (record.attempt, record.digest, record.checks, record.verified) == ("a", "d" * 64, 1, True)
    assert (record.previous, record.previous_tag, record.action) == ("v3.0.0", "churn#prod#3", "deploy")
    assert (record.environment, record.summary) == ("production", "churn v3.1.0 deployed to prod")
    assert [(gate.gate, gate.answer, gate.code) for gate in record.gates] == [
        ("metrics", "passed", "metrics-passed"),
        ("window", "failed", "window-closed"),
    ]
    assert record.gates[0].facts == {"accuracy": 0.93}


def test_a_payload_of_before_is_read_too(github: GitHubStandIn) -> None:
    old = {"schema": "model-stage-deploy/deployment/v1", "model": "churn", "stage": "prod", "version": "v2.0.0"}
    run = {"id": "1", "attempt": "1", "url": RUN_URL, "actor": "bob"}
    github.add_deployment(ref=COMMIT, environment="production/churn", payload=old | {"attempt": "x", "run": run})
    record = _newest(_host(github))
    assert (record.version, record.actor, record.attempt, record.action) == ("v2.0.0", "bob", "x", "deploy")
    assert (record.placed, record.verified, record.gates) == (True, False, ())


def test_many_gates_with_much_to_say_stay_below_githubs_patience(github: GitHubStandIn) -> None:
    gates = tuple(passed(f"gate-{number}", "模型 " * 500, values=list(range(2000))) for number in range(12))
    host = _host(github)
    host.start(PLAN, "a", replace(EVIDENCE, gates=gates))
    assert len(json.dumps(github.deployments[0].payload)) <= 8000
    assert len(_newest(host).gates) == 12


@pytest.mark.parametrize("name", HOSTILE)
def test_secrets_and_hostile_texts_are_harmless_wherever_they_stand(github: GitHubStandIn, name: str) -> None:
    text = f"pa55word {HOSTILE[name]}"
    gates = (failed("metrics", "low", text, facts={text: [text]}),)
    host = _host(github, "pa55word")
    evidence = Evidence(tagger=text, signer=text, actor=text, override=text, gates=gates)
    made = host.start(PLAN, "a", evidence)
    host.placed(PLAN, made)
    host.finish(PLAN, "a", made, Ending("failure", text))
    host.approve("churn", "v3.1.0", "prod", COMMIT, text)
    host.close(_newest(host), text)

    sent = json.dumps([call.body for call in github.calls])
    assert "pa55word" not in sent
    assert _newest(host).tagger.isprintable()


def test_what_was_placed_is_said_before_it_is_verified(github: GitHubStandIn) -> None:
    host = _host(github)
    made = host.start(PLAN, "a", Evidence())
    assert (_newest(host).placed, _newest(host).settles) == (False, False)
    host.placed(PLAN, made)
    record = _newest(host)

    assert (record.placed, record.state, record.outcome, record.under_way) == (True, "in_progress", "", True)
    assert github.deployment_statuses(int(made))[-1].description == "deployed; verifying: churn v3.1.0 in prod"
    assert _running(host) == "v3.1.0"
    assert orphans(host.records("churn", "prod", "production", limit=3), "another") == (record,)


def test_a_description_of_another_state_places_nothing(github: GitHubStandIn) -> None:
    host = _host(github)
    _deploy(host, PLAN, Ending("failure", "deployed; verifying: not at all"), placed=False)
    assert not _newest(host).placed


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
@pytest.mark.parametrize("after", [1, 2], ids=["placed", "end"])
def test_one_piece_of_trouble_forgets_nothing(github: GitHubStandIn, after: int, trouble: dict[str, Any]) -> None:
    host = _host(github)
    _deploy(host, _plan("v3.0.0"))
    github.fail_next(*POST_STATE, after=after, **trouble)
    _deploy(host, PLAN, UNVERIFIED)
    record = _newest(host)

    assert github.pending_faults == 0
    assert (record.placed, record.outcome, record.failed_here, record.verified) == (True, "failure", True, False)
    assert _running(host) == "v3.1.0", "it failed its verification, and it is live all the same"
    verified = last_verified(host.records("churn", "prod", "production", limit=30, past=30), other_than="v3.1.0")
    assert verified is not None and verified.version == "v3.0.0"


@pytest.mark.parametrize("trouble", FINAL.values(), ids=FINAL)
def test_what_could_not_be_placed_is_placed_with_the_end(github: GitHubStandIn, trouble: dict[str, Any]) -> None:
    host = _host(github)
    made = host.start(PLAN, "a", Evidence())
    github.fail_next(*POST_STATE, times=5 if trouble.get("status") == 502 else 1, **trouble)
    with pytest.raises(MachineryFailed) as caught:
        host.placed(PLAN, made)
    assert caught.value.reason is Reason.END_NOT_RECORDED
    assert "the deployer ended well" in caught.value.message

    assert github.pending_faults == 0
    host.finish(PLAN, "a", made, UNVERIFIED)
    assert (_newest(host).placed, _newest(host).outcome) == (True, "failure")


def test_an_end_is_not_recorded_on_top_of_an_unknown_place(github: GitHubStandIn) -> None:
    host = _host(github)
    made = host.start(PLAN, "a", Evidence())
    github.fail_next(*POST_STATE, status=422, times=99)
    with pytest.raises(MachineryFailed):
        host.placed(PLAN, made)
    with pytest.raises(MachineryFailed) as caught:
        host.finish(PLAN, "a", made, _no_patience())
    assert caught.value.reason is Reason.END_NOT_RECORDED
    assert _states(github, made) == ["in_progress"], "the next run finds it and closes it"


def test_a_bad_end_that_could_not_be_recorded_is_recorded_with_the_next(github: GitHubStandIn) -> None:
    """As after an automatic rollback: behind its success nobody would look for a record without an end."""
    host, bad, good = _host(github), _plan("v2.0.0"), _plan("v1.0.0", rollback=True)
    made = host.start(bad, "bad", EVIDENCE)
    host.placed(bad, made)
    github.fail_next(*POST_STATE, status=422)
    with pytest.raises(MachineryFailed):
        host.finish(bad, "bad", made, UNVERIFIED)
    assert _states(github, made)[-1] == "in_progress"
    _deploy(host, good)
    assert _states(github, made)[-1] == "failure"
    assert _running(host) == "v1.0.0"
    calls = len(github.calls)
    _deploy(host, good)
    assert not [call for call in github.calls[calls:] if call.method == "POST" and made in call.path]


def test_a_success_needs_no_place(github: GitHubStandIn) -> None:
    host = _host(github)
    made = host.start(PLAN, "a", Evidence())
    github.fail_next(*POST_STATE, status=422)
    with pytest.raises(MachineryFailed):
        host.placed(PLAN, made)
    host.finish(PLAN, "a", made, SUCCESS)
    assert _states(github, made) == ["in_progress", "success"]


def test_a_failure_in_between_hides_nothing_that_is_to_go_inactive(github: GitHubStandIn) -> None:
    host = _host(github)
    first = _deploy(host, _plan("v3.0.0"))
    failed_here = _deploy(host, PLAN, UNVERIFIED)
    back = _plan("v3.0.0", rollback=True, previous=Previous("v3.1.0", "churn#prod#4", COMMIT))
    rollback = host.start(back, "b", Evidence(automatic=True, answers="attempt at v3.1.0"))
    assert host.finish(back, "b", rollback, SUCCESS) == []

    assert [_states(github, each)[-1] for each in (first, failed_here, rollback)] == ["inactive", "failure", "success"]
    newest, was_bad, _ = _records(host)
    assert (newest.automatic, newest.rollback, newest.answers, newest.previous) == (
        True,
        True,
        "attempt at v3.1.0",
        "v3.1.0",
    )
    assert (was_bad.state, was_bad.placed) == ("failure", True), "its red mark stays"
    assert _running(host) == "v3.0.0"


def test_an_undeployment_leaves_nothing_running(github: GitHubStandIn) -> None:
    host = _host(github)
    deployed = _deploy(host, _plan("v3.0.0"))
    away = _plan("v3.0.0", action="undeploy")
    gone = _deploy(host, away, Ending("inactive", "churn v3.0.0 taken out of prod"), placed=False)

    assert [_states(github, each)[-1] for each in (deployed, gone)] == ["inactive", "inactive"]
    record = _newest(host)
    assert (record.action, record.state, record.outcome, record.summary) == (
        "undeploy",
        "inactive",
        "",
        "churn v3.0.0 taken out of prod",
    )
    assert record.ended
    assert (_running(host), len(_records(host, past=0))) == ("", 1)
    assert github.commit_statuses(COMMIT)[-1].state == "success"
    assert github.deployments[-1].description == "undeploying churn v3.0.0 from prod"

    again = _deploy(host, PLAN)
    assert (_states(github, again)[-1], _running(host)) == ("success", "v3.1.0")


def test_what_an_undeployment_could_not_retire_the_next_deployment_does(github: GitHubStandIn) -> None:
    host = _host(github)
    deployed = _deploy(host, _plan("v3.0.0"))
    away = _plan("v3.0.0", action="undeploy")
    gone = host.start(away, "u", Evidence(action="undeploy"))
    github.fail_next("GET", "/deployments$", status=422)
    [warning] = host.finish(away, "u", gone, Ending("inactive", "gone"))
    assert "still looks active" in warning
    assert (_states(github, deployed)[-1], _running(host)) == ("success", "")

    _deploy(host, PLAN)
    assert _states(github, deployed)[-1] == "inactive"


def _dead(github: GitHubStandIn, *, placed: bool = False) -> Recorded:
    """The record of a run that died."""
    host = _host(github, run_url=DEAD_RUN)
    made = host.start(PLAN, "dead", Evidence())
    if placed:
        host.placed(PLAN, made)
    return _newest(host)


@pytest.mark.parametrize("placed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("trouble", [{}, *TROUBLE.values()], ids=["none", *TROUBLE])
def test_an_orphan_is_closed_once(github: GitHubStandIn, trouble: dict[str, Any], *, placed: bool) -> None:
    record = _dead(github, placed=placed)
    if trouble:
        github.fail_next(*POST_STATE, **trouble)
    _host(github).close(record, "its run died")

    assert github.pending_faults == 0
    closed = _newest(_host(github))
    assert (closed.state, closed.outcome, closed.placed, closed.summary) == ("error", "error", placed, "its run died")
    assert closed.log_url == DEAD_RUN, "the run that died is the one to look at"
    last = github.commit_statuses(COMMIT)[-1]
    assert (last.state, last.target_url) == ("error", DEAD_RUN)

    statuses = (_states(github, record.id), len(github.commit_statuses(COMMIT)))
    _host(github).close(record, "again")
    assert (_states(github, record.id), len(github.commit_statuses(COMMIT))) == statuses


@pytest.mark.parametrize("state", ["success", "failure", "inactive"])
def test_what_ended_in_the_meantime_is_not_closed(github: GitHubStandIn, state: Any) -> None:
    record = _dead(github)
    _host(github).finish(PLAN, "dead", record.id, Ending(state, "well"))
    before = len(github.commit_statuses(COMMIT))
    _host(github).close(record, "its run died")
    assert _states(github, record.id)[-1] == state
    assert len(github.commit_statuses(COMMIT)) == before


def test_the_pending_mark_of_another_run_is_left_alone(github: GitHubStandIn) -> None:
    record = _dead(github)
    _host(github).start(PLAN, "alive", Evidence())
    _host(github).close(record, "its run died")
    assert [status.state for status in github.commit_statuses(COMMIT)] == ["pending", "pending"]


@pytest.mark.parametrize("call", [("GET", "/statuses$"), POST_STATE, ("GET", r"/deployments/\d+$"), POST_COMMIT])
@pytest.mark.parametrize("trouble", [{"status": 502}, {"status": 422}, {"kind": "html", "status": 200}])
def test_an_orphan_that_cannot_be_closed_is_told_and_closed_later(
    github: GitHubStandIn, call: tuple[str, str], trouble: dict[str, Any]
) -> None:
    record = _dead(github)
    github.fail_next(*call, times=5, **trouble)
    with pytest.raises(MachineryFailed):
        _host(github).close(record, "its run died")
    for _ in range(github.pending_faults):
        with pytest.raises(MachineryFailed):
            _host(github).close(record, "its run died")
    _host(github).close(record, "its run died")
    assert _newest(_host(github)).state == "error"
    assert github.commit_statuses(COMMIT)[-1].state == "error"


def test_a_record_of_others_is_closed_without_a_commit_status(github: GitHubStandIn) -> None:
    made = github.add_deployment(ref=COMMIT, environment="production/churn", payload="{}", states=["in_progress"])
    _host(github).close(Recorded(str(made.id), "v1.0.0", COMMIT, "churn#prod#1"), "its run died")
    assert _states(github, str(made.id))[-1] == "error"
    assert github.commit_statuses(COMMIT) == []


def test_what_was_replaced_and_still_looks_active_is_retired_by_a_sweep(github: GitHubStandIn) -> None:
    """As after a run that was killed between its success and the end of what it replaced."""
    host = _host(github)
    older = _deploy(host, _plan("v2.0.0"))
    newer = host.start(_plan("v3.0.0"), "killed", Evidence())
    github.fail_next("GET", "/deployments$", status=422)
    host.finish(_plan("v3.0.0"), "killed", newer, SUCCESS)
    records = host.records("churn", "prod", "production", limit=30, past=10)
    [outlasting] = outlived(records)
    assert (outlasting.id, _running(host)) == (older, "v3.0.0")

    host.close(outlasting, "replaced")
    assert [_states(github, each)[-1] for each in (older, newer)] == ["inactive", "success"]
    statuses = len(github.commit_statuses(COMMIT))
    host.close(outlasting, "replaced")
    assert _states(github, older)[-2:] == ["success", "inactive"]
    assert len(github.commit_statuses(COMMIT)) == statuses
    assert outlived(host.records("churn", "prod", "production", limit=30, past=10)) == ()
