"""The closed list of results and reasons: complete, and the same in the code, the exit code and the errors."""

from __future__ import annotations

import re

import pytest

from model_stage_deploy.core.errors import (
    Cancelled,
    DeploymentFailed,
    Invalid,
    MachineryFailed,
    ModelStageError,
    NothingToDo,
    Refused,
)
from model_stage_deploy.core.reasons import Reason, Result


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_result_a_meaning_and_an_exit_code(reason: Reason) -> None:
    assert reason.result in Result
    assert reason.exit_code == reason.result.exit_code
    assert re.fullmatch(r"[A-Z].+\.", reason.meaning), "one sentence"
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.value)


def test_every_result_has_a_reason() -> None:
    assert {reason.result for reason in Reason} == set(Result)


def test_exit_codes_are_those_promised() -> None:
    assert {result.value: result.exit_code for result in Result} == {
        "deployed": 0,
        "planned": 0,
        "resolved": 0,
        "checked": 0,
        "written": 0,
        "undeployed": 0,
        "nothing-to-do": 0,
        "failed": 1,
        "invalid": 2,
        "refused": 3,
        "error": 4,
        "unrecorded": 4,
        "cancelled": 130,
    }


@pytest.mark.parametrize(
    ("family", "reason", "code"),
    [
        (NothingToDo, Reason.NOT_A_STAGE_TAG, 0),
        (DeploymentFailed, Reason.DEPLOYER_TIMEOUT, 1),
        (Invalid, Reason.USAGE, 2),
        (Refused, Reason.INCOMPLETE_TAGS, 3),
        (MachineryFailed, Reason.GIT_FAILED, 4),
    ],
)
def test_errors_know_their_exit_code(family: type[ModelStageError], reason: Reason, code: int) -> None:
    error = family(reason, "what is wrong", hint="what to do")
    assert (error.exit_code, error.reason, error.message, error.hint) == (code, reason, "what is wrong", "what to do")
    assert str(error) == "what is wrong"


def test_cancelling_is_not_an_error_that_code_may_swallow() -> None:
    assert not issubclass(Cancelled, Exception)
    assert NothingToDo(Reason.REGISTRATION, "x").doubtful is False
    assert DeploymentFailed(Reason.DEPLOYER_FAILED, "x", tail="end").tail == "end"
