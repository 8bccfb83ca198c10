"""The mlem deployer, with a stand-in for the `mlem` program."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.core.errors import DeploymentFailed, Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.mlem import NO_PROOF, Mlem, MlemOptions
from model_stage_deploy.ports import Finished
from tests.fakes.plans import a_plan
from tests.fakes.process import FakeProcess


def _options(**given: Any) -> MlemOptions:
    options = options_of(Mlem, given)
    assert isinstance(options, MlemOptions)
    return options


def _job(tmp_path: Path, said: list[str] | None = None, **changes: Any) -> Job:
    files, model_dir = tmp_path / "files", tmp_path / "model"
    files.mkdir(exist_ok=True)
    model_dir.mkdir(exist_ok=True)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    return Job(a_plan(**changes), "try-1", env, 20, (said if said is not None else []).append, files, model_dir)


@pytest.fixture
def mlem(tmp_path: Path) -> Path:
    """A program `mlem` on PATH that writes down how it was called and says what the real one says."""
    program = tmp_path / "bin" / "mlem"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        f"with open({str(tmp_path / 'called')!r}, 'w') as out:\n"
        "    quiet = os.environ['ITERATIVE_DO_NOT_TRACK']\n"
        "    json.dump([sys.argv[1:], os.getcwd(), quiet], out)\n"
        "print('Container x is up')\n"
    )
    program.chmod(0o755)
    return tmp_path / "called"


def test_mlem_runs_in_the_trusted_checkout_on_the_model_of_the_tagged_commit(mlem: Path, tmp_path: Path) -> None:
    said: list[str] = []
    job = _job(tmp_path, said)
    receipt = Mlem(Subprocesses()).deploy(job, _options(load="deploy/prod", model="models/iris"))
    model = str((tmp_path / "model" / "models" / "iris").resolve())
    assert json.loads(mlem.read_text()) == [
        ["deployment", "run", "--load", "deploy/prod", "--model", model],
        str((tmp_path / "files").resolve()),
        "1",
    ]
    assert NO_PROOF in "".join(said)
    assert receipt.facts["proof"] is False


def test_the_path_of_an_annotation_is_relative_to_the_directory_of_the_model(tmp_path: Path) -> None:
    process = FakeProcess()
    job = _job(tmp_path, path="models/iris", dir="fraud/eu")
    Mlem(process).deploy(job, _options(load="x", model="models/iris"))
    assert process.commands[0].argv[-1].endswith("/model/fraud/eu/models/iris")


@pytest.mark.parametrize("model", ["s3://bucket/models/iris", "https://github.com/org/repo/models/iris"])
def test_urls_of_models_stay(model: str, tmp_path: Path) -> None:
    process = FakeProcess()
    Mlem(process).deploy(_job(tmp_path), _options(load="x", model=model, extra=["--conf", "$(x)"]))
    assert process.commands[0].argv[-4:] == ("--model", model, "--conf", "$(x)")


def test_arguments_of_ones_own(tmp_path: Path) -> None:
    process = FakeProcess()
    Mlem(process).deploy(_job(tmp_path), _options(argv=["mlem", "deploy", "apply", "a b"], extra=["-v"]))
    assert process.commands[0].argv == ("mlem", "deploy", "apply", "a b", "-v")


@pytest.mark.parametrize("model", ["../../etc/passwd", "/etc/passwd", "link"])
def test_a_model_outside_the_tagged_commit(model: str, tmp_path: Path) -> None:
    job = _job(tmp_path)
    (tmp_path / "model" / "link").symlink_to("/etc")
    process = FakeProcess()
    with pytest.raises(DeploymentFailed, match="leads out"):
        Mlem(process).deploy(job, _options(load="x", model=model))
    assert process.commands == []


def test_mlem_is_not_installed(tmp_path: Path) -> None:
    job = _job(tmp_path)
    with pytest.raises(DeploymentFailed) as caught:
        Mlem(Subprocesses()).deploy(
            Job(job.plan, "a", {"PATH": str(tmp_path)}, 5, job.output, job.files, job.model_dir),
            _options(load="x", model="y"),
        )
    assert caught.value.reason is Reason.DEPLOYER_FAILED
    assert "mlem was not found" in caught.value.message
    for words in ("isort<6", "typer<0.26", "argv"):
        assert words in caught.value.hint


def test_a_failure_keeps_the_tail(tmp_path: Path) -> None:
    process = FakeProcess(Finished(1, 1.0, "no heroku binary"))
    said: list[str] = []
    with pytest.raises(DeploymentFailed) as caught:
        Mlem(process).deploy(_job(tmp_path, said), _options(load="x", model="y"))
    assert (caught.value.tail, "".join(said)) == ("no heroku binary", "")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs `load` and `model`"),
        ({"load": "x"}, "needs `load` and `model`"),
        ({"load": "x", "model": "--help"}, "begin with `-`"),
        ({"load": "", "model": "y"}, "empty"),
        ({"load": "x", "model": "y", "argv": ["z"]}, "cannot stand beside"),
        ({"argv": []}, "name of a program"),
        ({"load": "x", "model": "y", "extras": []}, "did you mean `extra`?"),
    ],
)
def test_settings_that_are_wrong(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        _options(**given)
    assert words in caught.value.message


def test_describe() -> None:
    lines = Mlem(FakeProcess()).describe(a_plan(), _options(load="deploy/prod", model="models/a b"))
    assert lines[1] == '  ["mlem", "deployment", "run", "--load", "deploy/prod", "--model", "models/a b"]'
