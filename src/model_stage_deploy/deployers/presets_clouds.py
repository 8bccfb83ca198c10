"""Presets for the clouds' own model endpoints: Vertex AI, Azure ML, Databricks. presets_sagemaker.py is next door.

None was run against the cloud itself. Vertex AI and Azure ML make something new for each release and give it all
traffic; a second run finds what the first one made.
"""

from __future__ import annotations

from model_stage_deploy.deployers.preset_steps import NAME, NUMBER, Given, Json, Preset, Setting, Step

_DASHES = "must be letters, digits and `-`, 63 at most"
_WHOLE = "must be a whole number"
_PLAIN = "must be letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit"

_GCLOUD = (Given("project", ("--project={project}",)), "--region={region}")
_DEPLOYED = (
    "gcloud",
    "ai",
    "endpoints",
    "describe",
    "{endpoint}",
    *_GCLOUD,
    "--flatten=deployedModels[]",
    "--format=value(deployedModels.id)",
)

VERTEX = Preset(
    name="vertex",
    about="Vertex AI: upload the model of this release, deploy it to the endpoint, and give it all traffic.",
    page="use-vertex-ai.md",
    checked="flags checked against `gcloud help` of 528, by hand; never run against Vertex AI",
    install="install the Google Cloud command line where this runs, and sign it in before",
    settings=(
        Setting("endpoint", "Number (ID) of the endpoint.", pattern=r"[A-Za-z0-9-]{1,63}", words=_DASHES),
        Setting("region", "Region.", pattern=r"[a-z0-9-]+", words="must be a region such as europe-west4"),
        Setting("image", "Image of the serving container."),
        Setting("uri", "Where the model is: a directory in Cloud Storage.", required=False),
        Setting(
            "machine-type", "Type of machine.", required=False, default="n1-standard-2", pattern=NAME, words=_PLAIN
        ),
        Setting("replicas", "How many replicas, at least.", required=False, default="1", pattern=NUMBER, words=_WHOLE),
        Setting(
            "predict-route",
            "Path for predictions in the container.",
            required=False,
            pattern=r"/\S*",
            words="must be a path",
        ),
        Setting(
            "health-route", "Path for health in the container.", required=False, pattern=r"/\S*", words="must be a path"
        ),
        Setting("port", "Port of the container.", required=False, pattern=NUMBER, words=_WHOLE),
        Setting(
            "project",
            "Project; else that of the gcloud configuration.",
            required=False,
            pattern=r"[a-z0-9.:-]+",
            words="must be a project ID",
        ),
    ),
    steps=(
        Step(
            "look whether the model of this release is there",
            ("gcloud", "ai", "models", "describe", "{release}", *_GCLOUD, "--format=value(name)"),
            finds="model",
            absent=r"NOT_FOUND",
        ),
        Step(
            "upload it",
            (
                "gcloud",
                "ai",
                "models",
                "upload",
                "--model-id={release}",
                "--display-name={release}",
                "--container-image-uri={image}",
                Given("uri", ("--artifact-uri={uri}",)),
                Given("predict-route", ("--container-predict-route={predict-route}",)),
                Given("health-route", ("--container-health-route={health-route}",)),
                Given("port", ("--container-ports={port}",)),
                *_GCLOUD,
            ),
            unless="model",
        ),
        Step(
            "look whether the endpoint has it",
            _DEPLOYED,
            finds="deployed",
            sees=r"(?m)^{release-number}\s*$",
        ),
        Step(
            "deploy it, with all traffic",
            (
                "gcloud",
                "ai",
                "endpoints",
                "deploy-model",
                "{endpoint}",
                "--model={release}",
                "--display-name={release}",
                "--deployed-model-id={release-number}",
                "--machine-type={machine-type}",
                "--min-replica-count={replicas}",
                "--traffic-split=0=100",
                *_GCLOUD,
            ),
            unless="deployed",
        ),
        Step(
            "give it all traffic",
            ("gcloud", "ai", "endpoints", "update", "{endpoint}", "--traffic-split={release-number}=100", *_GCLOUD),
            when="deployed",
        ),
    ),
    env={"CLOUDSDK_CORE_DISABLE_PROMPTS": "1"},
)

_AZ = ("--resource-group={resource-group}", "--workspace-name={workspace}")

AZURE_ML = Preset(
    name="azureml",
    about="Azure ML: create a deployment of this release beside the others, then give it all traffic.",
    page="use-azure-ml.md",
    checked="unchecked: flags read in Microsoft's reference; never run",
    install="install the Azure command line with its extension `ml` where this runs, and sign it in before",
    settings=(
        Setting("endpoint", "Name of the online endpoint.", pattern=r"[A-Za-z][A-Za-z0-9-]{1,62}", words=_DASHES),
        Setting("file", "YAML of the deployment, in the trusted checkout.", pattern=r"[^-@].*", words="must be a file"),
        Setting("resource-group", "Resource group.", pattern=r"[^-@].*", words="must be a name"),
        Setting("workspace", "Workspace.", pattern=NAME, words=_PLAIN),
        Setting(
            "model",
            "The model, such as azureml:churn:3, in place of the one that the file names.",
            required=False,
            pattern=r"[A-Za-z][^\s@]*",
            words="must be such as azureml:churn:3",
        ),
    ),
    steps=(
        Step(
            "look whether the deployment of this release is there",
            (
                "az",
                "ml",
                "online-deployment",
                "show",
                "--name={release-short}",
                "--endpoint-name={endpoint}",
                *_AZ,
                "--query=provisioning_state",
                "--output=tsv",
            ),
            finds="deployment",
            sees=r"(?im)^succeeded\s*$",
            absent=r"(?i)ResourceNotFound|\(NotFound\)|not found",
        ),
        Step(
            "create it, and wait",
            (
                "az",
                "ml",
                "online-deployment",
                "create",
                "--name={release-short}",
                "--endpoint-name={endpoint}",
                "--file={file}",
                Given("model", ("--set", "model={model}")),
                *_AZ,
            ),
            unless="deployment",
        ),
        Step(
            "give it all traffic",
            (
                "az",
                "ml",
                "online-endpoint",
                "update",
                "--name={endpoint}",
                "--traffic={release-short}=100",
                *_AZ,
            ),
        ),
    ),
)

_SERVED = {
    "served_entities": [
        {
            "name": "{release-short}",
            "entity_name": "{entity}",
            "entity_version": "{entity-version}",
            "workload_size": "{workload-size}",
            "scale_to_zero_enabled": True,
        }
    ],
    "traffic_config": {"routes": [{"served_model_name": "{release-short}", "traffic_percentage": 100}]},
}

DATABRICKS = Preset(
    name="databricks",
    about="Databricks model serving: an endpoint that serves one version of a registered model.",
    page="use-databricks.md",
    checked="unchecked: flags read in Databricks' reference; never run",
    install="install the Databricks command line (0.205 or newer, not the one of PyPI) where this runs, and sign it in",
    settings=(
        Setting("endpoint", "Name of the serving endpoint.", pattern=r"[A-Za-z0-9_-]+", words=_PLAIN),
        Setting("entity", "The registered model, such as main.default.churn.", pattern=r"[^\s-]\S*", words=_PLAIN),
        Setting("entity-version", "Its version there: 1, 2, 3, …", pattern=NUMBER, words=_WHOLE),
        Setting(
            "workload-size", "Small, Medium or Large.", required=False, default="Small", pattern=NAME, words=_PLAIN
        ),
    ),
    steps=(
        Step(
            "look whether the endpoint is there",
            ("databricks", "serving-endpoints", "get", "{endpoint}", "--output=json"),
            finds="endpoint",
            absent=r"(?i)does not exist|RESOURCE_DOES_NOT_EXIST",
        ),
        Step(
            "create the endpoint, and wait",
            (
                "databricks",
                "serving-endpoints",
                "create",
                "{endpoint}",
                Json("--json=", {"config": _SERVED}),
                "--timeout={timeout}s",
            ),
            unless="endpoint",
        ),
        Step(
            "move the endpoint to this version, and wait",
            (
                "databricks",
                "serving-endpoints",
                "update-config",
                "{endpoint}",
                Json("--json=", _SERVED),
                "--timeout={timeout}s",
            ),
            when="endpoint",
        ),
    ),
)
