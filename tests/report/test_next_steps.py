"""The next command: for every end one that the command line takes, or none."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from model_stage_deploy.core.outcome import Outcome, Subject
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.arguments import parse
from model_stage_deploy.report.next_steps import next_commands
from tests.fakes.plans import HOSTILE
from tests.report.golden.ends import ends

pytestmark = pytest.mark.thorough  # many of one kind

SUBJECT = Subject("churn#prod#4", "assignment", "churn", "v1.0.0", "prod", "a" * 40)
BEGIN = ["python", "-m", "model_stage_deploy"]
TYPED = {
    "deployed": ["status churn"],
    "deployed-to-staging": ["promote churn --from staging --to prod --push"],
    "first-of-all": ["promote churn --from dev --to staging --push"],
    "planned": ["deploy 'churn#prod#6'"],
    "failed": ["deploy 'churn#dev#6'"],
    "failed-and-rolled-back": ["status churn"],
    "refused-by-gates": [],
    "mapping-invalid": ["check"],
    "superseded": [],
    "cancelled": ["status churn"],
    "several-stages": ["status churn"],
    "not-a-stage-tag": [],
}


@pytest.mark.parametrize("name", TYPED)
def test_what_is_typed_next(name: str) -> None:
    assert list(next_commands(ends()[name])) == [f"{' '.join(BEGIN)} {command}" for command in TYPED[name]]


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("placed", [False, True])
def test_every_command_is_one_that_there_is(reason: Reason, placed: bool) -> None:
    for command in next_commands(Outcome(reason, "message", SUBJECT, placed=placed)):
        words = shlex.split(command)
        assert words[:3] == BEGIN
        assert parse(words[3:]).command == words[3]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_one_word_of_the_shell(name: str) -> None:
    text = HOSTILE[name]
    hostile = replace(SUBJECT, tag=text, model=text, stage=text, version=text)
    for reason in Reason:
        for command in next_commands(Outcome(reason, "message", hostile)):
            words = shlex.split(command)
            assert all(word in (text, *BEGIN) or (word.isascii() and " " not in word) for word in words)
            assert len(words) <= 10


def test_after_a_failed_verification_without_a_way_back_the_first_command_goes_back() -> None:
    first, second = next_commands(Outcome(Reason.VERIFICATION_FAILED, "message", SUBJECT, placed=True))
    assert first.endswith("rollback churn prod")
    assert second.endswith("deploy 'churn#prod#4'")


@pytest.mark.parametrize("reason", Reason)
def test_no_command_goes_past_a_newer_tag_or_a_hold(reason: Reason) -> None:
    for placed in (False, True):
        for command in next_commands(Outcome(reason, "message", SUBJECT, placed=placed)):
            assert "--force" not in command
