"""The presets by name. Those for Kubernetes and for clouds are in the tables next door; here are the other tools.

`checked` is a promise to the reader: it says what was really tried, and no more. tests/deployers/test_presets_real.py
(long) holds the flags to the tools' own `--help`.
"""

from __future__ import annotations

from collections.abc import Mapping

from model_stage_deploy.deployers.preset_steps import NAME, Given, Items, Preset, Setting, Step
from model_stage_deploy.deployers.presets_clouds import AZURE_ML, DATABRICKS, VERTEX
from model_stage_deploy.deployers.presets_kubernetes import KSERVE, KUBECTL, SELDON
from model_stage_deploy.deployers.presets_sagemaker import SAGEMAKER

_NAMED = "must be letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit"

_BENTO = Setting(
    "bento",
    "Name of the bento; with another model's name in it, two models never share one.",
    required=False,
    default="{model-slug}",
    pattern=r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?",
    words="must be lower case letters, digits, `.`, `_` and `-`",
)
_BENTO_ENV = {"BENTOML_DO_NOT_TRACK": "True"}
_BENTO_INSTALL = "install BentoML where this runs: pip install bentoml; the action's image has none"

_BUILD = (
    Step(
        "look whether the bento was built of this commit before",
        ("bentoml", "get", "{bento}:{version-tag}", "--output=json"),
        finds="bento",
        sees=r'"model-stage-deploy-commit": "{commit}"',
        absent=r"is not found in BentoML store",
    ),
    Step(
        "build it",  # which fails where one of another commit has its name: that is for a person to delete
        (
            "bentoml",
            "build",
            "--name={bento}",
            "--version={version-tag}",
            "--label=model-stage-deploy-commit={commit}",
        ),
        unless="bento",
        inside="tagged",
    ),
)
_PATH = Setting(
    "path",
    "Directory of the tagged commit with the service, from the top of the repository.",
    required=False,
    default=".",
)

BENTOML = Preset(
    name="bentoml",
    about="BentoML on a machine of your own: build the bento, then run your command that starts it anew.",
    page="use-bentoml.md",
    checked="run with BentoML 1.4: built, served, asked for predictions, and replaced by the next version",
    install=_BENTO_INSTALL,
    settings=(
        _BENTO,
        _PATH,
        Setting(
            "restart",
            "Your command that serves BENTO:VERSION from now on, and ends when it answers.",
            kind="list",
        ),
        Setting("stop", "Your command that stops serving.", required=False, kind="list"),
    ),
    steps=(*_BUILD, Step("serve it in place of what was served", (Items("restart"),))),
    undeploy=(Step("stop serving", (Items("stop"),)),),
    undeploy_needs="stop",
    env=_BENTO_ENV,
)

_CLOUD = (
    Setting("deployment", "Name of the deployment on BentoCloud.", pattern=NAME, words=_NAMED),
    Setting("cluster", "Cluster of BentoCloud.", required=False, pattern=NAME, words=_NAMED),
)
_FIND_DEPLOYMENT = Step(
    "look whether the deployment is there",
    ("bentoml", "deployment", "get", "{deployment}", Given("cluster", ("--cluster={cluster}",)), "--output=json"),
    finds="deployment",
    absent=r"(?i)is not found",
)

BENTOML_CLOUD = Preset(
    name="bentoml-cloud",
    about="BentoCloud: build the bento, push it, and create the deployment the first time, update it later.",
    page="use-bentoml.md",
    checked="flags checked against `bentoml --help` of 1.4.39; never run against BentoCloud",
    install=f"{_BENTO_INSTALL}; sign in with BENTO_CLOUD_API_KEY and BENTO_CLOUD_API_ENDPOINT",
    settings=(*_CLOUD, _BENTO, _PATH),
    steps=(
        *_BUILD,
        Step("push it", ("bentoml", "push", "{bento}:{version-tag}")),
        _FIND_DEPLOYMENT,
        Step(
            "create the deployment, and wait for it",
            (
                "bentoml",
                "deploy",
                "{bento}:{version-tag}",
                "--name={deployment}",
                Given("cluster", ("--cluster={cluster}",)),
                "--wait",
                "--timeout={timeout}",
            ),
            unless="deployment",
        ),
        Step(
            "update the deployment (this command does not wait: `verify:` does)",
            (
                "bentoml",
                "deployment",
                "update",
                "{deployment}",
                Given("cluster", ("--cluster={cluster}",)),
                "--bento={bento}:{version-tag}",
            ),
            when="deployment",
        ),
    ),
    undeploy=(
        _FIND_DEPLOYMENT,
        Step(
            "terminate the deployment (`bentoml deployment start` brings it back)",
            (
                "bentoml",
                "deployment",
                "terminate",
                "{deployment}",
                Given("cluster", ("--cluster={cluster}",)),
                "--wait",
            ),
            when="deployment",
        ),
    ),
    env=_BENTO_ENV,
)

MODAL = Preset(
    name="modal",
    about="Modal: deploy an app file of the trusted checkout, tagged with the version.",
    page="use-modal.md",
    checked="flags checked against `modal --help` of 1.6.4; never run against Modal",
    install="install Modal where this runs: pip install modal; sign in with MODAL_TOKEN_ID and MODAL_TOKEN_SECRET",
    settings=(
        Setting(
            "app",
            "The app's file in the trusted checkout, such as app.py.",
            pattern=r"[^-].*\.py",
            words="must be a Python file",
        ),
        Setting("deployment", "Name of the deployed app.", pattern=NAME, words=_NAMED),
        Setting("environment", "Modal environment.", required=False, pattern=NAME, words=_NAMED),
    ),
    steps=(
        Step(
            "deploy the app",
            (
                "modal",
                "deploy",
                "{app}",
                "--name={deployment}",
                Given("environment", ("--env={environment}",)),
                "--tag={version}",
            ),
        ),
    ),
)

_TARGET = (
    Setting("deployment", "Name of the deployment.", pattern=NAME, words=_NAMED),
    Setting("target", "Where to: an MLflow deployment target, such as sagemaker:/eu-central-1."),
)
_FIND = Step(
    "look whether the deployment is there",
    ("mlflow", "deployments", "get", "--target={target}", "--name={deployment}"),
    finds="deployment",
    absent=r"(?i)could not find|not found|does not exist|no deployment|RESOURCE_DOES_NOT_EXIST",
)


def _deployments(verb: str) -> tuple[str | Given, ...]:
    return (
        "mlflow",
        "deployments",
        verb,
        "--target={target}",
        "--name={deployment}",
        "--model-uri={uri}",
        Given("flavor", ("--flavor={flavor}",)),
    )


MLFLOW_DEPLOYMENTS = Preset(
    name="mlflow-deployments",
    about="`mlflow deployments` to any of its targets: create the first time, update later.",
    page="use-mlflow-deployments.md",
    checked="run with MLflow 3 and a target made for the test; never run against a cloud",
    install="install MLflow and the target's plugin where this runs: pip install mlflow",
    settings=(
        *_TARGET,
        Setting("uri", "The model, such as models:/churn/3 or s3://bucket/models/churn."),
        Setting("flavor", "Flavour to deploy, where MLflow cannot tell.", required=False, pattern=NAME, words=_NAMED),
    ),
    steps=(
        _FIND,
        Step("create the deployment", _deployments("create"), unless="deployment"),
        Step("update the deployment", _deployments("update"), when="deployment"),
    ),
    undeploy=(
        _FIND,
        Step(
            "delete the deployment",
            ("mlflow", "deployments", "delete", "--target={target}", "--name={deployment}"),
            when="deployment",
        ),
    ),
    env={"MLFLOW_DISABLE_TELEMETRY": "true"},
)

PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        BENTOML,
        BENTOML_CLOUD,
        KUBECTL,
        KSERVE,
        SELDON,
        SAGEMAKER,
        VERTEX,
        AZURE_ML,
        DATABRICKS,
        MLFLOW_DEPLOYMENTS,
        MODAL,
    )
}
"""Every preset by its name."""
