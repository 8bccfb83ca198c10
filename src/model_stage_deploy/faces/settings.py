"""The one table of inputs and outputs: action.yml, the command line and docs/reference are held to it by tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model_stage_deploy.core.durations import BadDuration, parse_duration
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret

ACTION_COMMANDS = ("deploy", "rollback", "finish", "resolve", "plan", "promote", "check", "reconcile", "sweep")


AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the action; the command line has the same as `--NAME`."""

    name: str
    help: str
    default: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A step output."""

    name: str
    help: str


INPUTS: tuple[Input, ...] = (
    Input(
        "command",
        "What to do: deploy, rollback, finish (join what many jobs deployed to the targets of one stage), resolve "
        "(outputs only, deploys nothing), plan (outputs for later jobs), promote (write a stage tag), check (the "
        "mapping), reconcile (find what a lost event left undone), or sweep (close what dead runs left behind).",
        "deploy",
    ),
    Input("tag", "The tag to deploy or resolve. Default: the tag that was pushed."),
    Input("model", "rollback, promote, plan, check, reconcile, sweep: the model, such as churn or fraud/eu."),
    Input(
        "stage",
        "rollback, promote, plan, reconcile: the stage, such as prod. deploy: only this one of the stages that a tag "
        "concerns.",
    ),
    Input(
        "to",
        "rollback: the version to go back to. Default: the one that was there before. promote: the version, always.",
    ),
    Input("target", "deploy, rollback: only these of the stage's targets, by name, separated by commas."),
    Input("wave", "deploy, rollback: only this wave of the stage's targets: its number, from 1."),
    Input("shard", "deploy, rollback: only this part of the targets: 2/8 is the second of eight."),
    Input(
        "spread",
        "plan: many jobs for the targets of a stage. How many jobs for waves of them, one after the other, the "
        "workflow has; 0 for one job for all.",
        "0",
    ),
    Input("shards", "plan: how many jobs each wave gets. Default: as many as are of use, and as there is room for."),
    Input("planned", "deploy, rollback, finish: what a plan promised, from its matrix. Anything else is refused."),
    Input(
        "force",
        "deploy: even a tag that a newer one superseded, a version that is live already, or one that failed and is "
        "held. rollback: even to a version that was never in the stage, or was deregistered. reconcile: with `apply`, "
        "also what was undone on purpose, is held, or failed too often. It is recorded.",
        "false",
    ),
    Input("override", "A reason for going past the gates in an emergency. Only for whom the mapping lists."),
    Input(
        "wait", "How long to wait for another deployment of the stage: 10m; 0 for not at all. Default: the mapping's."
    ),
    Input("no-lock", "Take no lock: only where nothing else can deploy at the same time.", "false"),
    Input(
        "write-tag",
        "rollback: write a GTO tag that says what is live: true or false. Default: the mapping's, else true.",
    ),
    Input("config", "Path of the mapping file. Default: .github/model-stages.yml, else model-stages.yml."),
    Input(
        "config-ref",
        "Where the mapping and deploy scripts are read: a branch, tag or commit, or `tag` for the tagged commit. "
        "Default: the default branch.",
    ),
    Input("dry-run", "Show the whole plan and touch nothing.", "false"),
    Input("apply", "reconcile: deploy what has drifted, through gates, lock and verification.", "false"),
    Input("settings", "reconcile: what runs with other settings than the mapping has now is drift, too.", "false"),
    Input("check-run", "Report as a check run as well (`checks: write`), mistakes at their lines.", "false"),
    Input("no-github", "Record nothing on GitHub, but in a log in the repository's `.git`.", "false"),
    Input(
        "records",
        "Where deployments are recorded: auto (the code host that runs the job), github, gitlab, git (refs of the "
        "remote), or log (a file in the repository's `.git`).",
        AUTO,
    ),
    Input("repo", "Path of the repository. Default: the workspace."),
    Input(
        "secrets",
        "Secrets for the mapping, as lines NAME=VALUE or as a JSON object. Only those that a stage lists are used.",
    ),
    Input("token", "Token for the repository and its deployments.", "${{ github.token }}"),
)

OUTPUTS: tuple[Output, ...] = (
    Output("event", "What the tag says: registration, deregistration, assignment, unassignment or deprecation."),
    Output("name", "The model's name."),
    Output("version", "The model's version."),
    Output("stage", "The stage, for an assignment or unassignment."),
    Output("type", "The artifact's type, if annotated."),
    Output("path", "The artifact's path, if annotated."),
    Output("description", "The artifact's description, if annotated."),
    Output("tag", "The tag."),
    Output("commit", "The commit of the model version."),
    Output("environment", "The environment that the mapping names."),
    Output("environment-url", "Where the deployed model can be reached, if known."),
    Output("previous-version", "The version that was in the stage before."),
    Output("result", "How the run ended, in one word."),
    Output("reason", "Why it ended so: a stable code."),
    Output("deployment-id", "The id of the GitHub Deployment."),
    Output(
        "live-version", "The version that is live at the end, as far as this run knows: after a rollback the old one."
    ),
    Output("verified", "Whether verification said that what was deployed serves: true or false."),
    Output("matrix", 'plan: what is to be deployed, as a matrix for a later job: `{"include": [...]}`.'),
    Output("count", "plan, reconcile: how many deployments that are."),
    Output("waves", "plan: a list of matrices for the targets of stages, to be carried out one after the other."),
    Output("finish", "plan: a matrix for the jobs that join what the jobs of the waves did."),
    Output("spread", "plan: how many deployments the waves are of."),
    Output("keep-going", "plan: whether a wave begins even if the one before failed: true or false."),
    Output("json", "The whole outcome as a JSON document."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run was asked to do. Empty texts where nothing was said."""

    command: str
    tag: str = ""
    model: str = ""
    stage: str = ""
    to: str = ""
    target: str = ""
    wave: str = ""
    shard: str = ""
    spread: int = 0
    shards: int = 0
    planned: str = ""
    force: bool = False
    config: str = ""
    config_ref: str = ""
    dry_run: bool = False
    apply: bool = False
    settings: bool = False
    check_run: bool = False
    no_github: bool = False
    records: str = AUTO
    override: str = ""
    wait: float | None = None
    no_lock: bool = False
    write_tag: bool | None = None
    by_hand: bool = False
    repo: str = ""
    secrets: Secret | None = None
    token: Secret | None = None


def from_inputs(environ: Mapping[str, str]) -> Settings:
    """Settings of an action run: `INPUT_<NAME>` as the runner sets them, hyphens kept.

    Raises Invalid (usage) for an unknown command or a switch that is neither true nor false.
    """
    given = {entry.name: environ.get(_variable(entry.name), "").strip() or _plain_default(entry) for entry in INPUTS}
    if given["command"] not in ACTION_COMMANDS:
        raise Invalid(
            Reason.USAGE,
            f"there is no command {given['command'][:80]!r}",
            hint=f"commands: {', '.join(ACTION_COMMANDS)}",
        )
    token = given["token"] or environ.get("GITHUB_TOKEN", "")
    return Settings(
        command=given["command"],
        tag=given["tag"],
        model=given["model"],
        stage=given["stage"],
        to=given["to"],
        target=given["target"],
        wave=given["wave"],
        shard=given["shard"],
        spread=_number("spread", given["spread"]),
        shards=_number("shards", given["shards"]),
        planned=given["planned"],
        force=_switch("force", given["force"]),
        config=given["config"],
        config_ref=given["config-ref"],
        dry_run=_switch("dry-run", given["dry-run"]),
        apply=_switch("apply", given["apply"]),
        settings=_switch("settings", given["settings"]),
        check_run=_switch("check-run", given["check-run"]),
        no_github=_switch("no-github", given["no-github"]),
        records=given["records"],
        override=given["override"],
        wait=wait_of(given["wait"], "input wait"),
        no_lock=_switch("no-lock", given["no-lock"]),
        write_tag=_switch("write-tag", given["write-tag"]) if given["write-tag"] else None,
        repo=given["repo"],
        secrets=Secret(given["secrets"]) if given["secrets"] else None,
        token=Secret(token) if token else None,
    )


def _number(name: str, text: str) -> int:
    if text and (not text.isascii() or not text.isdigit() or len(text) > 6):
        raise Invalid(Reason.USAGE, f"input {name} is {text[:80]!r}", hint="write a whole number, 0 for none")
    return int(text or 0)


def wait_of(text: str, where: str) -> float | None:
    """Seconds to wait for another deployment, None where nothing is said. Raises Invalid (usage)."""
    if not text:
        return None
    if text in ("0", "0s", "0m"):
        return 0.0
    try:
        return parse_duration(text)
    except BadDuration as problem:
        raise Invalid(Reason.USAGE, f"{where} is {text[:80]!r}: {problem}", hint="write 0, 90s or 10m") from None


def _variable(name: str) -> str:
    return f"INPUT_{name.upper()}"


def _plain_default(entry: Input) -> str:
    return "" if entry.default.startswith("${{") else entry.default


def _switch(name: str, value: str) -> bool:
    lowered = value.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    raise Invalid(Reason.USAGE, f"input {name} is {value[:80]!r}", hint="write true or false")
