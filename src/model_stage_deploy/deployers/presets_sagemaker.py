"""Preset `sagemaker`. A model and an endpoint configuration never change on SageMaker: each release makes its own.

They are named after the release, which has a hash of the settings: a second run finds what the first one made, and
other settings make another one. Never run against SageMaker.
"""

from __future__ import annotations

from model_stage_deploy.deployers.contract import State, Status
from model_stage_deploy.deployers.preset_steps import NAME, NUMBER, Given, Json, Look, Number, Preset, Setting, Step

_DASHED = r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}"
_DASHES = "must be letters, digits and `-`, 63 at most"
_WHOLE = "must be a whole number"
_PLAIN = "must be letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit"

_AWS_REGION = Given("region", ("--region={region}",))
_NO_ENDPOINT = r"Could not find endpoint|Could not find Endpoint"


def _aws(*arguments: str | Json) -> tuple[str | Given | Json, ...]:
    return ("aws", "sagemaker", *arguments, _AWS_REGION)


def _endpoint_status(code: int, output: str) -> Status:
    if code != 0:
        absent = "Could not find" in output
        return Status("absent" if absent else "unknown", "there is none" if absent else "aws could not look")
    words = output.strip().splitlines()[-1].split() if output.strip() else []
    if len(words) != 2:
        return Status("unknown", "aws printed something else than was asked for")
    states: dict[str, State] = {
        "InService": "running",
        "Failed": "failed",
        "OutOfService": "stopped",
        "Deleting": "stopped",
    }
    known = states.get(words[0], "starting")
    sentence = f"SageMaker says {words[0]}, endpoint configuration {words[1]}"[:300]
    return Status(known, sentence, facts={"endpoint-config": words[1]})


SAGEMAKER = Preset(
    name="sagemaker",
    about="SageMaker: make a model and an endpoint configuration of this release, and move the endpoint to it.",
    page="use-sagemaker.md",
    checked="flags checked against `aws help` of 1.46; never run against SageMaker",
    install="install the AWS command line where this runs, and sign it in before",
    settings=(
        Setting("endpoint", "Name of the endpoint.", pattern=_DASHED, words=_DASHES),
        Setting("image", "Image of the inference container."),
        Setting("role", "ARN of the execution role.", pattern=r"arn:[^\s]+", words="must be an ARN"),
        Setting("uri", "Where the model is, for `ModelDataUrl`.", required=False),
        Setting(
            "instance-type", "Type of instance.", required=False, default="ml.m5.large", pattern=NAME, words=_PLAIN
        ),
        Setting("instances", "How many instances.", required=False, default="1", pattern=NUMBER, words=_WHOLE),
        Setting(
            "region", "Region; else that of the AWS configuration.", required=False, pattern=_DASHED, words=_DASHES
        ),
    ),
    steps=(
        Step(
            "look whether the model of this release is there",
            _aws("describe-model", "--model-name={release}", "--query=ModelName", "--output=text"),
            finds="model",
            absent=r"Could not find model",
        ),
        Step(
            "make it",
            _aws(
                "create-model",
                "--model-name={release}",
                Json("--primary-container=", {"Image": "{image}", "ModelDataUrl": "{uri}"}),
                "--execution-role-arn={role}",
            ),
            unless="model",
        ),
        Step(
            "look whether its endpoint configuration is there",
            _aws(
                "describe-endpoint-config",
                "--endpoint-config-name={release}",
                "--query=EndpointConfigName",
                "--output=text",
            ),
            finds="config",
            absent=r"Could not find endpoint configuration",
        ),
        Step(
            "make it",
            _aws(
                "create-endpoint-config",
                "--endpoint-config-name={release}",
                Json(
                    "--production-variants=",
                    [
                        {
                            "VariantName": "AllTraffic",
                            "ModelName": "{release}",
                            "InstanceType": "{instance-type}",
                            "InitialInstanceCount": Number("{instances}"),
                        }
                    ],
                ),
            ),
            unless="config",
        ),
        Step(
            "look whether the endpoint is there",
            _aws("describe-endpoint", "--endpoint-name={endpoint}", "--query=EndpointStatus", "--output=text"),
            finds="endpoint",
            absent=_NO_ENDPOINT,
        ),
        Step(
            "look whether it serves this release",
            _aws("describe-endpoint", "--endpoint-name={endpoint}", "--query=EndpointConfigName", "--output=text"),
            finds="done",
            sees=r"(?m)^{release}\s*$",
            when="endpoint",
        ),
        Step(
            "create the endpoint",
            _aws("create-endpoint", "--endpoint-name={endpoint}", "--endpoint-config-name={release}"),
            unless="endpoint",
        ),
        Step(
            "move the endpoint to this release",
            _aws("update-endpoint", "--endpoint-name={endpoint}", "--endpoint-config-name={release}"),
            when="endpoint",
            unless="done",
        ),
        Step("wait until it is in service", _aws("wait", "endpoint-in-service", "--endpoint-name={endpoint}")),
        Step(
            "see that it serves this release, for SageMaker goes back by itself where an update fails",
            _aws("describe-endpoint", "--endpoint-name={endpoint}", "--query=EndpointConfigName", "--output=text"),
            expects=r"(?m)^{release}\s*$",
        ),
    ),
    undeploy=(
        Step(
            "look whether the endpoint is there",
            _aws("describe-endpoint", "--endpoint-name={endpoint}", "--query=EndpointStatus", "--output=text"),
            finds="endpoint",
            absent=_NO_ENDPOINT,
        ),
        Step(
            "delete the endpoint (models and configurations stay)",
            _aws("delete-endpoint", "--endpoint-name={endpoint}"),
            when="endpoint",
        ),
        Step("wait until it is gone", _aws("wait", "endpoint-deleted", "--endpoint-name={endpoint}"), when="endpoint"),
    ),
    look=Look(
        _aws(
            "describe-endpoint",
            "--endpoint-name={endpoint}",
            "--query=[EndpointStatus,EndpointConfigName]",
            "--output=text",
        ),
        _endpoint_status,
    ),
    env={"AWS_PAGER": ""},
)
