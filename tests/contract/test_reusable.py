"""The reusable workflows as files: safe to expand, in step with the action, and their scripts do what they say."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from model_stage_deploy.core.workflows import understood
from model_stage_deploy.faces.settings import INPUTS, OUTPUTS
from tests.contract.generate import ROOT
from tests.contract.reusable import NEW_KEYS, ON_HOST, WORKFLOW, for_older_servers

PAGE = ROOT / "docs/howto/use-the-reusable-workflow.md"
HEAD = "| Model | Stage | Before | Version | Result | Reason |\n| --- | --- | --- | --- | --- | --- |\n"
ROW = "| `churn` | `prod` | v1.0.0 | `v2.0.0` | deployed | `deployed` |"


def read(path: Path) -> dict[Any, Any]:
    """A workflow; `on` is the key True to YAML 1.1."""
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    """Every step of every job."""
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def script(step: str) -> str:
    """The text of a step's `run`, the same in each job that has it."""
    [found] = {each["run"] for each in steps(WORKFLOW) if each.get("id") == step}
    return str(found)


WAVES = [f"wave-{number}" for number in range(1, 5)]
"""The jobs for waves of targets."""
DEPLOYING = ["deploy", *WAVES, "finish"]
"""The jobs of a matrix, in environments."""


@pytest.mark.parametrize("path", [WORKFLOW, ON_HOST], ids=lambda path: path.stem)
def test_nothing_but_a_call_starts_it_and_no_value_becomes_a_command(path: Path) -> None:
    assert list(read(path)[True]) == ["workflow_call"]
    assert not [step["run"] for step in steps(path) if "${{" in step.get("run", "")]
    assert [step["shell"] for step in steps(path) if "run" in step] == ["bash"] * 6


@pytest.mark.parametrize("path", [WORKFLOW, ON_HOST], ids=lambda path: path.stem)
def test_it_speaks_of_inputs_and_outputs_that_the_action_has(path: Path) -> None:
    known, told = {entry.name for entry in INPUTS}, {output.name for output in OUTPUTS}
    call, jobs = read(path)[True]["workflow_call"], read(path)["jobs"]
    ours = [step for step in steps(path) if "model-stage-deploy" in step.get("uses", "")]
    assert len(ours) == 1 + len(DEPLOYING)
    for step in ours:
        assert set(step["with"]) <= known
    assert set(call["inputs"]) - {"runs-on", "environments", "one-job"} <= known
    assert set(call["outputs"]) <= told
    assert set(jobs["plan"]["outputs"]) <= told
    assert set(jobs["summary"]["outputs"]) == set(call["outputs"])


def test_doctor_takes_the_example_for_a_workflow_that_deploys_and_may() -> None:
    text = (ROOT / "workflows-examples/deploy-with-reusable.yml").read_text(encoding="utf-8")
    [job] = understood("deploy.yml", yaml.load(text, Loader=yaml.BaseLoader)).jobs
    assert job.deploys
    assert job.permissions == job.needs


@pytest.mark.parametrize("path", [WORKFLOW, ON_HOST], ids=lambda path: path.stem)
def test_a_count_that_is_missing_is_not_taken_for_none(path: Path) -> None:
    """`null != '0'` is false for GitHub: both become numbers."""
    jobs = read(path)["jobs"]
    assert jobs["deploy"]["if"] == "${{ !inputs.dry-run && format('{0}', needs.plan.outputs.count) != '0' }}"
    assert jobs["wave-1"]["if"] == "${{ !inputs.dry-run && format('{0}', needs.plan.outputs.spread) != '0' }}"


def test_what_waits_is_not_dropped_and_what_runs_is_not_stopped() -> None:
    jobs = read(WORKFLOW)["jobs"]
    for job in (jobs[name] for name in DEPLOYING):
        assert job["concurrency"] == {"group": "${{ matrix.group }}", "queue": "max", "cancel-in-progress": False}
        assert job["environment"] == jobs["deploy"]["environment"]
        assert job["environment"]["deployment"] is False
        assert job["strategy"]["fail-fast"] is False


def test_the_plan_is_told_how_many_waves_there_are_jobs_for() -> None:
    jobs = read(WORKFLOW)["jobs"]
    [step] = jobs["plan"]["steps"]
    assert step["with"]["spread"] == f"${{{{ inputs.one-job && '0' || '{len(WAVES)}' }}}}"
    assert [name for name in jobs if name.startswith("wave-")] == WAVES
    assert jobs["finish"]["needs"] == ["plan", *WAVES]
    assert jobs["summary"]["needs"] == ["plan", *DEPLOYING]


def test_the_waves_differ_in_nothing_but_their_number() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    second, *others = [text.split(f"  {name}:\n")[1].split("\n\n")[0] for name in WAVES[1:]]
    for number, other in enumerate(others, start=3):
        shown = second.replace("wave-2", f"wave-{number}").replace("wave-1", f"wave-{number - 1}")
        assert other == shown.replace("[1]", f"[{number - 1}]")
    jobs = read(WORKFLOW)["jobs"]
    first, second_job = jobs["wave-1"], jobs["wave-2"]
    pause, *second_steps = second_job["steps"]
    assert (pause["if"], pause["run"]) == ("matrix.pause != 0", 'sleep "$PAUSE"')
    assert [step["with"] for step in first["steps"]] == [step["with"] for step in second_steps]
    assert first["strategy"]["matrix"] == "${{ fromJSON(needs.plan.outputs.waves)[0] }}"


def test_a_wave_takes_its_inputs_from_the_plan_alone() -> None:
    jobs = read(WORKFLOW)["jobs"]
    single, part, finish = (jobs[name]["steps"][0]["with"] for name in ("deploy", "wave-1", "finish"))
    more = {"wave": "${{ matrix.with.wave }}", "shard": "${{ matrix.with.shard }}"}
    assert part == single | more
    assert finish == single


def test_an_older_server_needs_two_lines_less() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    assert len(text.splitlines()) - len(for_older_servers(text).splitlines()) == len(NEW_KEYS) * len(DEPLOYING)
    older = yaml.safe_load(for_older_servers(text))["jobs"]["deploy"]
    assert list(older["environment"]) == ["name"]
    assert list(older["concurrency"]) == ["group", "cancel-in-progress"]
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{key}`" in page for key in NEW_KEYS)


def ran(text: str, place: Path, **variables: str) -> tuple[int, dict[str, str], str]:
    """A step's exit code, its outputs and its summary."""
    for name in ("output", "summary"):
        (place / name).write_text("", encoding="utf-8")
    files = {"GITHUB_OUTPUT": str(place / "output"), "GITHUB_STEP_SUMMARY": str(place / "summary")}
    environment = {"PATH": os.environ.get("PATH", os.defpath)} | files | variables
    done = subprocess.run(  # as the runner runs `shell: bash`
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text], check=False, cwd=place, env=environment
    )
    outputs = dict(line.split("=", 1) for line in (place / "output").read_text(encoding="utf-8").splitlines())
    return done.returncode, outputs, (place / "summary").read_text(encoding="utf-8")


GOOD = {
    "PLAN": "success",
    "PLANNED": "planned",
    "PLANNED_REASON": "dry-run",
    "PLANNED_URL": "",
    "COUNT": "1",
    "SPREAD": "0",
    "DRY_RUN": "false",
    "JOBS": "success skipped skipped skipped skipped skipped",
    "RESULT": "deployed",
    "REASON": "deployed",
    "LIVE": "v2.0.0",
    "VERIFIED": "true",
    "URL": "https://models.example.com/churn",
    "ID": "7",
    "ROWS": f"{ROW}\n\n\n",
}
WIDE = "skipped success success skipped skipped success"
"""How the jobs end where the targets of a stage, in two waves, got it."""
UNTOLD = "1 of 1 deployments say nothing here: rejected, cancelled, or past the eighth. Look at their jobs.\n"


def test_a_deployment_is_summed_up(tmp_path: Path) -> None:
    code, outputs, summary = ran(script("summary"), tmp_path, **GOOD)
    assert code == 0
    assert outputs == {
        "result": "deployed",
        "reason": "deployed",
        "count": "1",
        "live-version": "v2.0.0",
        "deployment-id": "7",
        "verified": "true",
        "environment-url": "https://models.example.com/churn",
    }
    assert summary == f"## Deployments: deployed\n\n{HEAD}{ROW}\n"


@pytest.mark.parametrize(
    ("changes", "code", "result"),
    [
        ({"JOBS": "failure", "RESULT": "refused"}, 1, "refused"),
        ({"JOBS": "failure", "RESULT": "deployed"}, 1, "failed"),  # another job of the matrix failed
        ({"JOBS": "failure", "RESULT": "", "ROWS": ""}, 1, "failed"),  # rejected by a reviewer
        ({"JOBS": "cancelled", "RESULT": "", "ROWS": ""}, 1, "cancelled"),
        ({"PLAN": "failure", "PLANNED": "refused", "JOBS": "skipped"}, 1, "refused"),
        ({"PLAN": "failure", "PLANNED": "", "JOBS": "skipped"}, 1, "error"),
        ({"PLAN": "cancelled", "PLANNED": "", "JOBS": "skipped"}, 1, "cancelled"),
        ({"PLANNED": "nothing-to-do", "COUNT": "0", "JOBS": "skipped"}, 0, "nothing-to-do"),
        ({"JOBS": "skipped"}, 1, "error"),  # a deployment was planned, and nobody knows why there is none
        ({"COUNT": "", "JOBS": "skipped"}, 1, "error"),
        ({"PLANNED": "planned", "JOBS": "skipped", "DRY_RUN": "true"}, 0, "planned"),
        ({"COUNT": "0", "SPREAD": "1", "JOBS": WIDE}, 0, "deployed"),
        ({"COUNT": "0", "SPREAD": "1", "JOBS": WIDE.replace("success", "failure", 1)}, 1, "failed"),
        ({"COUNT": "0", "SPREAD": "1", "JOBS": "skipped failure skipped skipped skipped failure"}, 1, "failed"),
        ({"COUNT": "0", "SPREAD": "1", "JOBS": "skipped cancelled skipped skipped skipped skipped"}, 1, "cancelled"),
        ({"COUNT": "0", "SPREAD": "1", "JOBS": "skipped"}, 1, "error"),
        ({"COUNT": "0", "SPREAD": "", "JOBS": "skipped"}, 1, "error"),
    ],
)
def test_how_it_ended(tmp_path: Path, changes: dict[str, str], code: int, result: str) -> None:
    exit_code, outputs, summary = ran(script("summary"), tmp_path, **(GOOD | changes))
    assert (exit_code, outputs["result"]) == (code, result)
    assert (UNTOLD in summary) == (changes.get("ROWS") == "")
    if changes.get("JOBS") == "skipped":
        assert (outputs["reason"], outputs["live-version"], summary) == ("dry-run", "", "")


def test_a_row_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    values = {"MODEL": "churn", "STAGE": "prod", "VERSION": "v2.0.0", "PREVIOUS": "", "RESULT": "deployed"}
    code, outputs, _ = ran(script("row"), tmp_path, INDEX="3", REASON="deployed\nresult=evil", **values)
    assert code == 0
    assert outputs == {"row-3": "| `churn` | `prod` | (nothing) | `v2.0.0` | deployed | `deployed result=evil` |"}


def test_what_a_record_says_was_there_before_is_no_markdown(tmp_path: Path) -> None:
    values = {"MODEL": "churn", "STAGE": "prod", "VERSION": "v2.0.0", "RESULT": "deployed", "REASON": "deployed"}
    for previous, shown in (
        ("v1.0.0-rc.1+build", "v1.0.0-rc.1+build"),
        ("[x](https://e.example)|<img>", "?x??https???e.example???img?"),
    ):
        _, outputs, _ = ran(script("row"), tmp_path, INDEX="0", PREVIOUS=previous, **values)
        assert outputs == {"row-0": f"| `churn` | `prod` | {shown} | `v2.0.0` | deployed | `deployed` |"}
