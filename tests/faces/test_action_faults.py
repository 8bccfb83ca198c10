"""The whole action while GitHub has trouble at each of its calls: no wrong success, no deployment without a record.

All calls with all kinds of trouble, faster and in memory, are in tests/flows/test_delivery_faults.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from model_stage_deploy.core.reasons import Reason
from tests.faces.jobs import REPOSITORY, Ended, Job
from tests.faces.runner_log import assert_only_ours
from tests.flows.test_delivery_faults import TROUBLE, WITHOUT_A_START
from tests.standins.registries import GitRepository

MAPPING = """\
version: 1
stages:
  prod:
    deploy: {uses: webhook, retries: 0, with: {url: "RECEIVER/churn"}}
    verify: [{name: serves, run: 'test "$MSD_STAGE" = prod'}]
    on-failure: rollback
"""
KINDS = {name: trouble for name, trouble in TROUBLE.items() if name != "timeout"} | {
    "stall": {"kind": "timeout", "seconds": 0.5}  # a whole timeout is 20 s
}
CALLS = 13
"""Of one delivery."""
TAGS = {"v1.0.0": "churn@v1.0.0", "v2.0.0": "churn@v2.0.0"}


class Delivery:
    """Versions delivered by turns to prod, each by a tag of its own."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._number = 5
        job.map(MAPPING)
        self.live = "v2.0.0"
        assert job.push("churn#prod#5").exit_code == 0
        self.calls = 0

    def next(self, **trouble: Any) -> None:
        """Deliver the other version, with trouble; look; if it failed, run the same job again, without any; look."""
        before, seen, calls = self.live, len(self.job.receiver.requests), len(self.job.github.calls)
        version = "v1.0.0" if before == "v2.0.0" else "v2.0.0"
        self._number += 1
        tag = f"churn#prod#{self._number}"
        self.job.repository.tag(tag, at=self.job.repository.tags()[TAGS[version]])
        self.job.publish()
        if trouble:
            self.job.github.fail_next("*", "", **trouble)
        ended = self.job.push(tag)
        self.calls = len(self.job.github.calls) - calls
        self._judge(ended, version, seen)
        self.job.github.heal()
        if ended.exit_code:
            ended = self.job.push(tag)
            assert ended.outputs["reason"] in ("deployed", "already-deployed"), ended.log
        assert self._active()[-1] == version, ended.log
        assert [state for state in self._last_states() if state not in ("success", "inactive", "error")] == [], (
            ended.log
        )
        self.live = version

    def _judge(self, ended: Ended, version: str, seen: int) -> None:
        """What a run says is so, and no deployer began without a record of its start."""
        assert_only_ours(ended.log)
        assert "Traceback" not in ended.log
        reason = Reason(ended.outputs["reason"])
        assert (ended.exit_code, ended.outputs["result"]) == (reason.exit_code, reason.result.value), ended.log
        bare = GitRepository(self.job.remote.directory(*REPOSITORY.split("/")), bare=True)
        assert bare.git("for-each-ref", "refs/model-stages") == "", ended.log
        received = [request.json["version"] for request in self.job.receiver.requests[seen:]]
        assert received in ([], [version]), ended.log
        if received:
            newest = self.job.github.deployments[-1]
            assert _version(newest) == version, ended.log
            assert self.job.github.deployment_statuses(newest.id)[0].state == "in_progress", ended.log
        else:
            assert reason in WITHOUT_A_START, ended.log
        if ended.exit_code == 0:
            assert (received, self._active()[-1]) == ([version], version), ended.log

    def _active(self) -> list[str]:
        """Versions that GitHub shows as successes, the newest last."""
        both = zip(self.job.github.deployments, self._last_states(), strict=True)
        return [_version(deployment) for deployment, state in both if state == "success"]

    def _last_states(self) -> list[str]:
        found = []
        for each in self.job.github.deployments:
            statuses = self.job.github.deployment_statuses(each.id)
            found.append(statuses[-1].state if statuses else "")
        return found


def _version(deployment: Any) -> str:
    payload = json.loads(deployment.payload) if isinstance(deployment.payload, str) else deployment.payload
    version: str = payload["version"]
    return version


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_trouble_at_each_call(job: Job, kind: str) -> None:
    """Each kind at some of the calls, so that together they hit every one."""
    delivery = Delivery(job)
    for call in range(list(KINDS).index(kind), CALLS, len(KINDS)):
        delivery.next(after=call, **KINDS[kind])


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "call"), [("html-200", 2), ("403", 5), ("422", 8)])
def test_trouble_that_lasts(job: Job, kind: str, call: int) -> None:
    """GitHub is gone for the rest of the run: at the last look, at the start, at the end."""
    Delivery(job).next(after=call, times=999, **KINDS[kind])


@pytest.mark.thorough
def test_the_calls_are_counted(job: Job) -> None:
    delivery = Delivery(job)
    delivery.next()
    assert delivery.calls == CALLS
