"""MSD_* variables, and what a deployer's process does not get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.deployers.environment import (
    LONGEST_BYTES,
    VARIABLES,
    child_environment,
    msd_variables,
)
from tests.fakes.plans import HOSTILE, a_plan


def test_every_variable_of_the_table_is_there_and_no_other() -> None:
    assert set(msd_variables(a_plan(), "try-1")) == set(VARIABLES)


def test_values() -> None:
    found = msd_variables(a_plan(type="model", description="Churn.", rollback=True), "try-1", model_dir=Path("/m"))
    assert found == {
        "MSD_MODEL": "churn",
        "MSD_MODEL_SLUG": "churn",
        "MSD_MODEL_PATH": "models/churn.pkl",
        "MSD_MODEL_TYPE": "model",
        "MSD_MODEL_DESCRIPTION": "Churn.",
        "MSD_MODEL_DIR": "/m",
        "MSD_VERSION": "v3.1.0",
        "MSD_STAGE": "prod",
        "MSD_TARGET": "",
        "MSD_ENVIRONMENT": "production",
        "MSD_ENVIRONMENT_URL": "https://models.example.com/churn",
        "MSD_TAG": "churn#prod#4",
        "MSD_COMMIT": "c" * 40,
        "MSD_PREVIOUS_VERSION": "v3.0.0",
        "MSD_PREVIOUS_TAG": "churn#prod#3",
        "MSD_PREVIOUS_COMMIT": "b" * 40,
        "MSD_REPOSITORY": "org/models",
        "MSD_RUN_ID": "77",
        "MSD_RUN_URL": "https://github.example.com/org/models/actions/runs/77",
        "MSD_ACTOR": "alice",
        "MSD_ROLLBACK": "true",
        "MSD_ACTION": "deploy",
        "MSD_ATTEMPT": "try-1",
    }


def test_what_is_absent_is_an_empty_text() -> None:
    found = msd_variables(a_plan(path=None, previous=None, environment_url=None), "try-1")
    empty = {name for name, value in found.items() if not value}
    assert empty == {
        "MSD_MODEL_PATH",
        "MSD_MODEL_TYPE",
        "MSD_MODEL_DESCRIPTION",
        "MSD_MODEL_DIR",
        "MSD_TARGET",
        "MSD_ENVIRONMENT_URL",
        "MSD_PREVIOUS_VERSION",
        "MSD_PREVIOUS_TAG",
        "MSD_PREVIOUS_COMMIT",
    }
    assert found["MSD_ROLLBACK"] == "false"


def test_what_is_done() -> None:
    assert msd_variables(a_plan(), "try-1", action="undeploy")["MSD_ACTION"] == "undeploy"


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_values_stay_what_they_are(hostile: str) -> None:
    assert msd_variables(a_plan(description=hostile), "a")["MSD_MODEL_DESCRIPTION"] == hostile


@given(st.text(alphabet=st.characters(), max_size=50))
def test_any_text_can_be_a_variable(text: str) -> None:
    value = msd_variables(a_plan(description=text), "a")["MSD_MODEL_DESCRIPTION"]
    assert "\0" not in value
    assert value.encode().decode() == value


@pytest.mark.parametrize("letter", ["x", "✓"])
def test_a_huge_value_still_starts_a_process(letter: str) -> None:
    variables = msd_variables(a_plan(description=letter * 1_000_000), "a")
    assert len(variables["MSD_MODEL_DESCRIPTION"].encode()) in range(LONGEST_BYTES - 3, LONGEST_BYTES + 1)
    subprocess.run([sys.executable, "-S", "-c", ""], env={**os.environ, **variables}, check=True)


def test_child_environment_leaves_out_our_own_and_the_runners_plumbing() -> None:
    outer = {
        "PATH": "/bin",
        "HOME": "/root",
        "AWS_ACCESS_KEY_ID": "kept: the user put it there",
        "GITHUB_TOKEN": "kept: the user put it there",
        "GITHUB_SHA": "kept",
        "GITHUB_STEP_SUMMARY": "kept",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "kept: for signing in to a cloud",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "kept",
        "INPUT_TOKEN": "x",
        "INPUT_DRY-RUN": "x",
        "MSD_MODEL": "x",
        "MSD_OUTPUT": "x",
        "ACTIONS_RUNTIME_TOKEN": "x",
        "ACTIONS_RUNTIME_URL": "x",
        "ACTIONS_CACHE_URL": "x",
        "ACTIONS_RESULTS_URL": "x",
        "GITHUB_OUTPUT": "x",
        "GITHUB_ENV": "x",
        "GITHUB_PATH": "x",
        "GITHUB_STATE": "x",
    }
    assert child_environment(outer) == {name: value for name, value in outer.items() if value != "x"}
