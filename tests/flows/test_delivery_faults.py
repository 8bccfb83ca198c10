"""A whole delivery while GitHub has trouble: at each of its calls, each kind, once and for good.

The adapter, its client and HTTP are real; tags, locks, the deployer and what is live are in memory. As whole processes,
at each call, it is in tests/faces/test_action_faults.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_deployments import GitHubDeployments
from model_stage_deploy.core.lifecycle import UNDER_WAY, Records, now_running
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.flows.context import Context, Wishes
from tests.flows.delivery_world import Life, Mortal, World
from tests.standins.github import GitHubStandIn

pytestmark = pytest.mark.thorough

LIMIT = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
TROUBLE: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "502": {"status": 502},
    "422": {"status": 422},
    "403": {"status": 403, "body": {"message": "Resource not accessible by integration"}},
    "html-502": {"kind": "html", "status": 502},
    "html-200": {"kind": "html", "status": 200},
    "reset": {"kind": "reset"},
    "answer-lost": {"kind": "reset", "applied": True},
    "timeout": {"kind": "timeout"},
    "secondary-limit": {"status": 403, "headers": {"Retry-After": "1"}, "body": LIMIT},
}
SLOW = ("timeout", "secondary-limit")
"""Waited for, a second each time, so they come once, and not for good."""
CALLS, CALLS_BACK = 13, 23
"""How many calls a delivery takes, and one that fails and is rolled back; a test counts them."""
WITHOUT_A_START = {Reason.START_NOT_RECORDED, Reason.GITHUB_FAILED, Reason.PERMISSION_MISSING}


class OnGitHub(World):
    """The world, recorded on GitHub: v1.0.0 is live and verified, and v2.0.0 waits to be deployed."""

    def __init__(self, github: GitHubStandIn) -> None:
        super().__init__()
        client = GitHubClient(github.url, "org/models", Secret("test-token"), timeout=1, backoff=0.01)
        self.github = github
        self.host = GitHubDeployments(client, str, "https://github.example.com/org/models/actions/runs/77")
        self.tag("m@v1.0.0", "A")
        self.tag("m@v2.0.0", "B")
        self.tag("m@v3.0.0", "C")
        first = self.run(self.tag("m#prod#1", "A"))
        assert first is not None
        assert first.exit_code == 0
        self.newest = self.tag("m#prod#2", "B")
        self.history.clear()
        self.github.calls.clear()

    def context(self, life: Life, wishes: Wishes) -> Context:
        return replace(super().context(life, wishes), host=Mortal(self.host, life))

    def records(self) -> Records:
        return self.host.records("m", "prod", "prod", limit=30, past=30)


@contextmanager
def a_world() -> Iterator[OnGitHub]:
    with GitHubStandIn() as github:
        yield OnGitHub(github)
        github.assert_clean()


def states(world: OnGitHub, version: str) -> list[list[str]]:
    """The states that GitHub was told of each deployment of a version, the oldest first."""
    found = []
    for each in world.github.deployments:
        payload = json.loads(each.payload) if isinstance(each.payload, str) else each.payload
        if isinstance(payload, Mapping) and payload["version"] == version:
            found.append([status.state for status in world.github.deployment_statuses(each.id)])
    return found


def hit(call: int, trouble: Mapping[str, Any], *, times: int, bad: bool) -> None:
    """Deliver v2.0.0 with trouble at `times` calls from one on, then v2.0.0 (or if it is bad v3.0.0) without."""
    with a_world() as world:
        if bad:
            world.bad.add("v2.0.0")
        world.github.fail_next("*", "", after=call, times=times, **trouble)
        outcome = world.run(world.newest)
        assert outcome is not None
        ended = f"call {call}: {outcome.reason}: {outcome.message}"
        judge(world, outcome, ended, bad=bad)
        world.github.heal()
        settled = world.run(world.tag("m#prod#3", "C") if bad else world.newest)
        assert settled is not None
        assert settled.reason in (Reason.DEPLOYED, Reason.ALREADY_DEPLOYED), f"{ended}; then {settled.message}"
        assert world.live == ("v3.0.0" if bad else "v2.0.0"), ended
        records = world.records()
        running = now_running(records)
        assert running is not None, ended
        assert running.version == world.live, ended
        assert not [record for record in records.newest_first if record.state in UNDER_WAY], ended
        assert list(world.locks.entries()) == [], ended


def judge(world: OnGitHub, outcome: Outcome, ended: str, *, bad: bool) -> None:
    """What a run says of its end is so, and no deployer began without a record."""
    assert outcome.exit_code == outcome.reason.exit_code, ended
    assert list(world.locks.entries()) == [], ended
    assert world.history.count("v2.0.0") <= 1, ended
    for version in world.history:
        assert any("in_progress" in told for told in states(world, version)), ended
    if not world.history:
        assert outcome.reason in WITHOUT_A_START, ended
        assert world.live == "v1.0.0", ended
    assert (outcome.exit_code == 0) == (outcome.reason is Reason.DEPLOYED), ended
    if outcome.reason is Reason.DEPLOYED:
        assert not bad, ended
        assert (world.live, states(world, "v2.0.0")[-1][-1]) == ("v2.0.0", "success"), ended
    if outcome.reason is Reason.ROLLED_BACK_AFTER_FAILURE:
        assert (world.live, states(world, "v1.0.0")[-1][-1]) == ("v1.0.0", "success"), ended


def everywhere(kind: str, calls: int, *, times: int, bad: bool) -> None:
    """A world of its own for each call, some at a time, for much of it is waiting."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda call: hit(call, TROUBLE[kind], times=times, bad=bad), range(calls)))


def test_the_calls_are_counted() -> None:
    for bad, calls in ((False, CALLS), (True, CALLS_BACK)):
        with a_world() as world:
            if bad:
                world.bad.add("v2.0.0")
            world.run(world.newest)
            assert len(world.github.calls) == calls


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.thorough] * (kind in SLOW)) for kind in TROUBLE]
)
def test_trouble_once_at_each_call(kind: str) -> None:
    everywhere(kind, CALLS, times=1, bad=False)


@pytest.mark.long
@pytest.mark.thorough
@pytest.mark.parametrize("kind", [kind for kind in TROUBLE if kind not in SLOW])
def test_trouble_from_each_call_on(kind: str) -> None:
    everywhere(kind, CALLS, times=999, bad=False)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_once_at_each_call_of_a_way_back(kind: str) -> None:
    everywhere(kind, CALLS_BACK, times=1, bad=True)


@pytest.mark.long
@pytest.mark.thorough
@pytest.mark.parametrize("kind", [kind for kind in TROUBLE if kind not in SLOW])
def test_trouble_from_each_call_of_a_way_back_on(kind: str) -> None:
    everywhere(kind, CALLS_BACK, times=999, bad=True)
