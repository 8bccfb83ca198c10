"""`host/action.yml` is `action.yml` in another place: the same inputs and outputs, each passed on, and no shell."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from model_stage_deploy.faces.settings import INPUTS, OUTPUTS, from_inputs
from tests.contract.generate import ROOT
from tests.host.host_steps import step


@pytest.fixture(scope="module")
def actions() -> tuple[dict[str, Any], dict[str, Any]]:
    """The container action and the host action."""
    there, here = (yaml.safe_load((ROOT / name).read_text("utf-8")) for name in ("action.yml", "host/action.yml"))
    return there, here


def test_the_inputs_are_equal(actions: tuple[dict[str, Any], dict[str, Any]]) -> None:
    there, here = actions
    assert here["inputs"] == there["inputs"]


def test_the_outputs_are_equal_and_each_is_passed_on(actions: tuple[dict[str, Any], dict[str, Any]]) -> None:
    there, here = actions
    assert {name: output["description"] for name, output in here["outputs"].items()} == {
        name: output["description"] for name, output in there["outputs"].items()
    }
    assert {name: output["value"] for name, output in here["outputs"].items()} == {
        output.name: f"${{{{ steps.{step()['id']}.outputs.{output.name} }}}}" for output in OUTPUTS
    }


def test_each_input_is_passed_on_under_the_name_that_the_settings_read() -> None:
    given = {name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", r"\1", value) for name, value in step()["env"].items()}
    assert given == {f"INPUT_{entry.name.upper()}": entry.name for entry in INPUTS}
    switches = {f"INPUT_{name}": "true" for name in ("DRY-RUN", "NO-GITHUB", "APPLY")}
    settings = from_inputs(switches)
    assert (settings.dry_run, settings.no_github, settings.apply) == (True, True, True)


def test_no_shell_and_no_pasted_value(actions: tuple[dict[str, Any], dict[str, Any]]) -> None:
    _, here = actions
    assert here["runs"]["using"] == "composite"
    assert step()["shell"] == 'python3 -I -S -u "{0}"'
    assert "${{" not in step()["run"]
    assert set(step()) == {"id", "name", "shell", "run", "env"}
