"""Approving: only what can be deployed and would be asked for; the record says who."""

from __future__ import annotations

import pytest

from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.flows.approving import approve
from tests.core.tag_records import commit, registry
from tests.fakes.clock import FakeClock
from tests.flows.upkeep_worlds import context

MAPPING = """\
version: 1
stages:
  prod: {deploy: {run: ./deploy.sh}, gates: {approval: {by: [ann]}}}
  dev: {deploy: {run: ./deploy.sh}}
"""
MODEL = registry("m@v1.0.0 A", "m@v2.0.0 B", "m@v2.0.0! B", "m@v3.0.0 C", "m#prod#1 A").model("m")


@pytest.fixture
def host() -> LocalLog:
    return LocalLog(None, who="Ann <ann@example.com>", clock=FakeClock())


def test_an_approval_is_recorded_for_the_versions_commit(host: LocalLog) -> None:
    made = approve(context(MAPPING, FakeClock()), host, MODEL, "v3.0.0", "prod", "as agreed")
    assert (made.by, made.commit, made.asked, made.tag) == ("Ann <ann@example.com>", commit("C"), True, "")
    [approved] = host.approvals("m", "v3.0.0", "prod", commit("C"))
    assert (approved.by, approved.message, approved.time) == (made.by, "as agreed", FakeClock().now())


def test_it_says_whether_anything_waits_for_it(host: LocalLog) -> None:
    world = context(MAPPING, FakeClock())
    assert not approve(world, host, MODEL, "v1.0.0", "dev", "").asked
    assert approve(world, host, MODEL, "v1.0.0", "prod", "").tag == "m#prod#1"


@pytest.mark.parametrize(
    ("version", "stage", "reason"),
    [
        ("v9.0.0", "prod", Reason.UNKNOWN_VERSION),
        ("v2.0.0", "prod", Reason.INACTIVE_VERSION),
        ("v1.0.0", "prdo", Reason.UNMAPPED_STAGE),
    ],
)
def test_what_nobody_would_ask_for_is_refused(host: LocalLog, version: str, stage: str, reason: Reason) -> None:
    with pytest.raises(ModelStageError) as problem:
        approve(context(MAPPING, FakeClock()), host, MODEL, version, stage, "")
    assert problem.value.reason is reason
    assert problem.value.hint
    assert host.approvals("m", version, stage, commit("A")) == ()
