"""Presets that end in `kubectl`: an image of a Deployment, a KServe InferenceService, a Seldon Core 2 Model."""

from __future__ import annotations

from model_stage_deploy.deployers.contract import Status
from model_stage_deploy.deployers.preset_steps import Given, Json, Look, Preset, Setting, Step

_LABEL = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_LABELLED = "must be a name of Kubernetes: lower case letters, digits, `-` and `.`"
_INSTALL = (
    "install kubectl where this runs, and sign it in to the cluster before; the action's image has none: "
    "docs/howto/run-on-the-runner.md"
)
_WHERE = (
    Setting(
        "namespace", "Namespace; else that of the kubectl context.", required=False, pattern=_LABEL, words=_LABELLED
    ),
    Setting("context", "Context of the kubectl configuration; else the current one.", required=False),
)
_SAID = (Given("namespace", ("--namespace={namespace}",)), Given("context", ("--context={context}",)))
_WAIT = "--timeout={timeout}s"


_NUMBERS = (
    "--output=jsonpath={.metadata.generation}|{.status.observedGeneration}|{.spec.replicas}|{.status.updatedReplicas}|"
    '{.status.availableReplicas}|{.spec.template.spec.containers[?(@.name=="{container}")].image}'
)


def _name(what: str) -> Setting:
    return Setting(what.lower(), f"Name of the {what}.", pattern=_LABEL, words=_LABELLED)


def _deployment(code: int, output: str) -> Status:
    """The Deployment's numbers, as _NUMBERS asks for them."""
    if code != 0:
        return _not_seen(output)
    fields = output.strip().splitlines()[-1].split("|") if output.strip() else []
    if len(fields) != 6:
        return Status("unknown", "kubectl printed something else than was asked for")
    generation, observed, wanted, updated, available, image = (field.strip() for field in fields)
    numbers = f"{available or 0} of {wanted or 0} available, {updated or 0} updated"
    seen = {"image": image}
    if wanted == "0":
        return Status("stopped", "it is scaled to zero", facts=seen)
    if observed == generation and wanted == updated == available:
        return Status("running", f"{numbers}, image {image}", facts=seen)
    return Status("starting", f"{numbers}, image {image}", facts=seen)


def _ready(code: int, output: str) -> Status:
    """The condition Ready: True, False or Unknown, alone on a line."""
    if code != 0:
        return _not_seen(output)
    said = output.strip().splitlines()[-1].strip() if output.strip() else ""
    if said == "True":
        return Status("running", "its condition Ready is True; that says nothing of the version")
    if said == "False":
        return Status("failed", "its condition Ready is False")
    return Status("starting" if said == "Unknown" else "unknown", f"its condition Ready is {said or 'not there'}"[:200])


def _not_seen(output: str) -> Status:
    if "(NotFound)" in output:
        return Status("absent", "there is none")
    return Status("unknown", "kubectl could not look")


KUBECTL = Preset(
    name="kubectl",
    about="`kubectl set image` of a Deployment, then wait until its rollout is done.",
    page="use-kubernetes.md",
    checked="run with kubectl against a stand-in of the Kubernetes API; never run against a cluster",
    install=_INSTALL,
    settings=(
        _name("Deployment"),
        Setting("container", "Name of the container in its pods.", pattern=_LABEL, words=_LABELLED),
        Setting("image", "Image with its tag or digest.", pattern=r"[^\s=]+", words="must hold no spaces and no `=`"),
        *_WHERE,
    ),
    steps=(
        Step("set the image", ("kubectl", "set", "image", "deployment/{deployment}", "{container}={image}", *_SAID)),
        Step(
            "wait until its rollout is done",
            ("kubectl", "rollout", "status", "deployment/{deployment}", *_SAID, _WAIT),
        ),
    ),
    look=Look(
        (
            "kubectl",
            "get",
            "deployment/{deployment}",
            *_SAID,
            _NUMBERS,
        ),
        _deployment,
    ),
)

_PODS = "serving.kserve.io/inferenceservice={inferenceservice},model-stage-deploy-release={release}"

KSERVE = Preset(
    name="kserve",
    about="KServe: patch the storage URI of an InferenceService, and wait for pods of this very release.",
    page="use-kserve.md",
    checked="run with kubectl against a stand-in of the Kubernetes API; never run against KServe",
    install=_INSTALL,
    settings=(
        _name("InferenceService"),
        Setting("uri", "Where the model is, for `spec.predictor.model.storageUri`."),
        *_WHERE,
    ),
    steps=(
        Step(
            "set the storage URI, and mark the pods with this release",
            (
                "kubectl",
                "patch",
                "inferenceservice/{inferenceservice}",
                *_SAID,
                "--type=merge",
                Json(
                    "--patch=",
                    {
                        "spec": {
                            "predictor": {
                                "labels": {"model-stage-deploy-release": "{release}"},
                                "model": {"storageUri": "{uri}"},
                            }
                        }
                    },
                ),
            ),
        ),
        Step(
            "wait until there are pods of this release",
            ("kubectl", "get", "pods", f"--selector={_PODS}", *_SAID, "--output=name"),
            expects=r"(?m)^pod/",
            every=2.0,
        ),
        Step(
            "wait until they are ready",
            ("kubectl", "wait", "pod", f"--selector={_PODS}", "--for=condition=Ready", *_SAID, _WAIT),
        ),
        Step(
            "wait until the service is ready",
            ("kubectl", "wait", "inferenceservice/{inferenceservice}", "--for=condition=Ready", *_SAID, _WAIT),
        ),
    ),
    undeploy=(
        Step(
            "delete the InferenceService",
            ("kubectl", "delete", "inferenceservice/{inferenceservice}", "--ignore-not-found=true", *_SAID, _WAIT),
        ),
    ),
    look=Look(
        (
            "kubectl",
            "get",
            "inferenceservice/{inferenceservice}",
            *_SAID,
            '--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}',
        ),
        _ready,
    ),
)

SELDON = Preset(
    name="seldon",
    about="Seldon Core 2: patch the storage URI of a Model, and wait until it is ready.",
    page="use-kubernetes.md",
    checked="run with kubectl against a stand-in of the Kubernetes API; never run against Seldon",
    install=_INSTALL,
    settings=(
        _name("Model"),
        Setting("uri", "Where the model is, for `spec.storageUri`."),
        *_WHERE,
    ),
    steps=(
        Step(
            "set the storage URI",
            (
                "kubectl",
                "patch",
                "models.mlops.seldon.io/{model}",
                *_SAID,
                "--type=merge",
                Json("--patch=", {"spec": {"storageUri": "{uri}"}}),
            ),
        ),
        Step(
            "wait until it is ready (it may still be ready from before the patch: `verify:` finds out)",
            ("kubectl", "wait", "models.mlops.seldon.io/{model}", "--for=condition=Ready", *_SAID, _WAIT),
        ),
    ),
    look=Look(
        (
            "kubectl",
            "get",
            "models.mlops.seldon.io/{model}",
            *_SAID,
            '--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}',
        ),
        _ready,
    ),
)
