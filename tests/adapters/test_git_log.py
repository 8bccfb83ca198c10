"""The log in Git beside the log of the clone: whatever happens, both tell the same; and what only Git can do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_stage_deploy.adapters.git_journal import REFS, GitJournals
from model_stage_deploy.adapters.git_log import GitLog
from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Records, now_running
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.ports import CodeHost, Ending
from tests.adapters.journal_places import journals_on
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository

WHERE = ("churn", "prod", "production")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["v1.0.0", "v2.0.0", "v3.0.0"]),
        st.sampled_from(["deploy", "undeploy"]),
        st.booleans(),
        st.sampled_from(["success", "failure", "error", "inactive", "killed", "closed"]),
    ),
    max_size=5,
)


def _plan(version: str = "v1.0.0", action: str = "deploy") -> Plan:
    plan = a_plan()
    return replace(plan, decision=replace(plan.decision, version=version, action=action))  # type: ignore[arg-type]


def _log(journals: GitJournals) -> GitLog:
    return GitLog(journals, who="ann", clock=FakeClock())


def _carry_out(host: CodeHost, number: int, step: tuple[str, str, bool, str]) -> None:
    version, action, placed, end = step
    plan = _plan(version, action)
    started = host.start(plan, f"attempt {number}", Evidence(action=action))
    if placed:
        host.placed(plan, started)
    if end == "closed":
        host.close(host.records(*WHERE, limit=9).newest_first[0], "nobody works on it")
    elif end != "killed":
        state = end if action == "deploy" or end in ("failure", "error") else "inactive"
        host.finish(plan, f"attempt {number}", started, Ending(state, f"{end} {number}"))  # type: ignore[arg-type]


def _told(records: Records) -> tuple[list[object], bool]:
    return [record._replace(id="", created="", updated="", ended="") for record in records.newest_first], records.whole


@pytest.mark.thorough
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, limit=st.integers(1, 6), past=st.integers(0, 6))
def test_both_logs_tell_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    steps: list[tuple[str, str, bool, str]],
    limit: int,
    past: int,
) -> None:
    room = tmp_path_factory.mktemp("logs")
    with journals_on(room, monkeypatch, alone=True) as journals:
        hosts: list[CodeHost] = [_log(journals), LocalLog(None, who="ann", clock=FakeClock())]
        for number, step in enumerate(steps):
            for host in hosts:
                _carry_out(host, number, step)
        git, local = (host.records(*WHERE, limit=limit, past=past) for host in hosts)
        assert _told(git) == _told(local)
        mine, theirs = now_running(git), now_running(local)
        assert (mine and mine.attempt) == (theirs and theirs.attempt)


def test_a_fresh_clone_knows_what_another_job_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journals_on(tmp_path, monkeypatch) as first:
        log = _log(first)
        log.finish(_plan(), "a1", log.start(_plan(), "a1", Evidence()), Ending("success", "it serves"))
    with journals_on(tmp_path, monkeypatch) as second:
        [record] = _log(second).records(*WHERE, limit=9).newest_first
        assert (record.version, record.outcome, record.actor) == ("v1.0.0", "success", "alice")


def test_another_run_closes_what_was_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journals_on(tmp_path, monkeypatch) as first, journals_on(tmp_path, monkeypatch) as second:
        died, sweeper = _log(first), _log(second)
        started = died.start(_plan(), "a1", Evidence())
        sweeper.close(sweeper.records(*WHERE, limit=9).newest_first[0], "nobody works on it")
        # The run was only slow: what it says of itself counts.
        assert died.finish(_plan(), "a1", started, Ending("success", "it serves")) == []
        [record] = sweeper.records(*WHERE, limit=9).newest_first
        assert (record.state, record.outcome, record.summary) == ("success", "success", "it serves")


def test_a_start_that_is_tried_again_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journals_on(tmp_path, monkeypatch) as journals:
        log = _log(journals)
        assert log.start(_plan(), "a1", Evidence()) == log.start(_plan(), "a1", Evidence())
        assert len(log.records(*WHERE, limit=9).newest_first) == 1


def test_what_the_remote_could_not_be_told_comes_with_the_next_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That something was put in place and then failed must not be forgotten: else nobody would look for it."""
    with GitRemote(tmp_path / "remotes") as remote:
        remote.add("ml/models")
        with journals_on(tmp_path, monkeypatch, url=remote.repository_url("ml/models")) as journals:
            log = _log(journals)
            started = log.start(_plan("v2.0.0"), "a1", Evidence())
            remote.down = True
            for tell in (
                lambda: log.placed(_plan("v2.0.0"), started),
                lambda: log.finish(_plan("v2.0.0"), "a1", started, Ending("failure", "it does not serve")),
            ):
                with pytest.raises(MachineryFailed) as failed:
                    tell()
                assert failed.value.reason is Reason.END_NOT_RECORDED
            remote.down = False
            back = log.start(_plan("v1.0.0"), "a2", Evidence(automatic=True, answers="a1"))
            log.finish(_plan("v1.0.0"), "a2", back, Ending("success", "it serves"))
            newest, older = log.records(*WHERE, limit=9, past=9).newest_first
            assert (newest.version, newest.state) == ("v1.0.0", "success")
            assert (older.version, older.outcome, older.placed) == ("v2.0.0", "failure", True)


def test_a_log_that_was_deleted_meanwhile_is_said_to_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journals_on(tmp_path, monkeypatch) as journals:
        log = _log(journals)
        started = log.start(_plan(), "a1", Evidence())
        bare = GitRepository(tmp_path / "remote.git", bare=True)
        for ref in bare.git("for-each-ref", "--format=%(refname)", REFS).splitlines():
            bare.git("update-ref", "-d", ref)
        with pytest.raises(MachineryFailed, match="has no deployment"):
            log.finish(_plan(), "a1", started, Ending("success", "it serves"))


def test_a_clone_does_not_fetch_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journals_on(tmp_path, monkeypatch) as journals:
        _log(journals).start(_plan(), "a1", Evidence())
        clone = GitRepository(tmp_path / "other")
        clone.git("remote", "add", "origin", str(tmp_path / "remote.git"))
        clone.git("fetch", "--quiet", "--tags", "origin")
        assert clone.git("for-each-ref", "refs/model-stages") == ""
