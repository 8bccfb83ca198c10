"""The presets: what each runs, asks first, refuses, and says of itself. The tools are played by FakeProcess here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import DeploymentFailed, Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job, Status, can_tell_status, can_undeploy
from model_stage_deploy.deployers.preset import PresetDeployer
from model_stage_deploy.deployers.preset_options import PresetOptions
from model_stage_deploy.deployers.preset_steps import FACTS, Step, arguments, facts, pattern, placeholders
from model_stage_deploy.deployers.presets import PRESETS
from model_stage_deploy.ports import Command, Finished
from tests.contract.generate import ROOT
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan

GIVEN: Mapping[str, dict[str, Any]] = {
    "bentoml": {"restart": ["./serve.sh", "--port", "3000"], "stop": ["./stop.sh"]},
    "bentoml-cloud": {"deployment": "churn", "cluster": "eu"},
    "kubectl": {"deployment": "churn", "container": "server", "image": "registry.example.com:5000/churn:v3.1.0"},
    "kserve": {"inferenceservice": "churn", "uri": 's3://models/"churn"', "namespace": "ml", "context": "prod"},
    "seldon": {"model": "churn", "uri": "s3://models/churn"},
    "sagemaker": {
        "endpoint": "churn",
        "image": "123.dkr.ecr.eu-central-1.amazonaws.com/serve:3",
        "role": "arn:aws:iam::123456789012:role/serve",
        "uri": "s3://models/churn.tar.gz",
        "instances": 2,
        "region": "eu-central-1",
    },
    "vertex": {
        "endpoint": "123",
        "region": "europe-west4",
        "image": "europe-docker.pkg.dev/p/serve:3",
        "uri": "gs://models/churn",
        "predict-route": "/predict",
        "health-route": "/health",
        "port": 8080,
        "project": "models-prod",
    },
    "azureml": {
        "endpoint": "churn",
        "file": "deployment.yml",
        "resource-group": "ml",
        "workspace": "models",
        "model": "azureml:churn:3",
    },
    "databricks": {"endpoint": "churn", "entity": "main.default.churn", "entity-version": 3},
    "mlflow-deployments": {
        "deployment": "churn",
        "target": "sagemaker:/eu-central-1",
        "uri": "models:/churn/3",
        "flavor": "python_function",
    },
    "modal": {"app": "app.py", "deployment": "churn", "environment": "prod"},
}
"""Settings of each preset: every one that there is, or nearly."""
every_preset = pytest.mark.parametrize("name", PRESETS)


class Tool:
    """A process runner in which `answer` says how each command ends; remembers the commands."""

    def __init__(self, answer: Callable[[str], Finished | None] = lambda _: None) -> None:
        self.answer = answer
        self.ran: list[str] = []
        self.commands: list[Command] = []

    def run(self, command: Command, output: Callable[[str], None]) -> Finished:
        line = " ".join(command.argv)
        self.ran.append(line)
        self.commands.append(command)
        done = self.answer(line) or Finished(0, 0.1, "pod/churn-1\n" if "get pods" in line else "")
        output(done.tail)
        return done


def options(name: str, **changes: Any) -> PresetOptions:
    found = options_of(PresetDeployer, {"name": name, **GIVEN[name], **changes})
    assert isinstance(found, PresetOptions)
    return found


def job(tmp_path: Path, said: list[str] | None = None, **changes: Any) -> Job:
    files, model_dir = tmp_path / "files", tmp_path / "model"
    files.mkdir(exist_ok=True)
    model_dir.mkdir(exist_ok=True)
    return Job(a_plan(**changes), "try-1", {}, 20.0, (said if said is not None else []).append, files, model_dir)


def deployed(tmp_path: Path, name: str, answer: Callable[[str], Finished | None] = lambda _: None) -> list[str]:
    tool = Tool(answer)
    PresetDeployer(tool, FakeClock()).deploy(job(tmp_path), options(name))
    return tool.ran


def nothing_there(line: str) -> Finished | None:
    """Every question is answered in the words with which each tool says that there is none."""
    words = {
        "bentoml get": "Error: [bentos] `get` failed: Bento 'churn:v3.1.0' is not found in BentoML store /x",
        "bentoml deployment get": "Error: [deployment] `get` failed: Deployment churn is not found: {}",
        "describe-endpoint-config": '(ValidationException) … Could not find endpoint configuration "arn:aws:…".',
        "describe-endpoint ": '(ValidationException) … Could not find endpoint "arn:aws:…".',
        "describe-model": '(ValidationException) … Could not find model "arn:aws:…".',
        "models describe": "ERROR: (gcloud.ai.models.describe) NOT_FOUND: The Model does not exist.",
        "online-deployment show": "(ResourceNotFound) …",
        "serving-endpoints get": "Error: Endpoint with name 'churn' does not exist.",
        "deployments get": "mlflow.exceptions.MlflowException: … Could not find endpoint …",
    }
    if "EndpointConfigName" in line and line.count("describe-endpoint "):
        return Finished(0, 0.1, re.search(r"churn-v3-1-0-\w{8}", "churn-v3-1-0-00000000")[0])  # type: ignore[index]
    return next((Finished(1, 0.1, said) for part, said in words.items() if part in line + " "), None)


@every_preset
def test_every_placeholder_is_a_setting_or_a_fact(name: str) -> None:
    preset = PRESETS[name]
    known = {*FACTS, *preset.names}
    looks = [Step("", preset.look.argv)] if preset.look else []
    for step in [*preset.steps, *preset.undeploy, *looks]:
        texts = [step.expects, step.sees, step.absent]
        named = {
            *placeholders(step.argv),
            *(found for text in texts for found in re.findall(r"\{([a-z][a-z-]+)\}", text)),
        }
        assert named <= known, step
    optional = {one.name for one in preset.settings if not one.required and not one.default}
    for step in [*preset.steps, *preset.undeploy, *looks]:
        for argument in step.argv:
            assert not (isinstance(argument, str) and set(placeholders((argument,))) & optional), argument


@every_preset
def test_conditions_name_questions_that_were_asked_before(name: str) -> None:
    for steps in (PRESETS[name].steps, PRESETS[name].undeploy):
        asked: set[str] = set()
        for step in steps:
            assert {step.when, step.unless} - {""} <= asked, step
            asked |= {step.finds} - {""}


@every_preset
def test_every_preset_has_a_page_that_shows_it_and_says_what_was_checked(name: str) -> None:
    preset = PRESETS[name]
    page = (ROOT / "docs/howto" / preset.page).read_text(encoding="utf-8")
    assert f"name: {name}" in page
    assert re.search(r"^## What was checked$", page, re.MULTILINE)
    assert re.search("run|unchecked|checked", preset.checked)


@every_preset
def test_the_commands_that_a_dry_run_shows(name: str) -> None:
    golden = Path(__file__).parent / "golden" / f"preset-{name}.txt"
    chosen = options(name, **{"allow-delete": True})
    deployer = PresetDeployer(Tool(), FakeClock())
    lines = deployer.describe(a_plan(), chosen)
    if not deployer.why_not_undeploy(chosen):
        lines += ["", "to take it away:", *deployer.describe_undeploy(a_plan(), chosen)]
    assert "\n".join(lines) + "\n" == golden.read_text(encoding="utf-8")


@every_preset
def test_what_is_shown_is_what_is_run(name: str, tmp_path: Path) -> None:
    tool = Tool(nothing_there)
    deployer = PresetDeployer(tool, FakeClock())
    shown = " ".join(deployer.describe(a_plan(), options(name)))
    if name == "sagemaker":  # its last step wants the name of this release
        release = facts(a_plan(), name, {})["release"][:-8]
        tool.answer = lambda line: nothing_there(line) if "Name --output" not in line else _named(line, release, shown)
    deployer.deploy(job(tmp_path), options(name))
    assert tool.ran
    for command in tool.commands:
        for argument in command.argv:
            assert argument in shown or json.dumps(argument)[1:-1] in shown


def _named(line: str, release: str, shown: str) -> Finished | None:
    found = re.search(rf"{release}\w{{8}}", shown)
    missing = nothing_there(line) if "describe-endpoint " not in line else None
    return missing or Finished(0, 0.1, f"{found[0] if found else ''}\n")


@pytest.mark.parametrize("name", ["bentoml-cloud", "databricks", "mlflow-deployments"])
def test_what_is_not_there_is_created_and_what_is_there_is_updated(name: str, tmp_path: Path) -> None:
    new, old = " | ".join(deployed(tmp_path, name, nothing_there)), " | ".join(deployed(tmp_path, name))
    create, update = {
        "bentoml-cloud": ("bentoml deploy churn:v3.1.0", "bentoml deployment update churn"),
        "databricks": ("serving-endpoints create", "serving-endpoints update-config"),
        "mlflow-deployments": ("deployments create", "deployments update"),
    }[name]
    assert (create in new, update in new) == (True, False)
    assert (create in old, update in old) == (False, True)


@pytest.mark.parametrize("name", [one for one in PRESETS if any(step.finds for step in PRESETS[one].steps)])
def test_a_question_that_cannot_be_asked_has_no_answer(name: str, tmp_path: Path) -> None:
    tool = Tool(lambda _: Finished(1, 0.1, "Unable to locate credentials"))
    with pytest.raises(DeploymentFailed) as caught:
        PresetDeployer(tool, FakeClock()).deploy(job(tmp_path), options(name))
    assert caught.value.message.startswith("step 1 of ")
    assert "did not say that there is none" in caught.value.message
    assert "credentials" in caught.value.hint
    assert "credentials" in caught.value.tail
    assert len(tool.ran) == 1
    assert not caught.value.retryable


def test_a_question_may_ask_to_be_asked_again(tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed) as caught:
        PresetDeployer(Tool(lambda _: Finished(75, 0.1)), FakeClock()).deploy(job(tmp_path), options("modal"))
    assert caught.value.retryable
    with pytest.raises(DeploymentFailed) as caught:
        PresetDeployer(Tool(lambda _: Finished(75, 0.1)), FakeClock()).deploy(job(tmp_path), options("sagemaker"))
    assert caught.value.retryable


def test_pods_that_come_late_are_waited_for_and_pods_that_never_come_are_a_timeout(tmp_path: Path) -> None:
    looks = iter(range(10))
    clock = FakeClock()
    late = Tool(
        lambda line: Finished(0, 0.1, "pod/x" if next(looks) >= 3 else "No resources") if "pods" in line else None
    )
    PresetDeployer(late, clock).deploy(job(tmp_path), options("kserve"))
    assert len([line for line in late.ran if "get pods" in line]) == 4

    never = Tool(lambda line: Finished(0, 0.1, "No resources") if "pods" in line else None)
    with pytest.raises(DeploymentFailed) as caught:
        PresetDeployer(never, clock).deploy(job(tmp_path), options("kserve"))
    assert caught.value.reason is Reason.DEPLOYER_TIMEOUT
    assert len([line for line in never.ran if "get pods" in line]) == 10  # every 2 s of 20 s
    assert all((command.timeout or 0) > 0 for command in never.commands)


def test_a_program_that_is_not_there_is_no_answer_either(tmp_path: Path) -> None:
    tool = Tool(lambda _: Finished(127, 0.1, "mlflow: command not found"))
    with pytest.raises(DeploymentFailed):
        PresetDeployer(tool, FakeClock()).deploy(job(tmp_path), options("mlflow-deployments"))
    assert len(tool.ran) == 1


class Aws:
    """SageMaker, as far as the preset knows it: what was made stays, and cannot be made twice."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.endpoint = ""
        self.falls_back = False

    def __call__(self, line: str) -> Finished | None:
        verb = line.split()[2]
        name = re.search(r"churn-v[\w-]+", line)
        kind = verb.partition("-")[2]
        if kind == "endpoint" and verb != "create-endpoint":
            return self._endpoint(verb, line, name[0] if name else "")
        thing = f"{kind} {name[0]}" if name else ""
        if verb.startswith("describe"):
            missing = f'Could not find {"model" if kind == "model" else "endpoint configuration"} "arn".'
            return Finished(0, 0.1, "x") if thing in self.made else Finished(254, 0.1, missing)
        if verb.startswith("create"):
            if thing in self.made or (verb == "create-endpoint" and self.endpoint):
                return Finished(254, 0.1, "Cannot create already existing")
            self.made.add(thing)
            if verb == "create-endpoint" and name:
                self.endpoint = name[0]
        return None

    def _endpoint(self, verb: str, line: str, name: str) -> Finished | None:
        if verb == "update-endpoint":
            self.endpoint = self.endpoint if self.falls_back else name
        elif verb == "describe-endpoint":
            if not self.endpoint:
                return Finished(254, 0.1, 'Could not find endpoint "arn".')
            return Finished(0, 0.1, f"{self.endpoint if 'ConfigName' in line else 'InService'}\n")
        elif verb == "delete-endpoint":
            self.endpoint = ""
        return None


def test_sagemaker_makes_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    aws = Aws()
    first, second = (deployed(tmp_path, "sagemaker", aws) for _ in range(2))
    assert [line.split()[2] for line in first if line.split()[2].startswith(("create", "update"))] == [
        "create-model",
        "create-endpoint-config",
        "create-endpoint",
    ]
    assert not [line for line in second if line.split()[2].startswith(("create", "update"))]

    tool = Tool(aws)
    PresetDeployer(tool, FakeClock()).deploy(job(tmp_path), options("sagemaker", instances=3))
    assert [line.split()[2] for line in tool.ran if line.split()[2].startswith(("create", "update"))] == [
        "create-model",
        "create-endpoint-config",
        "update-endpoint",
    ]


def test_sagemaker_going_back_by_itself_is_a_failure(tmp_path: Path) -> None:
    aws = Aws()
    deployed(tmp_path, "sagemaker", aws)
    aws.falls_back = True
    with pytest.raises(DeploymentFailed, match=r"step 10 of 10 .* is not what it must be"):
        PresetDeployer(Tool(aws), FakeClock()).deploy(job(tmp_path), options("sagemaker", instances=3))


def test_sagemaker_deletes_the_endpoint_once(tmp_path: Path) -> None:
    aws = Aws()
    deployed(tmp_path, "sagemaker", aws)
    chosen, tool = options("sagemaker", **{"allow-delete": True}), Tool(aws)
    for _ in range(2):
        PresetDeployer(tool, FakeClock()).undeploy(job(tmp_path), chosen)
    assert len([line for line in tool.ran if "delete-endpoint" in line]) == 1


def test_vertex_gives_traffic_to_what_is_deployed_already(tmp_path: Path) -> None:
    number = ""

    def answer(line: str) -> Finished | None:
        nonlocal number
        found = re.search(r"--deployed-model-id=(\d+)", line)
        number = found[1] if found else number
        return Finished(0, 0.1, f"777\n{number}\n") if "flatten" in line else nothing_there(line)

    first, second = (deployed(tmp_path, "vertex", answer) for _ in range(2))
    assert any("deploy-model" in line for line in first)
    assert not any("deploy-model" in line for line in second)
    assert any(f"--traffic-split={number}=100" in line for line in second)


def test_steps_share_one_timeout(tmp_path: Path) -> None:
    clock = FakeClock()
    tool = Tool()

    def slow(_: str) -> None:
        clock.sleep(15)

    tool.answer = slow
    with_time = replace(job(tmp_path), timeout=20.0)
    PresetDeployer(tool, clock).deploy(with_time, options("kubectl"))
    assert [command.timeout for command in tool.commands] == [20.0, 5.0]


def test_a_step_that_fails_is_named_and_status_75_is_worth_another_try(tmp_path: Path) -> None:
    for code, again in ((1, False), (75, True)):
        tool = Tool(lambda line, code=code: Finished(code, 0.1, "no") if "rollout" in line else None)  # type: ignore[misc]
        with pytest.raises(DeploymentFailed) as caught:
            PresetDeployer(tool, FakeClock()).deploy(job(tmp_path), options("kubectl"))
        assert (
            caught.value.message == f"step 2 of 2 (wait until its rollout is done): kubectl exited with status {code}"
        )
        assert caught.value.retryable is again


def test_the_tool_is_not_installed(tmp_path: Path) -> None:
    def missing(_: str) -> None:
        raise FileNotFoundError

    with pytest.raises(DeploymentFailed) as caught:
        PresetDeployer(Tool(missing), FakeClock()).deploy(job(tmp_path), options("modal"))
    assert "modal was not found" in caught.value.message
    assert "pip install modal" in caught.value.hint


def test_a_bento_is_built_in_the_tagged_commit_and_served_from_the_trusted_checkout(tmp_path: Path) -> None:
    tool = Tool(nothing_there)
    one = job(tmp_path)
    (tmp_path / "model" / "services").mkdir()
    PresetDeployer(tool, FakeClock()).deploy(one, options("bentoml", path="services"))
    assert [command.cwd.relative_to(tmp_path).as_posix() for command in tool.commands] == [
        "files",
        "model/services",
        "files",
    ]
    assert tool.commands[-1].argv == ("./serve.sh", "--port", "3000")
    assert tool.commands[0].env["BENTOML_DO_NOT_TRACK"] == "True"


@pytest.mark.parametrize("name", ["bentoml", "bentoml-cloud"])
def test_a_bento_of_that_name_is_taken_only_if_it_was_built_from_this_commit(name: str, tmp_path: Path) -> None:
    """Another repository, or a person at that machine, may have built one: it would serve, and tell this version."""

    def built_from(commit: str) -> Callable[[str], Finished | None]:
        labels = json.dumps({"labels": {"model-stage-deploy-commit": commit}, "schema": "\n" * 200}, indent=2)

        def answer(line: str) -> Finished | None:
            if line.startswith("bentoml get"):
                return Finished(0, 0.1, labels)
            return Finished(1, 0.1, "already exists in the store") if line.startswith("bentoml build") else None

        return answer

    ran = deployed(tmp_path, name, built_from("c" * 40))
    assert not any(line.startswith("bentoml build") for line in ran)
    for other in ("b" * 40, ""):
        tool = Tool(built_from(other))
        with pytest.raises(DeploymentFailed, match=r"step 2 of \d \(build it\): bentoml exited with status 1"):
            PresetDeployer(tool, FakeClock()).deploy(job(tmp_path), options(name))
        assert f"--label=model-stage-deploy-commit={'c' * 40}" in tool.ran[-1]


def test_what_a_question_looks_for_may_stand_at_the_beginning_of_a_long_answer(tmp_path: Path) -> None:
    """A process keeps the end of what it printed."""
    label = f'"model-stage-deploy-commit": "{"c" * 40}"\n'

    class Long(Tool):
        def run(self, command: Command, output: Callable[[str], None]) -> Finished:
            if command.argv[1] != "get":
                return super().run(command, output)
            for piece in (label[:20], label[20:], "x\n" * 10):
                output(piece)
            return Finished(0, 0.1, "x\n")

    tool = Long()
    PresetDeployer(tool, FakeClock()).deploy(job(tmp_path), options("bentoml"))
    assert tool.ran == ["./serve.sh --port 3000"]


@pytest.mark.parametrize("path", ["../files", "/etc", "nowhere", "link"])
def test_a_path_out_of_the_tagged_commit(path: str, tmp_path: Path) -> None:
    one, tool = job(tmp_path), Tool(nothing_there)
    (tmp_path / "model" / "link").symlink_to("/etc")
    with pytest.raises(DeploymentFailed, match="is no directory of the tagged commit"):
        PresetDeployer(tool, FakeClock()).deploy(one, options("bentoml", path=path))
    assert len(tool.ran) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "kubectll"}, "did you mean `kubectl`?"),
        ({"name": "helm"}, "known: bentoml, bentoml-cloud, kubectl"),
        ({"name": "kubectl"}, "preset kubectl: `deployment` is missing; `container` is missing; `image` is missing"),
        ({"name": "kubectl", **GIVEN["kubectl"], "imagee": "x"}, "`imagee` is unknown, did you mean `image`?"),
        ({"name": "kubectl", **GIVEN["kubectl"], "image": "--kubeconfig=x"}, "must not begin with `-`"),
        ({"name": "kubectl", **GIVEN["kubectl"], "image": "a\nb"}, "must be one line"),
        ({"name": "kubectl", **GIVEN["kubectl"], "image": ""}, "must be one line"),
        ({"name": "kubectl", **GIVEN["kubectl"], "image": "x" * 5000}, "must be one line"),
        ({"name": "kubectl", **GIVEN["kubectl"], "image": ["x"]}, "must be a text"),
        ({"name": "kubectl", **GIVEN["kubectl"], "image": True}, "must be a text"),
        ({"name": "kubectl", **GIVEN["kubectl"], "container": "a=b"}, "must be a name of Kubernetes"),
        ({"name": "sagemaker", **GIVEN["sagemaker"], "endpoint": "a.b"}, "letters, digits and `-`"),
        ({"name": "sagemaker", **GIVEN["sagemaker"], "endpoint": "file:///etc/passwd"}, "letters, digits and `-`"),
        ({"name": "sagemaker", **GIVEN["sagemaker"], "instances": 0}, "must be a whole number"),
        ({"name": "azureml", **GIVEN["azureml"], "file": "@/etc/passwd"}, "must be a file"),
        ({"name": "bentoml", "restart": "./serve.sh"}, "must be a list of texts"),
        ({"name": "bentoml", "restart": []}, "must begin with the name of a program"),
        ({"name": "bentoml", "restart": ["x", 3]}, "must be a list of texts"),
        ({}, "deploy.with.name: is missing"),
    ],
)
def test_settings_that_are_wrong(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        options_of(PresetDeployer, given)
    assert caught.value.reason is Reason.MAPPING_INVALID
    assert words in caught.value.message


def test_the_hint_names_the_settings_of_the_preset() -> None:
    with pytest.raises(Invalid) as caught:
        options_of(PresetDeployer, {"name": "kubectl"})
    named = "name, allow-delete, deployment, container, image, namespace, context"
    assert caught.value.hint == f"settings under `with`: {named}"
    for unknown in ({"name": "helm"}, {"name": ["kubectl"]}, {"name": None}, {}):
        with pytest.raises(Invalid) as caught:
            options_of(PresetDeployer, unknown)
        assert caught.value.hint == "settings under `with`: name, allow-delete"


def test_a_mistake_quotes_no_value() -> None:
    with pytest.raises(Invalid) as caught:
        options_of(
            PresetDeployer, {"name": "kubectl", **GIVEN["kubectl"], "image": "-hunter2", "container": "hunter=2"}
        )
    assert "hunter" not in caught.value.message + caught.value.hint


@given(
    value=st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable() and not text.startswith("-")),
    version=st.sampled_from(["v1.0.0", "v1.0.0-rc.1", "v1.0.0+b.1", "v10.20.30-x-y", "a" * 40]),
)
def test_one_value_is_one_argument_and_never_an_option(value: str, version: str) -> None:
    plan = a_plan()
    plan = replace(plan, decision=replace(plan.decision, version=version))
    for name, those in GIVEN.items():
        preset = PRESETS[name]
        free = [one.name for one in preset.settings if one.kind == "text" and not one.pattern]
        settings = {**those, **dict.fromkeys(free, value)}
        values: dict[str, Any] = {
            **facts(plan, name, settings),
            **{one.name: one.default for one in preset.settings if one.default},
        }
        values |= {key: tuple(one) if isinstance(one, list) else str(one) for key, one in settings.items()}
        for step in preset.steps:
            plain, filled = arguments(step.argv, {**values, **dict.fromkeys(free, "x")}), arguments(step.argv, values)
            assert len(plain) == len(filled)
            assert [one.startswith("-") for one in plain] == [one.startswith("-") for one in filled]


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_value_is_not_read_again(first: str, second: str) -> None:
    values = {"image": "{uri}" + first, "uri": second}
    assert arguments(("--x={image}",), values) == ("--x={uri}" + first,)
    assert pattern("^{uri}$", values).search(second + "x") is None


def test_a_value_that_would_be_an_option_is_refused() -> None:
    with pytest.raises(ValueError, match="would be taken for an option"):
        arguments(("{image}",), {"image": "--help"})
    assert arguments(("--image={image}",), {"image": "--help"}) == ("--image=--help",)


@pytest.mark.parametrize("model", ["churn", "fraud/eu", "9lives", "a" * 200, "dir:model_x"])
@pytest.mark.parametrize("version", ["v1.0.0", "v1.0.0-rc.1", "v1.0.0+build.5", "0123456789" * 4])
def test_names_of_a_release_fit_every_tool(model: str, version: str) -> None:
    plan = a_plan(name=model)
    found = facts(replace(plan, decision=replace(plan.decision, version=version)), "sagemaker", {})
    assert re.fullmatch(r"[a-z](-*[a-z0-9]){0,62}", found["release"])  # SageMaker, Vertex AI, labels of Kubernetes
    assert re.fullmatch(r"[a-z][a-z0-9-]{2,31}", found["release-short"])  # Azure ML
    assert re.fullmatch(r"[1-9][0-9]{9}", found["release-number"])  # Vertex AI
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", found["version-tag"])  # Docker


def test_another_setting_version_or_commit_is_another_release() -> None:
    plan = a_plan()
    decisions = [
        plan.decision,
        replace(plan.decision, version="v3.1.0-rc.1"),
        replace(plan.decision, version="v3.1.0-rc-1"),
        replace(plan.decision, commit="d" * 40),
    ]
    names = {facts(replace(plan, decision=one), "sagemaker", {"uri": "x"})["release"] for one in decisions}
    names |= {facts(plan, "sagemaker", {"uri": "y"})["release"], facts(plan, "vertex", {"uri": "x"})["release"]}
    assert len(names) == 6
    assert facts(plan, "sagemaker", {"uri": "x"})["release"] in names


@every_preset
def test_deleting_needs_a_yes_and_a_command(name: str) -> None:
    deployer = PresetDeployer(Tool(), FakeClock())
    can = can_undeploy(deployer, options(name, **{"allow-delete": True}))
    assert can == ("" if PRESETS[name].undeploy else f"the preset {name} has no command for it")
    if PRESETS[name].undeploy:
        assert "allow-delete: true" in can_undeploy(deployer, options(name))


def test_stopping_needs_a_command_of_yours(tmp_path: Path) -> None:
    chosen = options("bentoml", stop=None, **{"allow-delete": True})
    assert "`deploy.with.stop`" in can_undeploy(PresetDeployer(Tool(), FakeClock()), chosen)
    with pytest.raises(DeploymentFailed, match="stop"):
        PresetDeployer(Tool(), FakeClock()).undeploy(job(tmp_path), chosen)


@pytest.mark.parametrize(
    ("name", "code", "output", "state", "words"),
    [
        ("kubectl", 0, "4|4|3|3|3|r/churn:v1", "running", "3 of 3 available"),
        ("kubectl", 0, "5|4|3|3|3|r/churn:v1", "starting", "3 of 3 available"),
        ("kubectl", 0, "4|4|3|1||r/churn:v1", "starting", "0 of 3 available, 1 updated"),
        ("kubectl", 0, "4|4|0|||r/churn:v1", "stopped", "scaled to zero"),
        ("kubectl", 0, "", "unknown", "something else"),
        ("kubectl", 0, "Warning: x\n4|4|1|1|1|i", "running", "1 of 1"),
        ("kubectl", 1, 'Error from server (NotFound): deployments.apps "churn" not found', "absent", "none"),
        ("kubectl", 1, "connection refused", "unknown", "could not look"),
        ("kserve", 0, "True", "running", "nothing of the version"),
        ("kserve", 0, "False", "failed", "False"),
        ("kserve", 0, "Unknown", "starting", "Unknown"),
        ("kserve", 0, "", "unknown", "not there"),
        ("sagemaker", 0, "InService\tchurn-v3-1-0-12345678", "running", "churn-v3-1-0-12345678"),
        ("sagemaker", 0, "Updating\tx", "starting", "Updating"),
        ("sagemaker", 0, "Failed\tx", "failed", "Failed"),
        ("sagemaker", 0, "InService", "unknown", "something else"),
        ("sagemaker", 254, "Could not find endpoint", "absent", "none"),
        ("sagemaker", 253, "Unable to locate credentials", "unknown", "could not look"),
    ],
)
def test_what_runs(name: str, code: int, output: str, state: str, words: str, tmp_path: Path) -> None:
    tool = Tool(lambda _: Finished(code, 0.1, output))
    deployer = PresetDeployer(tool, FakeClock())
    assert can_tell_status(deployer, options(name)) == ""
    found = deployer.status(job(tmp_path), options(name))
    assert isinstance(found, Status)
    assert (found.state, found.version) == (state, "")
    assert words in found.sentence
    assert found.sentence.isprintable()


def test_a_preset_that_cannot_look_says_so(tmp_path: Path) -> None:
    deployer = PresetDeployer(Tool(), FakeClock())
    assert can_tell_status(deployer, options("modal")) == "the preset modal has no command that tells it"
    with pytest.raises(DeploymentFailed, match="no command that tells it"):
        deployer.status(job(tmp_path), options("modal"))
